"""Images of Rocky Linux in a stand-in for it (tests/standin/rocky): Containerfiles as they are, up to a page.

No test here has seen Rocky Linux. What each proves is said there.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from running import Container
from runtime_manifest import PROJECT, Kind, runtime_app

from nuwa import names
from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.errors import BuildError
from nuwa.image import build_dir, families, layers, packages
from nuwa.image.build import Options, build
from nuwa.image.build_layer import make
from nuwa.image.build_spec import Recipe
from nuwa.manifest.image import Image
from nuwa.manifest.model import App, Extras
from tests.standin.rocky import downloads, image

Built = Callable[..., str]


class Notes(Quiet):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def rocky_app(release: str, kind: Kind = "gunicorn", **settings: Any) -> App:
    """The runtime tests' app; `settings` are those of `[image]`, and `extras`."""
    made = runtime_app(kind)
    extras = settings.pop("extras", made.extras)
    name = f"nuwa-test-stand-in-{release}-{kind.replace('_', '-')}"
    if settings:
        name += f"-{'-'.join(settings)}".replace("_", "-")
    return dataclasses.replace(
        made,
        app=dataclasses.replace(made.app, name=name),
        image=Image(family="rockylinux", release=release, **settings),
        extras=extras,
    )


@pytest.fixture(scope="module")
def stand_in(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An environment in which builds of Rocky Linux get what they download elsewhere from here."""
    folder = tmp_path_factory.mktemp("downloads")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in downloads.make(engine, image.ensure(engine, "9"), folder).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def built(engine: Engine, stand_in: None) -> Built:
    """The id of an image, by the arguments of `rocky_app`."""

    def make_one(app: App) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NUWA_BASE_IMAGE", image.ensure(engine, app.image.release))
            progress = Notes()
            made = build(app, PROJECT, Options(), engine, progress).id
            assert any("stand-in-for-rocky" in note for note in progress.notes), "it says what it stands on"
            return made

    return lambda release, kind="gunicorn", **settings: make_one(rocky_app(release, kind, **settings))


@pytest.fixture
def start(engine: Engine, tmp_path: Path) -> Iterator[Callable[[str], Container]]:
    made: list[Container] = []

    def run(image_id: str) -> Container:
        name = f"nuwa-test-stand-in-{uuid.uuid4().hex[:8]}"
        made.append(Container(engine, image_id, name, tmp_path / name))
        return made[-1].start()

    yield run
    for container in made:
        container.remove()


def shown(engine: Engine, image_id: str, script: str) -> str:
    """What a shell prints inside an image; nothing else of the image runs."""
    options = ["--rm", "--network=none", "--entrypoint=/bin/sh"]
    return engine.run(image_id, "-c", script, options=options).stdout


@pytest.mark.parametrize("kind", ["gunicorn", "mod_wsgi", "uvicorn"])
def test_a_page_is_served_in_the_stand_in_for_rocky_9(
    engine: Engine, built: Built, start: Callable[[str], Container], kind: Kind
) -> None:
    container = start(built("9", kind)).wait_served()
    assert ('"scheme": "http"' if kind == "uvicorn" else "ok") in container.text("/")
    assert "Stand-in for Rocky Linux 9.6" in container.sh("cat /etc/os-release")
    healthy = container.exec("/usr/lib/nuwa/healthcheck")
    assert healthy.ok, healthy.stdout
    for service in ("server", "rsyslogd", "cron"):
        assert container.pid(service), service
    if kind != "uvicorn":
        assert "jemalloc" in container.text("/maps"), "the server's memory is jemalloc's"
    container.stop()
    assert container.exit_code() == 0


@pytest.mark.parametrize("release", image.RELEASES)
def test_images_in_the_stand_in_hold_what_was_asked_for_and_no_more(
    engine: Engine, built: Built, release: str
) -> None:
    made = engine.image(built(release))
    assert made is not None
    listed = {package.name for package in packages.installed(engine, made)}
    offer = families.load("rockylinux").release(release)
    wanted = {*offer.packages["base"], *offer.packages["python"], *offer.pythons[0].packages}
    assert wanted | set(offer.packages["repositories"]) <= listed
    assert "stand-in-recommended" not in listed, "no weak dependencies"
    left = shown(
        engine,
        made.id,
        "ls -d /usr/share/doc/rsyslog /usr/share/locale/de/LC_MESSAGES/stand-in.mo /var/cache/dnf/* /mnt/* "
        "/usr/share/stand-in-recommended /var/lib/dnf/history* /var/lib/dnf/repos /var/log/dnf* "
        "/etc/cron.d/0hourly /usr/lib/locale/en_US.utf8/STAND-IN 2>/dev/null || :",
    )
    assert left.split() == ["/usr/lib/locale/en_US.utf8/STAND-IN"], (
        "English, and nothing of dnf, documents, languages"
    )
    repositories = shown(engine, made.id, "dnf -q --cacheonly repolist --enabled | awk '{print $1}'")
    assert offer.extra_repository in repositories.split()
    assert "epel" in repositories.split()


def test_everything_that_can_be_asked_for_builds_in_the_stand_in(engine: Engine, built: Built) -> None:
    extras = Extras(locales=("de_DE.UTF-8",), timezone="Europe/Berlin", wkhtmltopdf=True)
    made = built("9", extras=extras, packages=("fontconfig",), build_packages=("openssl-devel",))
    assert shown(engine, made, "LC_ALL=de_DE.UTF-8 locale charmap; wkhtmltopdf; readlink /etc/localtime") == (
        "UTF-8\nstand-in for wkhtmltopdf\n/usr/share/zoneinfo/Europe/Berlin\n"
    )
    app = rocky_app("9", extras=extras, packages=(), build_packages=())
    required = engine.image(app.names.requirements_image(app.app.version))
    found = engine.image(made)
    assert found is not None
    assert required is not None
    assert required.labels[names.LABEL_COMPILED] == "yes"
    listed = {package.name for package in packages.installed(engine, found)}
    assert {"fontconfig", "libXrender", "wkhtmltox"} <= listed
    assert not {"gcc", "openssl-devel", "glibc-locale-source"} & listed


def test_a_python_of_conda_serves_in_the_stand_in(
    engine: Engine, built: Built, start: Callable[[str], Container]
) -> None:
    container = start(built("9", python="3.7")).wait_served()
    assert container.text("/") == "ok"
    assert container.exec("ls", "-d", "/opt/conda").code != 0, "conda itself stays in a stage"


@pytest.fixture(scope="module")
def pythons(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where uv finds a list of Pythons with one in it: Debian's, in the shape of those that it downloads."""
    folder = tmp_path_factory.mktemp("pythons")
    script = (
        "cd /out; mkdir -p python/bin python/lib; cp -rL /usr/lib/python3.13 python/lib/; "
        "cp -aL /usr/bin/python3.13 python/bin/; rm -f python/lib/python3.13/EXTERNALLY-MANAGED; "
        "ln -s python3.13 python/bin/python3; tar -czf python.tar.gz python; rm -r python; "
        "sha256sum <python.tar.gz; python3.13 -c 'from platform import *; print(python_version(), machine())'"
    )
    options = ["--rm", "--network=none", "--entrypoint=/bin/sh", f"--volume={folder}:/out"]
    digest, _, version, machine = engine.run(
        image.ensure(engine, "9"), "-c", script, options=options
    ).stdout.split()
    with serving(folder) as (address, _):
        major, minor, patch = map(int, version.split("."))
        about = {
            "name": "cpython",
            "arch": {"family": machine, "variant": None},
            "os": "linux",
            "libc": "gnu",
            **{"major": major, "minor": minor, "patch": patch, "prerelease": "", "variant": None},
            **{"url": f"{address}/python.tar.gz", "sha256": digest, "build": "20260101"},
        }
        (folder / "list.json").write_text(json.dumps({f"cpython-{version}-linux-{machine}-gnu": about}))
        yield f"{address}/list.json"


def test_a_python_of_uv_serves_in_the_stand_in(
    pythons: str, built: Built, start: Callable[[str], Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", pythons)
    container = start(built("9", python="3.13")).wait_served()
    assert container.text("/") == "ok"
    assert container.sh("readlink -f /opt/nuwa/venv/bin/python").startswith("/opt/nuwa/python/cpython-3.13")


def test_a_package_that_no_list_knows_fails_in_the_stand_in(built: Built) -> None:
    with pytest.raises(BuildError, match="install packages") as caught:
        built("10", packages=("zlib-devel",))
    assert "No match for argument: zlib-devel" in (caught.value.details or "")


class serving:  # noqa: N801 - a context manager
    """A folder by HTTP: its address, and the paths that were asked for so far."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                asked.append(self.path)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    def __enter__(self) -> tuple[str, list[str]]:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}", self.asked

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def repository(engine: Engine, tmp_path: Path) -> Iterator[list[str]]:
    """What was asked for of the stand-in's repositories, by HTTP, which an image gets its packages from."""
    folder = tmp_path / "repository"
    folder.mkdir()
    base = image.ensure(engine, "9")
    options = ["--rm", "--network=none", f"--volume={folder}:/out"]
    engine.run(base, "cp", "-r", "/usr/share/stand-in/.", "/out", options=options)
    for link in folder.rglob("*.rpm"):
        if link.is_symlink():
            target = folder / "pool" / link.name
            link.unlink()
            link.symlink_to(target)
    with serving(folder) as (address, asked):
        text = f"FROM {{{{bare}}}}\nRUN echo {address} >/etc/dnf/vars/standin\n"
        image.ensure_variant(engine, "9", "served", {"Containerfile": text.encode()})
        yield asked
    engine.remove_image(f"{image.NAME}:served")


def test_dnf_in_the_stand_in_fetches_nothing_twice(
    engine: Engine, stand_in: None, repository: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bare = engine.image(f"{image.NAME}:served")
    assert bare is not None
    app = dataclasses.replace(rocky_app("9"), image=Image(family="rockylinux", release="9", python="3.12"))
    tag = "localhost/nuwa-test/stand-in-cache:latest"
    layer = dataclasses.replace(layers.base(Recipe.of(app), f"{image.NAME}:served"), tag=tag)

    def fetched() -> list[str]:
        repository.clear()
        with Quiet().step("") as step:
            make(engine, Recipe.of(app), layer, {layer.parents[0]: bare.id}, "", step)
        return [path for path in repository if not path.endswith("/repomd.xml")]

    try:
        first = fetched()
        assert any(path.endswith(".rpm") for path in first)
        assert any("primary" in path for path in first)
        lock = tmp_path / "cache" / "nuwa" / "downloads" / "rockylinux9-dnf" / "metadata_lock.pid"
        lock.write_text("1")
        assert fetched() == [], (
            "the second build takes all of it from the cache, whoever was killed with a lock"
        )
        left = shown(
            engine,
            tag,
            "find / -xdev -name '*.solv*' -o -xdev -name '*.rpm' | grep -v ^/usr/share/stand-in || :",
        )
        assert left == ""
    finally:
        engine.remove_image(tag)
        build_dir.sweep_dead(engine)
