"""What goes to a host that builds, and what comes back."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nuwa.engine import Image
from nuwa.errors import BuildError
from nuwa.image import frontend, git
from nuwa.image.app_layer import _project, project_time
from nuwa.manifest.image import Build, Node
from nuwa.manifest.image import Image as ImageSection
from nuwa.manifest.model import App, AppSection, Server
from nuwa.process import Result
from nuwa.remote import build_on
from nuwa.remote.target import Target
from nuwa.requirements import kinds


def project(folder):
    for name in ("nuwa.toml", "blog.py", "requirements.txt", "dev/notes.md", ".env", "secret.key"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return folder


def test_only_what_the_image_takes_is_sent_and_what_says_its_requirements(tmp_path):
    app = App(AppSection("blog"), Server("blog:app"), ImageSection(exclude=("dev/", "*.key", "*.txt")))
    assert build_on.files(app, project(tmp_path)) == ["blog.py", "nuwa.toml", "requirements.txt"]


def repository(folder):
    """A project whose image depends on what git tracks, and on what .gitignore names."""
    files = {
        **dict.fromkeys(("nuwa.toml", "blog.py", "deploy/notes.md"), ""),
        ".gitignore": "/generated/\n/kept.dat\nrequirements.txt\n",
        "kept.dat": "tracked all the same",
        "generated/types.ts": "for the frontend alone",
        "requirements.txt": "ignored, and used",
        "web/.gitignore": "build/\n",
        "web/package.json": "{}",
        "web/package-lock.json": "{}",
        "web/.env.production": "VITE_API=/api",
        "web/.env.local": "SECRET=1",
        "web/build/x.js": "ignored",
        "templates/page.html": "<p>",
        "static/js/tracked.js": "kept",
        "static/js/made.js": "made by an earlier build",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    tracked = ("kept.dat", "web/.env.production", "static/js/tracked.js", "blog.py")
    for words in (["init", "-q"], ["add", "-f", *tracked]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    commit = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"]
    subprocess.run(["git", *commit], cwd=folder, check=True)


def test_the_copy_builds_what_the_project_builds(tmp_path, monkeypatch):
    here, there, told = tmp_path / "here", tmp_path / "there", tmp_path / "git.json"
    here.mkdir()
    repository(here)
    node = Node(directory="web", output=("static/js",), files=("/templates/", "/generated/types.ts"))
    section = ImageSection(exclude=("/templates/", "/deploy/"))
    app = App(AppSection("blog"), Server("blog:app"), section, build=Build(node=node))

    def built(project):
        entries = (*frontend.entries(project, node), *_project(app, project))
        return [entry.path for entry in entries], kinds.find(project), project_time(project)

    sent = build_on.files(app, here)
    assert {"web/.env.production", "templates/page.html", "generated/types.ts", "kept.dat"} < {*sent}
    assert not {"web/.env.local", "web/build/x.js", "deploy/notes.md"} & {*sent}
    for path in sent:
        (there / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here / path, there / path)
    told.write_text(git.state(here, sent, project_time(here)))
    as_here = built(here)
    monkeypatch.setenv(git.STATE, str(told))
    assert built(there) == as_here


def test_a_lock_above_the_project_is_refused_with_a_remedy(tmp_path):
    member = tmp_path / "blog"
    member.mkdir()
    project(member)
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["blog"]\n')
    (tmp_path / "uv.lock").touch()
    (member / "pyproject.toml").write_text('[project]\nname = "blog"\n')
    app = App(AppSection("blog"), Server("blog:app"))
    with pytest.raises(BuildError, match=r"in \.\./uv\.lock, above the project") as caught:
        build_on.build(None, app, member, [], SimpleNamespace(line=print))  # type: ignore[arg-type]
    assert "uv export --frozen" in str(caught.value)
    named = replace(app, image=ImageSection(requirements="requirements.txt"))
    assert "../uv.lock" not in build_on.files(named, member)


def test_a_build_that_fails_there_says_why(tmp_path):
    app = App(AppSection("blog"), Server("blog:app"))
    said = Result([], 5, "installing\nno wheel for this Python\n", "")
    there = SimpleNamespace(target=Target("root@b", "/srv/blog"), stream=lambda *words, **options: said)
    with pytest.raises(BuildError, match="could not be built on root@b") as caught:
        build_on.build(there, app, project(tmp_path), [], SimpleNamespace(line=print))  # type: ignore[arg-type]
    assert "no wheel for this Python" in str(caught.value)


def test_layers_come_back_as_they_are(tmp_path):
    def fetch(script, image, digest, *others, stdout):
        assert (script, image) == ("export", "1" * 64)
        assert {digest, *others} == {"sha256:a", "sha256:b"}
        stdout.write(gzip.compress(digest.encode()))

    image = Image("1" * 64, (), {}, 0, ("sha256:a", "sha256:b"), {})
    source = build_on.BuiltThere(SimpleNamespace(fetch=fetch), image, tmp_path)  # type: ignore[arg-type]
    found = dict(source.layers(image.layers))
    assert {digest: file.read_text() for digest, file in found.items()} == {
        name: name for name in image.layers
    }
    assert sorted(tmp_path.iterdir()) == sorted(found.values())
