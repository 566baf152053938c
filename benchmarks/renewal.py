"""Renewals of certificates under load: failed requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.run import Plan
from benchmarks.site import installed
from benchmarks.world import World
from nuwa.lab.model import Lab

DOMAIN = "tiny.lab.test"
SERVER = "https://localhost:14000/dir"
SERIAL = f"""openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} </dev/null 2>/dev/null |
openssl x509 -noout -serial"""
PEBBLE = f"systemctl start pebble; until curl -sf {SERVER} -o /dev/null; do sleep 0.1; done"


def renewal(world: World) -> Iterator[Figure]:
    """Renewals under load: failed requests."""
    with installed(world, Lab("benchrenewal")) as site:
        site.sh(PEBBLE)
        site.bin(f"install --quiet {DOMAIN} --acme-server {SERVER} --email ops@lab.test")
        site = replace(site, domain=DOMAIN)
        serials = {site.sh(SERIAL).stdout}
        kept = Plan(site.target(http2=True), connections=4, pause=0.005)
        fresh = Plan(replace(site.target(), keep_alive=False), connections=2, pause=0.02)
        with load(kept, fresh, before=2, after=2) as samples:
            for _ in range(world.rounds):
                site.bin("install --quiet --renew")
                serials.add(site.sh(SERIAL).stdout)
        assert len(serials) == world.rounds + 1, "not every renewal brought another certificate"
        failed = [sample for sample in samples if sample.outcome.startswith("failed")]
        title = f"Requests failed in {world.rounds} renewals (of {len(samples)})"
        yield Figure(title=title, ours=[len(failed)], unit="", target=0)
