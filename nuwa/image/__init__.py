"""From a project to an image: layers, their inputs, the build, what is read of a finished image."""
