"""The objects that an image prints, run for real by podman: the same app as on the host, without its init."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import Deployment, LabHost, eventually
from e2e.test_django import png

FILE = "/root/postcards.yaml"
PODS = {"postcards-pod", "postcards-process-worker-pod"}
CLAIMS = {"postcards-volume-data", "postcards-volume-media"}
SECRET = "of-the-pod-0123456789-0123456789-0123456789"
CURL = "curl -s -H 'Host: postcards.localhost' -H 'X-Forwarded-Proto: https'"
URL = "http://127.0.0.1:8000"

DIFFERENCES = {
    "user": ("root", "10001:10001"),
    "capabilities": (["CAP_KILL", "CAP_SETGID", "CAP_SETUID"], []),
    "command": (["/init"], ["/usr/lib/nuwa/app-env", "/usr/lib/nuwa/command/server"]),
    "health": (["CMD-SHELL", "/usr/lib/nuwa/healthcheck"], ["CMD", "/bin/bash", "/usr/lib/nuwa/healthcheck"]),
    "mounts of one": ({"/var/log", "/run/nuwa-app/…"}, set()),
    "variables of one": (
        {"NUWA_SLOT", "NUWA_RUNTIME", "NUWA_SOCKET", "S6_READ_ONLY_ROOT"},
        {"NUWA_FRONT", "FORWARDED_ALLOW_IPS"},
    ),
}
"""What may differ between the host's container and the pod's: nothing else does."""


@pytest.fixture(scope="module")
def pods(host: LabHost, postcards: Deployment) -> Iterator[LabHost]:
    """The objects of the image alone, played on the host; they are taken down by the last test."""
    image = host.out(f"podman image inspect -f '{{{{.Id}}}}' {postcards.image}")
    words = ["--image", image, "--domain", "postcards.localhost", "--podman", "--secrets-from", "/dev/stdin"]
    run = "podman run --rm -i --no-healthcheck --network none --entrypoint /usr/lib/nuwa/kubernetes"
    host.sh(f"umask 077; {run} {image} {shlex.join(words)} >{FILE} <<<SECRET_KEY={SECRET}")
    host.sh(f"podman kube play {FILE}")
    yield host
    host.sh(f"podman kube down --force {FILE}; podman volume rm -f postcards", check=False)


def page(host: LabHost) -> str:
    return str(eventually(lambda: host.out(f"{CURL} --fail {URL}/"), "the page"))


def seen(host: LabHost, container: str) -> dict[str, Any]:
    """What podman says of a container, as far as both ways decide it."""
    data = json.loads(host.out(f"podman inspect {container}"))[0]
    config, host_config = data["Config"], data["HostConfig"]
    mounts = {mount["Destination"]: mount["RW"] for mount in data["Mounts"]}
    return {
        "user": config["User"] or "root",
        "capabilities": data["EffectiveCaps"] or [],
        "command": config["Entrypoint"] if isinstance(config["Entrypoint"], list) else [config["Entrypoint"]],
        "health": config["Healthcheck"]["Test"],
        "mounts": {re.sub(r"(?<=^/run/nuwa-app/).*", "…", path): rw for path, rw in mounts.items()},
        "in memory": set(host_config["Tmpfs"]),
        "variables": {entry.partition("=")[0] for entry in config["Env"]},
        "read-only root": host_config["ReadonlyRootfs"],
        "no new privileges": "no-new-privileges" in str(host_config["SecurityOpt"]),
        "memory": host_config["Memory"],
        "image": data["Image"],
    }


def test_the_pod_is_the_hosts_container_but_for_what_is_written_here(
    pods: LabHost, postcards: Deployment
) -> None:
    on_host, in_pod = seen(pods, postcards.container), seen(pods, "postcards-pod-server")
    for key in ("user", "capabilities", "command", "health"):
        assert (on_host.pop(key), in_pod.pop(key)) == DIFFERENCES[key], key
    mounts, variables = ((set(on_host.pop(key)), set(in_pod.pop(key))) for key in ("mounts", "variables"))
    assert (mounts[0] - mounts[1], mounts[1] - mounts[0]) == DIFFERENCES["mounts of one"]
    assert (variables[0] - variables[1], variables[1] - variables[0]) == DIFFERENCES["variables of one"]
    assert on_host == in_pod
    assert SECRET not in pods.out("podman inspect postcards-pod-server")


def test_page_static_file_and_an_upload_that_the_worker_works_on(pods: LabHost) -> None:
    text = page(pods)
    style = re.search(r'/static/[^"]+\.css', text)
    assert style
    headers = pods.out(f"{CURL} -I -H 'Accept-Encoding: gzip' {URL}{style.group()}").lower()
    assert "cache-control: public, max-age=31536000, immutable" in headers
    assert "content-encoding: gzip" in headers
    shown = pods.out(f"{CURL} -i {URL}/")
    cookie = re.search(r"csrftoken=(\w+)", shown)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)
    assert cookie
    assert token
    pods.engine.podman(
        *("exec", "-i", pods.state.host.container, "sh", "-c", "base64 -d >/root/photo.png"),
        input=base64.b64encode(png()).decode(),
    )
    fields = f"-F csrfmiddlewaretoken={token.group(1)} -F text='Gruß aus dem Pod' -F name=e2e"
    visitor = f"-H 'Cookie: csrftoken={cookie.group(1)}' -H 'Referer: https://postcards.localhost/'"
    sent = pods.out(f"{CURL} -i {visitor} {fields} -F photo=@/root/photo.png {URL}/")
    assert sent.startswith("HTTP/1.1 302"), sent[:600]
    folder = pods.out("podman volume inspect -f '{{.Mountpoint}}' postcards-volume-media")
    eventually(lambda: pods.out(f"find {folder} -name '*.webp'"), "the picture")


def test_what_was_uploaded_is_there_after_a_restart(pods: LabHost) -> None:
    pods.sh("podman pod restart postcards-pod")
    assert "Gruß aus dem Pod" in page(pods)
    assert pods.sh("podman healthcheck run postcards-pod-server", check=False).ok


def test_down_leaves_nothing_but_the_claims_and_the_volume_of_the_secret(pods: LabHost) -> None:
    pods.sh(f"podman kube down {FILE}")
    assert not PODS & set(pods.out("podman pod ls --format '{{.Name}}'").split())
    assert "postcards-pod" not in pods.out("podman ps -a --format '{{.Names}}'")
    assert pods.out("podman secret ls --quiet") == ""
    left = {name for name in pods.out("podman volume ls -q").split() if name.startswith("postcards")}
    assert left == CLAIMS | {"postcards"}
