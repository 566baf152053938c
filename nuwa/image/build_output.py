"""A build's output as progress and, when it fails, as an error that says which step failed and why."""

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

_NO_HEADERS = re.compile(
    r"fatal error: [\w./+-]+\.h|\w+[-_]config\b.*not found|not found.*\w+[-_]config\b"
    r"|cannot find -l|(?i:header|library) .*not found|pkg-config",
)
_OLDER_THAN_PYTHON = re.compile(
    r": error: .*\W_?(?:Py[A-Z]\w+|Py_\w+|_ts\b)|newer than PyO3's maximum supported version"
    r"|No module named '(?:distutils|imp|pkg_resources)'|no attribute '(?:ImpImporter|SafeConfigParser)'"
)
"""From C and Rust code and setup.py: APIs that newer versions of Python have removed."""
_NO_REGISTRY = re.compile(r"ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|E40[13]\b|SELF_SIGNED|UNABLE_TO_")
_IN_THE_PROJECT = ("import ", "check: ", "collect static files", "build: ")
"""Prefixes of the steps that run code of the project."""
_SIGNS = (
    (
        re.compile(r"the database driver cannot be loaded: (.*)"),
        "A driver that needs a library of the distribution gets it from image.packages (psycopg: libpq5); "
        "or require it with its own, such as psycopg[binary].",
    ),
    (
        re.compile(r"(?:PermissionError|OSError): \[Errno (?:13|30)\][^'\n]*'(/srv/app[^']*)'"),
        "The app cannot write to {0}, nor to the rest of the project: make the folder a [[volume]] with that "
        "path, or do it at build, in [build] commands.",
    ),
    (
        re.compile(r"ModuleNotFoundError: No module named '(?:pkg_resources|setuptools)\b"),
        "A package needs setuptools, which new environments no longer include: add 'setuptools<82' to the "
        "requirements (82 has no pkg_resources), or take a newer version of that package.",
    ),
    (
        re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'|ImportError: No module named (\S+)"),
        "Nothing of that name is among the requirements (image.requirements), in the project or in src/.",
    ),
    (
        re.compile(r"(?i)connection refused|could not connect to server|can't connect to (?:mysql|server)"),
        "No database, cache or other server answers while an image is built: connect at the first request, "
        "not when the app is imported. NUWA_BUILD is 1 during a build.",
    ),
    (
        re.compile(
            r"KeyError: '([A-Z][A-Z0-9_]+)'|Set the (\w+) environment variable"
            r"|(\b[A-Z][A-Z0-9_]+) not found\. Declare it|Field required \[type=missing"
        ),
        "The app reads that variable when it is imported: name it in [env], as one of secrets or generated, "
        "or with its value in [env.clear].",
    ),
)
"""Failures that can be recognised by their output, the most specific first."""
_ANY_IMPORT = (
    "The app has to import and pass its checks without its secrets: while it is built, each that [env] names "
    "begins with nuwa-build, DATABASE_URL is of the engine's kind with nothing that answers, and NUWA_BUILD "
    "is 1."
)


class Steps:
    """Reads the output of a build. Containerfiles announce steps with lines that start with `nuwa: `."""

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
        """The failure, with the output of the step that failed; nothing was tagged."""
        lines = [line for line in self._lines if not (_PODMAN.match(line) or _NOISE.match(line))]
        what = f"{self._layer}: {self._title} failed" if self._title else f"the layer {self._layer} failed"
        return BuildError(what, details=last_lines("\n".join(lines or self._lines)), hint=self._hint())

    def _hint(self) -> str:
        if any(_NO_SPACE.search(line) for line in self._lines):
            return "Free space where podman keeps its images (podman info: graphRoot), and build again."
        if not self._title and any(_NOT_STARTED.search(line) for line in self._lines):
            return (
                "No image was made. The step's container could not be started: run it where root has all the "
                "capabilities that containers usually get (capsh --print shows them)."
            )
        if self._layer == "frontend" and not self._title.startswith("install packages"):
            return f"No image was made. {self._frontend_hint()}"
        if self._title.startswith(_IN_THE_PROJECT):
            return f"No image was made. {self._project_hint()}"
        if self._title.startswith("build Python packages"):
            return f"No image was made. {self._compile_hint()}"
        if self._title.startswith("load "):
            return (
                "No image was made. The app requires a version of gunicorn or uvicorn that does not load "
                "with this Python: require a newer one, or name an older Python in nuwa.toml, such as "
                'python = "3.12" in [image].'
            )
        if self._title.startswith("install"):
            return (
                "No image was made. Check names and versions, and that this machine can reach their source."
            )
        return "No image was made."

    def _frontend_hint(self) -> str:
        if self._title.startswith("take "):
            return "The commands of [build.node] made something else: output names what comes out."
        text = "\n".join(self._lines)
        if _NO_REGISTRY.search(text):
            return (
                "Packages come from the registry that npm's settings on this machine name (npm config get "
                "registry). Check that the machine reaches it."
            )
        return (
            "The command runs in the folder of [build.node], with the files of that folder and those that "
            "`files` names."
        )

    def _project_hint(self) -> str:
        """The remedy for the app's own code: there are few ways in which it fails before there is a host."""
        text = "\n".join(self._lines)
        return next(
            (hint.format(*found.groups()) for sign, hint in _SIGNS if (found := sign.search(text))),
            _ANY_IMPORT,
        )

    def _compile_hint(self) -> str:
        if any(_NO_HEADERS.search(line) for line in self._lines):
            return (
                "A package needs headers of the distribution: name theirs in image.build_packages, such as "
                '"libpq-dev", and what it runs with in image.packages, such as "libpq5".'
            )
        if any(_OLDER_THAN_PYTHON.search(line) for line in self._lines):
            return (
                "The package that the lines above name is older than this Python: require a newer version "
                'of it, or name an older Python in nuwa.toml, such as python = "3.12" in [image].'
            )
        return "The lines above say which package could not be built, and why."
