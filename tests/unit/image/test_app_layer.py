"""The uppermost layer of an app, without building it."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from nuwa import names
from nuwa.image import app_layer, pins
from nuwa.image.app_layer import placeholders, project_time
from nuwa.image.build_spec import Recipe
from nuwa.image.layers import Layer
from nuwa.manifest.data import Database, HostPort, Service, Volume
from nuwa.manifest.image import Build
from nuwa.manifest.model import App, Env, Hooks, from_json
from nuwa.manifest.site import Static
from nuwa.setup_label import write
from unit.image.samples import app


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "manage.py").write_text("")
    return tmp_path


def layer(made: App, project: Path) -> Layer:
    return app_layer.app_layer(Recipe.of(made), project)


def contents(made: Layer) -> dict[str, bytes]:
    return {entry.path: entry.read() for entry in made.entries}


def test_it_holds_project_services_renderer_and_search_path(project: Path) -> None:
    (project / "src").mkdir()
    found = contents(layer(app(), project))
    assert found["/srv/app/manage.py"] == b""
    assert found["/usr/lib/nuwa/render.pyz"].startswith(b"PK")
    search = found["/opt/nuwa/venv/lib/python3.13/site-packages/nuwa-project.pth"]
    assert search == b"/srv/app\n/srv/app/src\n"


def test_its_files_are_unpacked_by_its_one_step(project: Path, tmp_path: Path) -> None:
    made = layer(app(), project)
    assert "\nADD " not in made.containerfile
    assert "\nRUN set -eu; \\\n    tar -xpf /mnt/root.tar -C / " in made.containerfile
    mount = tmp_path / "mount"
    mount.mkdir()
    made.write_archive(tmp_path / "context", mount)
    with tarfile.open(mount / "root.tar") as archive:
        assert "srv/app/manage.py" in archive.getnames()


def test_its_labels_carry_the_manifest_and_the_installer(project: Path) -> None:
    labels = layer(app(), project).labels
    assert from_json(App, json.loads(labels[names.LABEL_MANIFEST])).name == "shop"
    assert labels[names.LABEL_SETUP] == write.setup_script(Recipe.of(app()).app)
    assert labels[names.LABEL_RUN_SETUP]
    assert labels[names.LABEL_COMPILED] == "", "the layer below says it of itself"
    assert labels["org.opencontainers.image.title"] == "shop"


def test_static_files_are_collected_anew(project: Path) -> None:
    (project / "collected").mkdir()
    (project / "collected" / "old.css").write_text("x")
    static = Static(
        directory="collected", collect=(("python", "manage.py", "collect static", "it's $HOME\n"),)
    )
    made = layer(replace(app(), static=static), project)
    assert "/srv/app/collected/old.css" not in contents(made)
    script = contents(made)["/usr/lib/nuwa/command/collect"].decode()
    assert script == "#!/bin/sh\nexec python manage.py 'collect static' 'it'\"'\"'s $HOME\n'\n"
    assert "chown -R app:app /srv/app/collected" in made.containerfile
    assert made.containerfile.index("command/collect") < made.containerfile.index("chown -R root:root")


def test_static_files_that_nobody_collects_go_in_as_they_are(project: Path) -> None:
    (project / "static").mkdir()
    (project / "static" / "a.css").write_text("x")
    made = layer(replace(app(), static=Static(directory="static")), project)
    assert "/srv/app/static/a.css" in contents(made)
    assert " /srv/app/static >/tmp/compress.log" in made.containerfile


def test_volumes_are_made_and_given_to_the_app_but_for_read_only_ones(project: Path) -> None:
    volumes = (Volume("data", "/srv/my data"), Volume("fixed", "/srv/fixed", policy="read-only"))
    text = layer(replace(app(), volume=volumes), project).containerfile
    assert "mkdir -p '/srv/my data' /srv/fixed" in text
    assert "chown -R app:app '/srv/my data';" in text


def test_secrets_have_a_placeholder_while_the_image_is_built() -> None:
    made = replace(
        app(),
        env=Env(clear={"B": "clear"}, secrets=("A", "B"), generated=("KEY",)),
        database=Database(engine="postgresql"),
        host_port=(HostPort("smtp", 25),),
    )
    found = placeholders(made)
    assert (found.pop("SMTP_HOST"), found.pop("SMTP_PORT")) == ("127.0.0.1", "1")
    assert found.pop("DATABASE_URL") == "postgresql://nuwa-build:nuwa-build@127.0.0.1:1/nuwa-build"
    assert set(found) == {"A", "KEY"}
    assert all(value.startswith("nuwa-build-") for value in found.values())


def test_an_address_in_json_is_filled_in_as_on_a_host() -> None:
    mail = HostPort("smtp", 25, {"MAIL": '{"server": "{host}", "port": {port}}'})
    assert placeholders(replace(app(), host_port=(mail,)))["MAIL"] == '{"server": "127.0.0.1", "port": 1}'
    caches = Service("valkey", env={"CACHES": '{"url": "redis://:{password}@{host}:{port}/1"}'})
    found = json.loads(placeholders(replace(app(), service=(caches,)))["CACHES"])
    assert found["url"].endswith("@127.0.0.1:1/1")


def test_placeholders_pass_for_keys_that_are_long_enough_and_differ() -> None:
    made = replace(app(), env=Env(generated=("A", "SECRET_KEY", "JWT_SIGNING_KEY")))
    values = placeholders(made).values()
    assert len(set(values)) == 3
    assert all(len(value) >= 50 for value in values)  # Django asks for 50 characters


@pytest.mark.parametrize(
    ("engine", "scheme"), [("postgresql", "postgresql"), ("mariadb", "mysql"), ("sqlite", "sqlite")]
)
def test_the_address_of_the_database_is_of_its_engine_while_the_image_is_built(
    engine: Literal["postgresql", "mariadb", "sqlite"], scheme: str
) -> None:
    url = placeholders(replace(app(), database=Database(engine=engine)))["DATABASE_URL"]
    assert url.startswith(f"{scheme}://")


def test_several_commands_collect_one_after_the_other(project: Path) -> None:
    static = Static(directory="static", collect=(("a", "b c"), ("d",)))
    found = contents(layer(replace(app(), static=static), project))
    assert found["/usr/lib/nuwa/command/collect"] == b"#!/bin/sh\nset -e\na 'b c'\nexec d\n"


def test_static_files_that_git_tracks_stay_where_others_are_collected(project: Path) -> None:
    (project / "static").mkdir()
    (project / "static" / "site.css").write_text("x")
    (project / "static" / "collected.css").write_text("x")
    git(project, "init")
    git(project, "add", "static/site.css")
    found = contents(layer(replace(app(), static=Static(directory="static", collect=(("a",),))), project))
    assert "/srv/app/static/site.css" in found
    assert "/srv/app/static/collected.css" not in found


def test_the_projects_own_commands_run_before_its_files_become_roots(project: Path) -> None:
    made = layer(replace(app(), build=Build(commands=(("make", "it's"), ("true",)))), project)
    text = made.containerfile
    order = [
        "chown -R app:app /srv/app;",
        "command/build-1",
        "command/build-2",
        "chown -R root:root /srv/app;",
    ]
    places = [text.index(words) for words in (*order, "import-server")]
    assert places == sorted(places)
    assert contents(made)["/usr/lib/nuwa/command/build-1"].decode() == "#!/bin/sh\nexec make 'it'\"'\"'s'\n"


def test_checks_are_announced_on_one_line_and_run_by_their_scripts(project: Path) -> None:
    hooks = Hooks(checks=(("python", "-c", "print('a')\nprint('b')"), ("true",)))
    text = layer(replace(app(), hooks=hooks), project).containerfile
    assert text.index("command/check-1") < text.index("command/check-2")
    assert all(
        line.endswith("\\") or line.startswith("    rm ") for line in text.splitlines() if line[:4] == "    "
    )


def test_the_health_check_has_the_manifests_numbers(project: Path) -> None:
    text = layer(app(), project).containerfile
    assert "--interval=10s --timeout=10s --start-period=60s --retries=3" in text
    assert 'CMD ["/usr/lib/nuwa/healthcheck"]' in text


def git(folder: Path, *words: str) -> None:
    environment = {
        **os.environ,
        "GIT_AUTHOR_DATE": "2024-05-06T07:08:09Z",
        "GIT_COMMITTER_DATE": "2024-05-06T07:08:09Z",
    }
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.test"]
    subprocess.run(["git", *identity, "-C", folder, *words], check=True, env=environment, capture_output=True)


def test_the_time_is_that_of_the_last_commit_to_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project_time(project) == pins.source_date_epoch()
    git(project, "init")
    assert project_time(project) == pins.source_date_epoch()
    git(project, "add", ".")
    git(project, "commit", "-m", "x")
    assert project_time(project) == 1714979289
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345")
    assert project_time(project) == 12345
