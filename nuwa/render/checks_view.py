"""Values for the templates of monit and cron: which script checks what, and when."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from nuwa.render.view import View


@dataclass(frozen=True)
class ChecksView(View):
    """The checks of an app on a host."""

    @property
    def recover(self) -> str:
        """The command that monit runs when the app does not answer; the unit's name allows only one."""
        return self._by_systemd("recover", "--no-block", f"--unit={self.app.names.recovery}")

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of the slot's containers."""
        return tuple(own.port for own in self.facts.of_replicas(self.app.server.replicas))

    @property
    def backup_check(self) -> str:
        """The command line, quoted for monit: the path of a deployment's folder contains no quotes."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/archived'"

    @property
    def services_check(self) -> str:
        return self._by_systemd("services", "--pipe", "--wait")

    def _by_systemd(self, script: str, *options: str) -> str:
        """A script that monit runs by systemd: on Debian 13, monit's children see a read-only host."""
        words = ("/usr/bin/systemd-run", "--quiet", "--collect", *options, "--setenv=HOME=/root")
        return f"{' '.join(words)} /bin/bash '{self.facts.directory}/bin/lib/{script}'"

    @property
    def minute(self) -> int:
        """The minute of the hour for scheduled checks."""
        return self._spread % 60

    @property
    def hours(self) -> tuple[int, int]:
        """The hours of the day for scheduled checks, 12 hours apart."""
        first = self._spread // 60 % 12
        return first, first + 12

    @property
    def _spread(self) -> int:
        """A number that differs between sites and is constant for each, so that their requests are spread."""
        return zlib.crc32(f"{self.app.name} {self.facts.host}".encode())

    @property
    def certificate_check(self) -> str:
        """The command line for monit, which splits it at spaces outside quotes; no path has quotes."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/check' --served"
