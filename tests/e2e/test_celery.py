"""A Django site with Vite, Celery, Valkey and PostgreSQL, from its build to its end on a host."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from e2e.conftest import ROOT, Deployment, LabHost, build, eventually, label_commands
from nuwa.engine import Engine

REPOSITORY = "/var/backups/words"
QUEUED = """podman exec {container} /usr/lib/nuwa/app-env python manage.py shell -c '
from words.models import Text
from words.tasks import count_words
text = Text.objects.create(content="left in the queue")
count_words.apply_async([text.pk], queue="nobody")
print("id", text.pk)'"""


def texts(site: Deployment) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(site.site.get("/texts.json").body)["texts"]
    return found


def count(site: Deployment, content: str) -> None:
    """Send a text as a visitor does, and wait until a worker has counted its words."""
    words = len(content.split())
    script = f"""
from words.models import Text
from words.tasks import count_words
count_words.delay(Text.objects.create(content={content!r}).pk)"""
    site.host.sh(
        f"podman exec -i {site.container} /usr/lib/nuwa/app-env python manage.py shell <<'END'\n{script}\nEND"
    )
    eventually(
        lambda: any(text["content"] == content and text["words"] == words for text in texts(site)),
        f"the words of {content!r} are counted",
    )


def keys(site: Deployment) -> str:
    """What the queue of tasks that nobody takes holds."""
    return site.host.out(
        f"cd {site.directory} && REDISCLI_AUTH=$(cut -d' ' -f2 volumes/.nuwa/private/service.valkey) "
        "valkey-cli -p $(cat volumes/.nuwa/port.valkey) llen nobody"
    )


def test_the_whole_line(host: LabHost, engine: Engine, tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "examples" / "celery", tmp_path / "celery")
    manifest = folder / "nuwa.toml"
    manifest.write_text(manifest.read_text() + f'\n[backup]\nrepository = "{REPOSITORY}"\n')
    site = Deployment(host, "/srv/words", build(str(folder)), "words", "words.localhost")
    host.copy(site.image)
    host.sh(f"set -e\n{label_commands(site)}")

    # the page has what Vite built, and a task goes through Valkey into PostgreSQL
    page = site.site.get("/").text
    (script,) = re.findall(r'src="(/static/assets/[^"]+\.js)"', page)
    assert site.site.get(script).status == 200
    count(site, "one two three")
    assert "valkey: active" in site.bin("status").stdout

    # an archive has the queue, and a rehearsal starts from it
    site.host.sh(QUEUED.format(container=site.container))
    assert keys(site) == "1"
    site.bin("archive_volumes --quiet")
    site.bin("archive_volumes --rehearse --quiet")

    # a new release, with the same frontend and the same queue
    (folder / "words/views.py").write_text((folder / "words/views.py").read_text() + "\nRELEASE = 2\n")
    assert build(str(folder)) == site.image
    host.copy(site.image)
    released = host.out(f"podman image inspect -f '{{{{.Id}}}}' {site.image}")
    host.sh(f"cd {site.directory} && bin/deploy --yes {released}", timeout=400)
    count(site, "four five six seven")
    assert keys(site) == "1"

    # what was lost since the archive comes back
    host.sh(
        f"cd {site.directory} && REDISCLI_AUTH=$(cut -d' ' -f2 volumes/.nuwa/private/service.valkey) "
        "valkey-cli -p $(cat volumes/.nuwa/port.valkey) flushall"
    )
    assert keys(site) == "0"
    site.bin("restore_volumes --yes --quiet")
    assert keys(site) == "1"
    assert [text["content"] for text in texts(site)] == ["left in the queue", "one two three"]
    count(site, "eight nine")

    site.bin("uninstall --yes --quiet")
    site.bin("kill --yes --quiet")
    assert host.out("systemctl list-units --all --plain --no-legend 'nuwa-words*'") == ""
    assert host.out("ls /etc/systemd/system | grep nuwa-words || true") == ""
