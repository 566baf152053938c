"""The Setup label arrives byte for byte, whichever way an image travels."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runtime_manifest import Kind

from nuwa.engine import Engine
from nuwa.manifest.model import App, AppSection, Server
from nuwa.process import run
from nuwa.setup_label import write

NAME = "localhost/nuwa-test/transport:1"


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        pytest.fail(f"this test needs {name}: script/test installs it, or apt-get install {name}")
    return found


@pytest.fixture(scope="module")
def labels() -> dict[str, str]:
    app = App(
        app=AppSection(name="transport", version="1"),
        server=Server(module="wsgi:application"),
    )
    return {"Setup": write.setup_script(app), "RunSetup": write.run_setup()}


@pytest.fixture
def image(engine: Engine, labels: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The name of an image of nothing but the labels."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "file").write_text("content\n")
    options = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    made = engine.build("FROM scratch\nCOPY file /file\n", context, ["--format", "docker", *options])
    engine.tag(made, NAME)
    yield NAME
    engine.remove_image(NAME)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry that only this machine reaches."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = folder / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(folder / "store")}}
    settings.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    log = (folder / "log").open("w")
    server = subprocess.Popen([program("docker-registry"), "serve", settings], stdout=log, stderr=log)
    try:
        wait_for_http(f"http://{address}/v2/", server, folder / "log")
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)


def wait_for_http(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{url} does not answer: {log.read_text()}")


def arrived_labels(engine: Engine, wanted: dict[str, str]) -> dict[str, str]:
    arrived = engine.image(NAME)
    assert arrived is not None
    return {name: arrived.labels.get(name, "") for name in wanted}


def leave(engine: Engine, image: str) -> None:
    """Remove the image, so that what is found afterwards has arrived."""
    engine.remove_image(image)
    assert engine.image(image) is None


def test_through_podman_save_and_load(
    engine: Engine, image: str, labels: dict[str, str], tmp_path: Path
) -> None:
    engine.save(image, tmp_path / "image.tar")
    leave(engine, image)
    engine.load(tmp_path / "image.tar")
    assert arrived_labels(engine, labels) == labels


def test_through_an_oci_folder_and_back_with_skopeo(
    engine: Engine, image: str, labels: dict[str, str], tmp_path: Path
) -> None:
    folder = f"oci:{tmp_path}/oci:1"
    store = f"containers-storage:{image}"
    skopeo(engine, "copy", store, folder)
    leave(engine, image)
    skopeo(engine, "copy", folder, store)
    assert arrived_labels(engine, labels) == labels


def test_through_a_registry(engine: Engine, image: str, labels: dict[str, str], registry: str) -> None:
    remote = f"{registry}/nuwa-test/transport:1"
    engine.push(image, remote, "--tls-verify=false")
    leave(engine, image)
    engine.podman("pull", "--quiet", "--tls-verify=false", remote)
    engine.tag(remote, image)
    engine.untag(remote, remote)
    assert arrived_labels(engine, labels) == labels


def test_what_arrives_still_runs(
    engine: Engine, runtime_image: Callable[[Kind], str], tmp_path: Path
) -> None:
    """The command line of RunSetup, as a person would paste it, writes bin/."""
    found = engine.image(runtime_image("gunicorn"))
    assert found is not None
    run(["bash", "-c", found.labels["RunSetup"]], env={**engine.env, "BID": found.id}, cwd=tmp_path)
    assert (tmp_path / "bin" / ".image").read_text().strip() == found.id


@pytest.mark.parametrize("bid", ["localhost/nuwa-test/missing:1", ""])
def test_a_missing_image_is_said_and_fails(engine: Engine, bid: str, tmp_path: Path) -> None:
    env = {**engine.env, **({"BID": bid} if bid else {})}
    result = run(["bash", "-c", write.run_setup()], env=env, cwd=tmp_path, check=False)
    assert result.code != 0
    assert (bid or "BID") in result.stderr
    assert list(tmp_path.iterdir()) == []


def skopeo(engine: Engine, *words: str) -> None:
    run([program("skopeo"), *words], env=engine.env)
