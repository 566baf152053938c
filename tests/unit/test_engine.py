"""podman's command lines, and what is read out of its answers."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from nuwa.engine import Engine, Image
from nuwa.errors import CommandError, EngineError
from nuwa.podman_probe import Podman

FAKE = """#!/bin/sh
printf '%s\\n' "$@" >"$0.argv"
printf '%s' "$CONTAINERS_CONF" >"$0.conf"
cat "$0.out"
cat "$0.err" >&2
exit "$(cat "$0.code")"
"""

BUILDER = """#!/bin/sh
for word; do
  case $last in --iidfile) echo sha256:feed >"$word" ;; --file) cat "$word" ;; esac
  last=$word
done
echo "words: $*"
"""


class Fake:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "podman"
        self.path.write_text(FAKE)
        self.path.chmod(0o755)
        self.answer()

    def answer(self, out: str = "", *, err: str = "", code: int = 0) -> None:
        for suffix, text in (("out", out), ("err", err), ("code", str(code))):
            Path(f"{self.path}.{suffix}").write_text(text)

    @property
    def argv(self) -> list[str]:
        return Path(f"{self.path}.argv").read_text().splitlines()


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


@pytest.fixture
def engine(fake: Fake) -> Engine:
    return Engine(Podman(str(fake.path), (4, 3, 1), "/cache/own.conf", str(fake.path.parent / "gone")))


ONE = {
    "Id": "abc123",
    "RepoTags": ["localhost/app/x:1"],
    "Labels": {"io.nuwa.app": "x"},
    "Size": 7,
    "RootFS": {"Layers": ["sha256:1", "sha256:2"]},
    "Config": {"Env": ["PATH=/bin", "EMPTY=", "A=b=c"]},
}


def test_several_images_are_inspected_in_one_call(engine: Engine, fake: Fake) -> None:
    fake.answer(json.dumps([ONE]), err="Error: inspecting object: gone: image not known", code=125)
    found = engine.image_inspect("localhost/app/x:1", "gone:1", "abc1")
    assert fake.argv == ["image", "inspect", "localhost/app/x:1", "gone:1", "abc1"]
    image = found["localhost/app/x:1"]
    assert image is not None
    assert found == {"localhost/app/x:1": image, "gone:1": None, "abc1": image}
    assert (image.id, image.size, image.layers) == ("abc123", 7, ("sha256:1", "sha256:2"))
    assert image.labels == {"io.nuwa.app": "x"}
    assert image.env == {"PATH": "/bin", "EMPTY": "", "A": "b=c"}


def test_a_store_that_cannot_be_read_is_no_missing_image(engine: Engine, fake: Fake) -> None:
    fake.answer("[]", err="Error: database is locked", code=125)
    with pytest.raises(EngineError, match="look at its images") as caught:
        engine.image_inspect("x")
    assert "database is locked" in caught.value.details


def test_images_without_labels_and_names_can_be_described() -> None:
    image = Image.of({"Id": "1", "Labels": None, "RepoTags": None})
    assert (image.labels, image.names, image.env, image.layers) == ({}, (), {}, ())


def test_images_with_names_are_read_from_podmans_own_list(engine: Engine, fake: Fake) -> None:
    assert engine.listed() == {}
    store = engine.graph_root / "overlay-images"
    store.mkdir(parents=True)
    listed = [{"id": "a1", "names": ["localhost/app/x:1", "localhost/app/x:2"]}, {"id": "b2"}]
    (store / "images.json").write_text(json.dumps(listed))
    assert engine.listed() == {"localhost/app/x:1": "a1", "localhost/app/x:2": "a1"}
    (store / "images.json").write_text("{")
    assert engine.listed() == {}
    assert not fake.path.with_name(f"{fake.path.name}.argv").exists()


SAVING = """#!/bin/bash
folder=${*: -2:1}
ls "$folder/blobs/sha256" >"$folder.before"
echo late >"$folder/oci-put-blob1"
echo early >"$folder/oci-put-blob2"
mv "$folder/oci-put-blob2" "$folder/blobs/sha256/c3"
until [[ -e $folder.go ]]; do sleep 0.02; done
mv "$folder/oci-put-blob1" "$folder/blobs/sha256/b2"
"""


def test_layers_come_as_soon_as_podman_has_written_each(tmp_path: Path) -> None:
    podman, folder = tmp_path / "podman", tmp_path / "layout"
    podman.write_text(SAVING)
    podman.chmod(0o755)
    engine = Engine(Podman(str(podman), (4, 3, 1), "", ""))
    layers = ["sha256:a1", "sha256:b2", "sha256:c3"]
    coming = engine.save_layers("1" * 64, layers, layers[1:], folder)
    digest, file = next(coming)
    assert (digest, file.read_text()) == ("sha256:c3", "early\n")
    Path(f"{folder}.go").touch()
    assert [(digest, file.read_text()) for digest, file in coming] == [("sha256:b2", "late\n")]
    assert Path(f"{folder}.before").read_text() == "a1\n"


def test_podman_ends_with_whoever_takes_the_layers(tmp_path: Path) -> None:
    podman, folder = tmp_path / "podman", tmp_path / "layout"
    podman.write_text(SAVING.replace("ls ", 'echo $$ >"$folder.pid"; ls '))
    podman.chmod(0o755)
    layers = ["sha256:a1", "sha256:b2", "sha256:c3"]
    coming = Engine(Podman(str(podman), (4, 3, 1), "", "")).save_layers("1" * 64, layers, layers[1:], folder)
    next(coming)
    running = Path("/proc") / Path(f"{folder}.pid").read_text().strip()
    assert running.exists()
    coming.close()
    assert not running.exists()


def test_a_layer_that_podman_does_not_write_is_an_error(tmp_path: Path) -> None:
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\nexit 0\n")
    podman.chmod(0o755)
    engine = Engine(Podman(str(podman), (4, 3, 1), "", ""))
    with pytest.raises(EngineError, match="without its layer sha256:b2"):
        list(engine.save_layers("1" * 64, ["sha256:a1", "sha256:b2"], ["sha256:b2"], tmp_path / "layout"))
    podman.write_text("#!/bin/sh\necho no space left >&2; exit 125\n")
    with pytest.raises(CommandError, match="no space left"):
        list(engine.save_layers("1" * 64, ["sha256:a1"], ["sha256:a1"], tmp_path / "other"))


def test_nothing_is_asked_about_no_image(engine: Engine, fake: Fake) -> None:
    assert engine.image_inspect() == {}
    assert not Path(f"{fake.path}.argv").exists()


def test_the_machines_settings_reach_podman_alone(
    engine: Engine, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTAINERS_CONF", "/home/user/theirs.conf")
    engine.tag("abc", "localhost/app/x:1", "localhost/app/x:2")
    assert fake.argv == ["tag", "abc", "localhost/app/x:1", "localhost/app/x:2"]
    assert Path(f"{fake.path}.conf").read_text() == "/cache/own.conf"


def test_a_build_returns_the_id_that_podman_wrote(tmp_path: Path) -> None:
    podman = tmp_path / "podman"
    podman.write_text(BUILDER)
    podman.chmod(0o755)
    lines: list[str] = []
    made = Engine(Podman(str(podman), (4, 3, 1))).build(
        "FROM scratch\n", tmp_path, ["--label", "a=b c"], on_line=lines.append
    )
    assert made == "feed"
    assert lines[0] == "FROM scratch"
    assert lines[1].endswith(f"--label a=b c {tmp_path}")


def test_a_build_never_asks_for_more_open_files_than_this_process_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = tmp_path / "podman"
    podman.write_text(BUILDER)
    podman.chmod(0o755)
    limits = {resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_NPROC: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1, limits[kind]))
    lines: list[str] = []
    Engine(Podman(str(podman), (5, 4, 2))).build("FROM scratch\n", tmp_path, on_line=lines.append)
    assert "--ulimit=nofile=4096:4096" in lines[1]
    assert "nproc" not in lines[1]


def test_a_failed_command_carries_podmans_words(engine: Engine, fake: Fake) -> None:
    fake.answer(err="Error: no such container", code=125)
    with pytest.raises(CommandError, match="no such container"):
        engine.exec("gone", "true", options=["--user", "app"])
    assert fake.argv == ["exec", "--user", "app", "gone", "true"]


def test_gone_images_are_no_error_and_those_in_use_are(engine: Engine, fake: Fake) -> None:
    gone = "Error: 2 errors occurred:\n\t* a: image not known\n\t* b: image not known\n\n"
    fake.answer(err=gone, code=1)
    engine.remove_image("a", "b")
    fake.answer(
        err="Error: a: image not known\nError: image used by 123: image is in use by a container\n", code=2
    )
    with pytest.raises(CommandError, match="in use by a container"):
        engine.remove_image("a", "b")


def test_loaded_images_are_named(engine: Engine, fake: Fake, tmp_path: Path) -> None:
    fake.answer("Loaded image: localhost/app/x:1\nLoaded image: sha256:abc\n")
    assert engine.load(tmp_path / "a.tar") == ["localhost/app/x:1", "sha256:abc"]


def test_containers_of_builds_are_listed_on_request(engine: Engine, fake: Fake) -> None:
    fake.answer("[]")
    engine.containers("label=io.nuwa.lab", external=True)
    assert fake.argv == ["ps", "--all", "--format", "json", "--external", "--filter", "label=io.nuwa.lab"]


def test_no_containers_are_removed_without_a_call(engine: Engine, fake: Fake) -> None:
    engine.remove_containers()
    assert not Path(f"{fake.path}.argv").exists()


def test_free_space_is_that_of_the_folder_above_a_missing_one(engine: Engine) -> None:
    assert engine.free_space() > 0


VANISHING = """#!/bin/sh
echo >>"$0.calls"
[ "$(wc -l <"$0.calls")" -gt "$(cat "$0.failures")" ] && echo sha256:feed && exit 0
echo "Error: feed: image not known" >&2
exit 125
"""


def test_an_image_that_vanishes_while_images_are_listed_is_no_failure(fake: Fake, engine: Engine) -> None:
    fake.path.write_text(VANISHING)
    Path(f"{fake.path}.failures").write_text("2")
    assert engine.find_image("nuwa.inputs", "x") == "feed"
    Path(f"{fake.path}.failures").write_text("99")
    with pytest.raises(EngineError, match="cannot list its images"):
        engine.find_image("nuwa.inputs", "x")
