"""podman's command line: each method builds one argv list and returns podman's answer as a value.

Methods raise `CommandError` with podman's last lines if it fails, unless stated otherwise.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa.errors import CommandError, EngineError
from nuwa.podman_probe import Podman, probe
from nuwa.process import Result, background, last_lines, run


@dataclass(frozen=True)
class Image:
    """An image in podman's store."""

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    """Bytes, including all layers below."""
    layers: tuple[str, ...]
    """Digests of its layers, the lowest first."""
    data: Mapping[str, Any]
    """All that `podman image inspect` prints about it."""

    @property
    def architecture(self) -> str:
        """The processor architecture, such as `amd64`."""
        return str(self.data.get("Architecture") or "")

    @property
    def env(self) -> dict[str, str]:
        pairs = (entry.partition("=") for entry in self.data.get("Config", {}).get("Env") or [])
        return {name: value for name, _, value in pairs}

    def answers_to(self, reference: str) -> bool:
        return reference in self.names or self.id.startswith(reference.removeprefix("sha256:"))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Image:
        return cls(
            id=data["Id"],
            names=tuple(data.get("RepoTags") or ()),
            labels=data.get("Labels") or {},
            size=data.get("Size") or 0,
            layers=tuple(data.get("RootFS", {}).get("Layers") or ()),
            data=data,
        )


_LIST_RETRIES = 5
_SAVE_POLL_S = 0.02
MAX_BUILD_PROCESSES = 32768
"""The limit to which podman 4.3 lowers its own before it builds; its children cannot have a higher one."""


def _own_limits() -> list[str]:
    """Options that keep a build within this process's own limits.

    podman 5 asks for about a million open files and processes in every build, and fails if root may not raise
    its limits.
    """
    files, processes = (
        resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
    )
    limits = {} if files == resource.RLIM_INFINITY else {"nofile": files}
    if processes != resource.RLIM_INFINITY:
        limits["nproc"] = min(processes, MAX_BUILD_PROCESSES)
    return [f"--ulimit={name}={limit}:{limit}" for name, limit in limits.items()]


def _is_missing_image(result: Result) -> bool:
    return "image not known" in result.stderr or "no such image" in result.stderr


class Engine:
    """The podman of this machine."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman

    @classmethod
    def detect(cls) -> Engine:
        """The engine, checked and ready.

        Raises:
            EngineError: podman is missing, too old, or cannot start a container here.
        """
        return cls(probe())

    @property
    def version(self) -> tuple[int, ...]:
        return self._podman.version

    @property
    def env(self) -> dict[str, str]:
        """The environment that podman needs here, for code that starts it without this class."""
        conf = self._podman.containers_conf
        return {"CONTAINERS_CONF": conf} if conf else {}

    @property
    def graph_root(self) -> Path:
        """The folder that contains images and containers."""
        return Path(self._podman.graph_root)

    def argv(self, *words: str | Path) -> list[str]:
        """A podman command line."""
        return [self._podman.binary, *(str(word) for word in words)]

    def podman(self, *words: str | Path, env: Mapping[str, str] | None = None, **options: Any) -> Result:
        """Run any podman command; `options` are those of `nuwa.process.run`."""
        return run(self.argv(*words), env={**self.env, **(env or {})}, **options)

    # Images

    def image_inspect(self, *references: str) -> dict[str, Image | None]:
        """Inspect several images in one call; those that do not exist are None."""
        if not references:
            return {}
        result = self.podman("image", "inspect", *references, check=False)
        found = [Image.of(data) for data in json.loads(result.stdout or "[]")]
        if not result.ok and not _is_missing_image(result):
            raise EngineError("podman cannot look at its images", details=result.stderr.strip())
        return {
            reference: next((image for image in found if image.answers_to(reference)), None)
            for reference in references
        }

    def image(self, reference: str) -> Image | None:
        return self.image_inspect(reference)[reference]

    def listed(self) -> dict[str, str]:
        """Ids by name of the images in podman's own store, read from its file (containers/storage).

        No podman has to start and wait for others. Empty if the store has another format; additional image
        stores are not included.
        """
        try:
            (file,) = self.graph_root.glob("*-images/images.json")
            return {
                name: image["id"]
                for image in json.loads(file.read_bytes())
                for name in image.get("names") or ()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def find_image(self, label: str, value: str) -> str | None:
        """The id of a named image that has this label; None if there is none."""
        filters = ("--filter", f"label={label}={value}", "--filter", "dangling=false")
        words = ("image", "ls", "--quiet", "--no-trunc", *filters)
        result = self.podman(*words, check=False)
        for _ in range(_LIST_RETRIES):
            # The whole listing fails if another process removes one of the images meanwhile.
            if result.ok or not _is_missing_image(result):
                break
            result = self.podman(*words, check=False)
        if not result.ok:
            raise EngineError("podman cannot list its images", details=result.stderr.strip())
        listed = result.stdout.split()
        return listed[0].removeprefix("sha256:") if listed else None

    def build(
        self,
        containerfile: str,
        context: Path,
        options: Iterable[str | Path] = (),
        *,
        on_line: Callable[[str], None] | None = None,
        wind_down: Callable[[], None] | None = None,
    ) -> str:
        """Build an image and return its id; it gets no name. If interrupted, it leaves no image.

        Args:
            containerfile: its text.
            context: the folder that COPY and ADD read; podman's temporary files go next to it.
            options: more options of `podman build`.
            on_line: called with each line that the build prints.
            wind_down: as in `nuwa.process.run`.
        """
        with tempfile.TemporaryDirectory(prefix="nuwa-build-", dir=context.parent) as folder:
            file, image_id = Path(folder, "Containerfile"), Path(folder, "id")
            file.write_text(containerfile)
            words = ("build", "--file", file, "--iidfile", image_id, *_own_limits(), *options, context)
            try:
                self.podman(*words, env={"TMPDIR": folder}, on_line=on_line, wind_down=wind_down)
            except BaseException:
                if image_id.exists():
                    self.remove_image(image_id.read_text().strip())
                raise
            return image_id.read_text().strip().removeprefix("sha256:")

    def tag(self, image: str, *names: str) -> None:
        self.podman("tag", image, *names)

    def untag(self, image: str, name: str) -> None:
        self.podman("untag", image, name)

    def remove_image(self, *images: str) -> None:
        """Remove images, or only their names if they are in use; missing images are not an error."""
        result = self.podman("image", "rm", *images, check=False)
        harmless = re.compile(r"image not known|errors occurred:$|^\s*$")
        failures = [line for line in result.stderr.splitlines() if not harmless.search(line)]
        if not result.ok and failures:
            raise CommandError(result.argv, result.code, last_lines("\n".join(failures)))

    def pull(self, reference: str, *options: str, timeout: float) -> str:
        """Pull an image and return its id; `timeout` in seconds."""
        return self.podman("pull", "--quiet", *options, reference, timeout=timeout).stdout.strip()

    def push(self, image: str, destination: str, *options: str) -> None:
        self.podman("push", *options, image, destination)

    def save(self, image: str, file: Path, *, format: str = "docker-archive") -> None:
        self.podman("save", "--format", format, "--output", file, image)

    def save_layers(
        self, image: str, layers: Iterable[str], wanted: Collection[str], folder: Path
    ) -> Generator[tuple[str, Path], None, None]:
        """Write some layers of an image, uncompressed: digest and file of each as soon as it is complete.

        If closed early, it stops podman.

        `podman save` into an OCI layout skips blobs that already exist, whatever their content: empty files
        take the place of the layers that are not wanted. It writes several at a time, and gives each its name
        when it is complete.

        Args:
            layers: digests of all layers of the image.
            wanted: digests of the wanted layers.
            folder: an empty folder.
        """
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        files = {digest: blobs / digest.removeprefix("sha256:") for digest in layers}
        for digest in files.keys() - set(wanted):
            files[digest].touch()
        options = ("--quiet", "--format", "oci-dir", "--uncompressed", "--output", folder)
        left = list(dict.fromkeys(wanted))
        with background(self.argv("save", *options, image), env=self.env) as saving:
            while left:
                ended = saving.wait(_SAVE_POLL_S)
                for digest in [digest for digest in left if files[digest].exists()]:
                    left.remove(digest)
                    yield digest, files[digest]
                if ended:
                    break
            saving.wait(None)
        if left:
            raise EngineError(f"podman saved {image[:12]} without its layer {left[0]}")

    def load(self, file: Path) -> list[str]:
        """Load an archive and return the names, or ids, of its images."""
        lines = self.podman("load", "--input", file).stdout.splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("Loaded image")]
        return [name for line in names for name in line.split(",")]

    # Containers

    def run(self, image: str, *command: str, options: Iterable[str] = (), **how: Any) -> Result:
        """`podman run` with `options` before the image; `how` as in `nuwa.process.run`."""
        return self.podman("run", *options, image, *command, **how)

    def exec(self, container: str, *command: str, options: Iterable[str] = (), **how: Any) -> Result:
        return self.podman("exec", *options, container, *command, **how)

    def containers(self, *filters: str, external: bool = False) -> list[dict[str, Any]]:
        """Containers in any state, as `podman ps --format json` describes them.

        Args:
            filters: such as `label=io.nuwa.lab`.
            external: also those of other tools and of builds in progress.
        """
        words = [word for given in filters for word in ("--filter", given)]
        kind = ["--external"] if external else []
        listed: list[dict[str, Any]] = json.loads(
            self.podman("ps", "--all", "--format", "json", *kind, *words).stdout or "[]"
        )
        return listed

    def remove_containers(self, *containers: str) -> None:
        """Stop and remove containers; missing ones are not an error."""
        if containers:
            self.podman("rm", "--force", "--ignore", "--time", "0", *containers)

    def free_space(self) -> int:
        """Free bytes where images are stored."""
        folder = self.graph_root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free
