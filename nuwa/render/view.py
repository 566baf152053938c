"""Values that every template of a host's files needs besides the manifest and the facts."""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.manifest.data import Volume
from nuwa.manifest.model import App
from nuwa.names import SLOTS
from nuwa.render import container
from nuwa.render.facts import Facts


@dataclass(frozen=True)
class View:
    """An app on a host, as templates see it: `view` in each of them."""

    app: App
    facts: Facts

    @property
    def header(self) -> str:
        image = f"{self.facts.image_name} ({self.facts.image[:12]})"
        return f"Written by nuwa for {self.app.name} from image {image}."

    @property
    def container(self) -> str:
        return self.app.names.container(self.facts.slot)

    @property
    def unit(self) -> str:
        return self.app.names.unit(self.facts.slot)

    @property
    def proxy(self) -> str:
        """The units between nginx's socket and the port of a server without a socket; empty if none."""
        if self.facts.selinux or container.listens_on_socket(self.app, self.facts):
            return ""
        return self.app.names.proxy(self.facts.slot)

    @property
    def excluded_units(self) -> tuple[str, ...]:
        """The other slot's unit, if a volume must not be used by two slots."""
        if all(volume.policy != "exclusive" for volume in self.app.volume):
            return ()
        return tuple(self.app.names.unit(slot) for slot in SLOTS if slot != self.facts.slot)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.facts.port}"

    @property
    def sized(self) -> tuple[Volume, ...]:
        """Volumes with a file system of their own."""
        return tuple(volume for volume in self.app.volume if volume.size is not None)

    def volume_folder(self, volume: Volume) -> str:
        return f"{self.facts.directory}/volumes/{volume.name}"
