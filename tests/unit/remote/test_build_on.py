"""What goes to a host that builds, and what comes back."""

from __future__ import annotations

import gzip
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from nuwa.engine import Image
from nuwa.errors import BuildError
from nuwa.manifest.model import App, AppSection, Server
from nuwa.manifest.model import Image as ImageSection
from nuwa.process import Result
from nuwa.remote import build_on
from nuwa.remote.target import Target


def project(folder):
    for name in ("nuwa.toml", "blog.py", "requirements.txt", "dev/notes.md", ".env", "secret.key"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return folder


def test_only_what_the_image_takes_is_sent_and_what_says_its_requirements(tmp_path):
    app = App(AppSection("blog"), Server("blog:app"), ImageSection(exclude=("dev/", "*.key", "*.txt")))
    assert build_on.files(app, project(tmp_path)) == ["blog.py", "nuwa.toml", "requirements.txt"]


def test_a_build_that_fails_there_says_why(tmp_path):
    app = App(AppSection("blog"), Server("blog:app"))
    said = Result([], 5, "installing\nno wheel for this Python\n", "")
    there = SimpleNamespace(target=Target("root@b", "/srv/blog"), stream=lambda *words, **options: said)
    with pytest.raises(BuildError, match="could not be built on root@b") as caught:
        build_on.build(there, app, project(tmp_path), [], SimpleNamespace(line=print))  # type: ignore[arg-type]
    assert "no wheel for this Python" in str(caught.value)


def test_a_layer_comes_back_as_it_is(tmp_path):
    def fetch(script, image, digest, *others, stdout):
        assert (script, image, others) == ("export", "1" * 64, ("sha256:b",))
        stdout.write(gzip.compress(digest.encode()))

    image = Image("1" * 64, (), {}, 0, ("sha256:a", "sha256:b"), {})
    source = build_on.BuiltThere(SimpleNamespace(fetch=fetch), image, tmp_path)  # type: ignore[arg-type]
    with nullcontext(source.layer("sha256:a")) as file:
        assert file.read_bytes() == b"sha256:a"
    assert list(tmp_path.iterdir()) == [file]
