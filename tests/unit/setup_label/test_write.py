"""The Setup label: what it packs, how long it is, and that the same app always gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.manifest.data import Database, Volume
from nuwa.manifest.model import App, AppSection, Env, Hooks, Server
from nuwa.manifest.site import Static
from nuwa.render import zipapp
from nuwa.resources import BIN_TEMPLATES
from nuwa.setup_label import write

HOSTILE = """it's "$HOME" `id` $(id) \\ % \n é"""
MEDIA = Volume(name="media", path=f"/srv/{HOSTILE}")


def app(**sections: object) -> App:
    return App(**{"app": AppSection(name="blog"), "server": Server(module="a:b"), **sections})


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: script/bootstrap installs it"
    return found


def values(made: App, *names: str) -> list[list[str]]:
    """What bash reads out of `_app`, each variable as the list of its values."""
    show = (f"for v in \"${{{name}[@]}}\"; do printf '%s\\0' \"$v\"; done; printf '\\1'\n" for name in names)
    script = write.bin_files(made)["lib/app"] + "".join(show)
    done = subprocess.run(
        [tool("bash"), "-c", script], capture_output=True, text=True, check=True, env={"HOME": "/x"}
    )
    return [part.split("\0")[:-1] for part in done.stdout.split("\1")[:-1]]


def test_the_same_app_gives_the_same_bytes():
    assert write.setup_script(app()) == write.setup_script(app())


def test_the_label_is_below_the_limit_of_engines_with_room_for_what_an_app_names():
    assert len(write.setup_script(app()).encode()) < 46.5 * 1024


def test_a_label_that_would_be_lost_fails_the_build():
    names = tuple(f"volume-{os.urandom(8).hex()}" for _ in range(4000))
    volumes = tuple(Volume(name=name, path=f"/srv/{name}") for name in names)
    with pytest.raises(BuildError, match=r"has \d+ bytes; it must stay below 98304") as caught:
        write.setup_script(app(volume=volumes))
    assert "Shorten" in caught.value.hint


def test_scripts_are_packed_as_they_are_but_for_comments():
    files = write.bin_files(app())
    packed_paths = write._scripts()
    assert {"run", "_predicate", "lib/wait", "lib/common"} <= packed_paths.keys()
    for name, path in packed_paths.items():
        source, packed = path.read_text().splitlines(), files[name].splitlines()
        dropped = [line for line in source if line not in packed]
        assert all(line.lstrip().startswith("#") for line in dropped), name
        assert [line for line in source if line not in dropped] == packed, name
        head = 1 if name in write._sourced() else 2
        assert packed[:head] == source[:head], f"{name} has lost its head"


def test_what_would_be_taken_for_the_next_file_fails_the_build():
    with pytest.raises(BuildError, match="control character"):
        write.setup_script(app(volume=(Volume(name="x", path="/x\x1e755 bin/run"),)))


def test_bin_shows_the_commands_and_one_folder():
    shown = {name.partition("/")[0] for name in write.bin_files(app())}
    assert shown == {"lib", *(path.name for path in (BIN_TEMPLATES / "commands").iterdir())}


def test_a_here_document_keeps_what_looks_like_a_comment():
    script = "#!/bin/bash\n# Head\nmain() {\n  # why\n  cat <<END >file\n#!/bin/sh\n# told\nEND\n  # why\n}\n"
    lean = script.replace("  # why\n", "")
    assert write._lean(script) == lean


def test_of_a_head_the_first_paragraph_stays():
    script = "#!/bin/bash\n# Does this,\n# and that.\n#\n# How.\n# shellcheck disable=SC1\n\n# x\nmain\n"
    assert write._lean(script) == "#!/bin/bash\n# Does this,\n# and that.\n\nmain\n"
    assert write._lean(script, head=False) == "#!/bin/bash\n\nmain\n"


@pytest.mark.parametrize(
    "name",
    [
        "run",
        "install",
        "uninstall",
        "kill",
        "shell",
        "logs",
        "status",
        "get_bid",
        "get_cid",
        "_predicate",
        "lib/cli",
        "lib/common",
        "lib/app",
    ],
)
def test_every_script_of_the_design_is_there(name: str):
    assert name in write.bin_files(app())


def test_what_bash_reads_is_what_the_manifest_says():
    made = app(
        app=AppSection(name="blog", domains=("a.example", "b.example")),
        static=Static(directory="sta tic"),
        volume=(
            Volume(name="media", path=f"/srv/{HOSTILE}"),
            Volume(name="x", path="/x", policy="exclusive"),
        ),
        hooks=Hooks(release=("echo", HOSTILE)),
        env=Env(secrets=("ONE", "TWO"), generated=("KEY",)),
    )
    paths, domains, static, exclusive, secrets, generated, hook = values(
        made,
        *("NUWA_VOLUME_PATHS", "NUWA_DOMAINS", "NUWA_STATIC", "NUWA_EXCLUSIVE", "NUWA_SECRETS"),
        *("NUWA_GENERATED", "NUWA_HOOK"),
    )
    assert paths == [f"/srv/{HOSTILE}", "/x"]
    assert domains == ["a.example", "b.example"]
    assert static == ["/srv/app/sta tic"]
    assert exclusive == ["x"]
    assert secrets == ["ONE", "TWO"]
    assert generated == ["KEY"]
    assert shlex.split(hook[0]) == ["echo", HOSTILE]


def test_an_app_that_names_nothing_gives_empty_lists():
    assert values(app(), "NUWA_VOLUMES", "NUWA_SECRETS", "NUWA_DOMAINS") == [[], [], []]


@pytest.mark.parametrize(
    ("env", "names"),
    [
        (Env(), ("DATABASE_URL",)),
        (Env(secrets=("A", "DATABASE_URL")), ("A", "DATABASE_URL")),
        (Env(generated=("DATABASE_URL",)), ()),
    ],
)
def test_the_address_of_a_database_elsewhere_is_a_secret(env: Env, names: tuple[str, ...]):
    assert app(env=env, database=Database(engine="postgresql", where="url")).supplied_secrets == names


def test_the_address_of_a_database_on_the_host_is_none_that_somebody_has_to_supply():
    assert app(database=Database(engine="mariadb")).supplied_secrets == ()


def test_a_sqlite_file_lies_in_the_first_volume_that_the_app_can_write_and_nginx_does_not_serve():
    volumes = (
        Volume(name="seed", path="/seed", policy="read-only"),
        Volume(name="media", path="/media", url="/media/"),
        Volume(name="data", path="/data"),
    )
    made = app(volume=volumes, database=Database(engine="sqlite", name="guests"))
    assert made.sqlite_file == "/data/guests.sqlite3"


def test_no_value_of_the_environment_reaches_the_scripts():
    made = app(env=Env(clear={"GREETING": "a-very-rare-word"}))
    assert "a-very-rare-word" not in "".join(write.bin_files(made).values())


def test_run_setup_can_be_copied_out_of_json():
    assert not re.search(r"[\"\\]", write.run_setup())


def test_linters_pass_on_what_was_rendered(tmp_path: Path):
    made = app(volume=(MEDIA,), env=Env(secrets=("A", "B")), hooks=Hooks(release=("a b",)))
    rendered, label = tmp_path / "app", tmp_path / "label"
    rendered.write_text(write.bin_files(made)["lib/app"])
    label.write_text(write.setup_script(made))
    shellcheck = [tool("shellcheck"), "--shell=bash"]
    for command in (
        [*shellcheck, rendered],
        [tool("shfmt"), "-i", "2", "-ci", "-d", rendered],
        [*shellcheck, label],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_image_hands_out_the_scripts_that_bin_expects_of_it():
    [[expected]] = values(app(), "NUWA_SCRIPTS_SHA256")
    assert hashlib.sha256(zipapp.scripts()).hexdigest() == expected
    with tarfile.open(fileobj=io.BytesIO(zipapp.scripts())) as archive:
        assert "unpack" in archive.getnames()
        for path in zipapp.SCRIPTS.iterdir():
            member = archive.extractfile(path.name)
            assert member is not None
            assert member.read() == path.read_bytes()
