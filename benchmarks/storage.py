"""An archive in object storage by bin/archive_volumes and by plain restic, with a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.filled import FOLDER, MEGABYTES, Filled, installed
from benchmarks.measure import interleaved
from benchmarks.world import World
from tests.standin.s3.server import ACCESS_KEY, rclone

RESTIC = Path("/usr/bin/restic")
"""The distribution's restic, which is copied to the lab host."""
ADDRESS = "127.0.0.1:9000"
REPOSITORY = f"s3:http://{ADDRESS}/bucket/it"
KEYS = f"BACKUP_ACCESS_KEY_ID={ACCESS_KEY[0]} BACKUP_SECRET_ACCESS_KEY={ACCESS_KEY[1]}"
SERVER = f"rclone serve s3 --addr {ADDRESS} --auth-key {','.join(ACCESS_KEY)} /srv/s3"
SERVE = f"""set -e; systemctl stop s3 2>/dev/null || true
rm -rf /srv/s3 /root/.cache/restic; mkdir -p /srv/s3/bucket
systemd-run --quiet --collect --unit s3 {SERVER}
until curl --silent --output /dev/null http://{ADDRESS}/; do sleep 0.1; done
"""
"""A new server each time: it caches the contents of its folders for minutes."""
FIRST = f"{SERVE}cd {FOLDER}; {KEYS} bin/archive_volumes --quiet --repository {REPOSITORY}"
BARE = (
    *("env", f"AWS_ACCESS_KEY_ID={ACCESS_KEY[0]}", f"AWS_SECRET_ACCESS_KEY={ACCESS_KEY[1]}"),
    f"RESTIC_PASSWORD_FILE={FOLDER}/volumes/.nuwa/private/BORG_PASSPHRASE",
    *("restic", "--quiet", "--repo", REPOSITORY),
)
EMPTY = f"{SERVE}{' '.join(BARE)} init; sync"
OURS = ("bin/archive_volumes", "--quiet")
THEIRS = (*BARE, "backup", "bin", "volumes/data", "volumes/secrets")


def storage(world: World) -> Iterator[Figure]:
    """An archive in object storage (S3), against plain restic."""
    with installed(world, "benchstorage", FIRST, RESTIC, rclone()) as filled:
        yield from _figures(filled, world.rounds)


def _archive(filled: Filled, *words: str) -> float:
    """Seconds for an archive in a new, empty repository."""
    filled.sh(EMPTY)
    return filled.measure(*words).took


def _figures(filled: Filled, rounds: int) -> Iterator[Figure]:
    filled.fill(MEGABYTES)
    taken = interleaved(
        rounds, theirs=lambda: _archive(filled, *THEIRS), ours=lambda: _archive(filled, *OURS)
    )
    # 0.9 of the throughput
    title = f"Archive of {MEGABYTES} MB in an S3 server, dumps and checks included"
    yield Figure.of(title, taken, opponent="restic backup", unit="s", target=1.11, decimals=2)
