"""A Django site, from its image to its visitors."""

from __future__ import annotations

import re
import struct
import zlib

from e2e.conftest import Deployment, LabHost, eventually


def png(width: int = 64, height: int = 48) -> bytes:
    """A small picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x30\x60\x90" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_setup_writes_the_scripts_of_exactly_this_image(postcards: Deployment, host: LabHost) -> None:
    image = host.engine.image(postcards.image)
    assert image is not None
    assert host.out(f"cat {postcards.directory}/bin/.image") == image.id
    assert postcards.bin("get_bid").stdout.strip() == image.id
    assert host.out(f"podman inspect --format '{{{{.Id}}}}' {postcards.container}").startswith(
        postcards.bin("get_cid").stdout.strip()
    )


def test_the_page_is_served_over_https_with_a_certificate_for_its_name(postcards: Deployment) -> None:
    page = postcards.site.get("/")
    assert page.status == 200
    assert "Postcards" in page.text
    assert page.headers["x-content-type-options"] == "nosniff"


def test_plain_http_leads_to_https(postcards: Deployment, host: LabHost) -> None:
    ask = "curl -s -o /dev/null -w '%{http_code} %{redirect_url}' --resolve"
    answer = host.out(f"{ask} {postcards.domain}:80:127.0.0.1 http://{postcards.domain}/cards/?a=b")
    assert answer == f"301 https://{postcards.domain}/cards/?a=b"


def test_static_files_come_from_nginx_to_be_kept_for_ever(postcards: Deployment) -> None:
    site = postcards.site
    found = re.search(r'href="(/static/postcards/style\.[0-9a-f]+\.css)"', site.get("/").text)
    assert found, "the page names no hashed stylesheet"
    style = site.get(found.group(1))
    assert style.status == 200
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"].startswith("text/css")
    # Only a server that reads the file itself knows its time of change.
    assert "last-modified" in style.headers


def test_an_upload_lands_in_the_volume_and_the_worker_makes_its_picture(
    postcards: Deployment, host: LabHost
) -> None:
    site = postcards.site
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', site.get("/").text)
    assert token
    answer = site.post_form(
        "/",
        {"csrfmiddlewaretoken": token.group(1), "text": "Grüße vom Prüfstand 🌊", "name": "e2e"},
        {"photo": ("photo.png", png())},
    )
    assert answer.status == 302, answer.text
    originals = host.out(f"find {postcards.directory}/volumes/media/originals -type f").splitlines()
    assert len(originals) == 1
    card = originals[0].rsplit("/", 1)[1][:36]
    picture = eventually(
        lambda: (found := site.get(f"/pictures/{card}-small.webp")).status == 200 and found,
        "the worker makes the picture",
    )
    assert picture.body[:4] == b"RIFF"  # type: ignore[attr-defined]
    assert "Grüße vom Prüfstand 🌊" in site.get("/").text


def test_the_cron_job_runs_as_the_app(postcards: Deployment) -> None:
    eventually(lambda: "last tidied" in postcards.site.get("/").text, "cron runs tidy", seconds=90)


def test_the_app_is_unprivileged_and_its_secret_is_in_no_inspect(
    postcards: Deployment, host: LabHost
) -> None:
    assert postcards.inside("stat -c %U /proc/self") == "root", "podman exec is root's"
    owners = set(postcards.inside("sh -c 'ps -eo user=,args= 2>/dev/null || true'").splitlines())
    secret = host.out(f"cat {postcards.directory}/volumes/secrets/SECRET_KEY")
    assert len(secret) >= 32
    assert secret not in host.out(f"podman inspect {postcards.container}")
    assert secret not in "".join(owners)


def snapshot(deployment: Deployment) -> str:
    """Everything that must not move when nothing changed: processes, their start, every host file's time."""
    state = f"{deployment.directory}/volumes"
    when = "-printf '%p %T@ %i\\n' | sort"
    return deployment.host.out(
        f"podman inspect --format '{{{{.State.Pid}}}} {{{{.State.StartedAt}}}}' {deployment.container};"
        "cat /run/nginx.pid; pgrep -P $(cat /run/nginx.pid) | sort; pgrep -x monit;"
        f"find /etc/systemd/system /etc/nginx /etc/monit /etc/cron.d -name 'nuwa-*' {when};"
        f"find {state}/secrets {state}/.nuwa/tls {state}/static -type f {when}"
    )


def test_everything_again_changes_nothing(postcards: Deployment, host: LabHost) -> None:
    before = snapshot(postcards)
    assert f"nuwa-{postcards.app}" in before
    assert not host.copy(postcards.image)
    postcards.bin("run")
    postcards.bin(f"install {postcards.domain}")
    assert snapshot(postcards) == before


def test_a_dry_run_says_that_nothing_would_change(postcards: Deployment) -> None:
    before = snapshot(postcards)
    shown = postcards.bin("run --dry-run").stdout + postcards.bin("install --dry-run").stdout
    assert "would write" not in shown
    assert snapshot(postcards) == before


def test_the_scripts_run_from_the_deployments_folder_only(postcards: Deployment, host: LabHost) -> None:
    result = host.sh(f"cd / && {postcards.directory}/bin/run", check=False)
    assert result.code != 0
    assert f"cd {postcards.directory}" in result.stderr.replace("'", "")
