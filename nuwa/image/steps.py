"""What a build prints, as progress and, when it fails, as an error that says which step failed and why."""

from __future__ import annotations

import re

from nuwa.console import Step
from nuwa.errors import BuildError
from nuwa.process import last_lines

_MARK = "nuwa: "
_NOISE = re.compile(r"(Error: )?(error )?building at STEP |WARN")
_PODMAN = re.compile(
    r"STEP \d+/|COMMIT|-->|Getting image |Copying |Writing |Storing |time=|\[Warning\]|[0-9a-f]{64}$"
)
_NO_WHEEL = re.compile(
    r"no usable wheels|from source is disabled|distributions is disabled|to download and build"
)
_NOT_STARTED = re.compile(r"error running container|unable to apply caps")
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)


class Steps:
    """Listens to one build. Containerfiles announce their steps with lines that start with `nuwa: `."""

    def __init__(self, layer: str, step: Step) -> None:
        self._layer = layer
        self._step = step
        self._title = ""
        self._lines: list[str] = []

    def line(self, text: str) -> None:
        if text.startswith(_MARK):
            self._title = text.removeprefix(_MARK)
            self._lines = []
            self._step.line(self._title)
            return
        self._lines.append(text)
        if not _PODMAN.match(text):
            self._step.line(text)

    @property
    def needs_compiler(self) -> bool:
        """Whether it failed because a Python package has no wheel."""
        return any(_NO_WHEEL.search(line) for line in self._lines)

    def error(self) -> BuildError:
        """The failure in the words of the step that failed; nothing was tagged."""
        lines = [line for line in self._lines if not (_PODMAN.match(line) or _NOISE.match(line))]
        what = f"{self._layer}: {self._title} failed" if self._title else f"the layer {self._layer} failed"
        return BuildError(what, details=last_lines("\n".join(lines or self._lines)), hint=self._hint())

    def _hint(self) -> str:
        if any(_NO_SPACE.search(line) for line in self._lines):
            return "Make room where podman keeps its images (podman info: graphRoot), and build again."
        if not self._title and any(_NOT_STARTED.search(line) for line in self._lines):
            return (
                "No image was made. The step's container could not be started: run it where root has all the "
                "capabilities that containers usually get (capsh --print shows them)."
            )
        if self._title.startswith("import "):
            return (
                "No image was made. The app has to import without its secrets: while it is built, each has "
                "the value nuwa-build, and NUWA_BUILD is 1."
            )
        if self._title.startswith("build Python packages"):
            return (
                "No image was made. Where a package needs headers of the distribution, name them in "
                'image.build_packages, such as "libpq-dev", and what it runs with in image.packages.'
            )
        if self._title.startswith("install"):
            return (
                "No image was made. Check the names and versions, and that this machine reaches their source."
            )
        return "No image was made."
