"""What the templates of monit and cron say: which script checks what, and when."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from nuwa.render.view import View


@dataclass(frozen=True)
class ChecksView(View):
    """The checks of an app on a host."""

    @property
    def recover(self) -> str:
        """What monit calls when the app does not answer; one at a time, by the unit's name."""
        return self._by_systemd("recover", "--no-block", f"--unit={self.app.names.recovery}")

    @property
    def ports(self) -> tuple[int, ...]:
        """Where the containers of the slot answer."""
        return tuple(own.port for own in self.facts.of_replicas(self.app.server.replicas))

    @property
    def backup_check(self) -> str:
        """A command line as monit splits it: no folder of a deployment has a quote in its name."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/archived'"

    @property
    def services_check(self) -> str:
        return self._by_systemd("services", "--pipe", "--wait")

    def _by_systemd(self, script: str, *options: str) -> str:
        """A script that monit has systemd run, as its own children see a read-only host on Debian 13."""
        words = ("/usr/bin/systemd-run", "--quiet", "--collect", *options, "--setenv=HOME=/root")
        return f"{' '.join(words)} /bin/bash '{self.facts.directory}/bin/lib/{script}'"

    @property
    def minute(self) -> int:
        """The minute of the hour for timed checks."""
        return self._spread % 60

    @property
    def hours(self) -> tuple[int, int]:
        """The hours of the day for them, half a day apart."""
        first = self._spread // 60 % 12
        return first, first + 12

    @property
    def _spread(self) -> int:
        """Another number for each site, always the same for one: not all ask an authority at once."""
        return zlib.crc32(f"{self.app.name} {self.facts.host}".encode())

    @property
    def certificate_check(self) -> str:
        """What monit runs. It parts words at spaces but within single quotes, which no folder's name has."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/check' --served"
