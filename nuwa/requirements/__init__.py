"""A project's Python requirements, in whichever file it declares them."""
