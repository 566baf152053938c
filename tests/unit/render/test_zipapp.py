"""The renderer as an image carries it: one file that any Python from 3.9 on runs by itself."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from nuwa.kubernetes.options import Options
from nuwa.kubernetes.render import render as kubernetes
from nuwa.kubernetes.yaml_text import write
from nuwa.manifest.model import Hooks
from nuwa.render import __main__ as renderer
from nuwa.render import answers, bytecode, volumes, zipapp
from nuwa.render.render import PLANS, render
from nuwa.resources import PACKAGE, TEMPLATES
from unit.render.sample import FACTS, app, host


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zipapp") / "render.pyz"
    path.write_bytes(zipapp.build(app(hooks=Hooks(release=("echo", "$x ; y")))))
    return path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As an image has it: with bytecode of the Python that runs it."""
    words = [sys.executable, "-S", "-c", Path(bytecode.__file__).read_text()]
    done = subprocess.run(words, input=zipapp.archive(zipapp.sources()), capture_output=True, check=True)
    path = tmp_path_factory.mktemp("compiled") / "render.pyz"
    path.write_bytes(zipapp.with_manifest(done.stdout, app(hooks=Hooks(release=("echo", "$x ; y")))))
    return path


def run(archive: Path, *words: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
    """With nothing but the archive and the standard library."""
    return subprocess.run(
        [sys.executable, "-I", "-S", archive, *words], input=text.encode(), capture_output=True, check=False
    )


def test_it_prints_the_objects_of_kubernetes_to_the_byte_as_they_are_rendered_here(archive: Path):
    image = f"registry.example.com/blog@sha256:{'a' * 64}"
    done = run(
        archive, "kubernetes", "--image", image, "--domain", "a.example", "--replicas", "3", "--ingress"
    )
    assert done.returncode == 0, done.stderr.decode()
    options = Options(image, domains=("a.example",), replicas=3, ingress=True)
    objects, notes = kubernetes(app(hooks=Hooks(release=("echo", "$x ; y"))), options)
    assert done.stdout.decode() == write(objects)
    assert done.stderr.decode() == "".join(f"note: {note}\n" for note in notes)


def test_what_kubernetes_cannot_have_is_one_line(archive: Path):
    done = run(archive, "kubernetes", "--image", "blog:latest")
    assert done.returncode == 1
    assert done.stderr.startswith(b"kubernetes: --image 'blog:latest' does not name")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("what", ["run", "install"])
def test_it_writes_the_plan_first_and_then_the_files(archive: Path, what: str):
    done = run(archive, what, text=json.dumps(FACTS))
    assert done.returncode == 0, done.stderr.decode()
    plan = render(what, app(hooks=Hooks(release=("echo", "$x ; y"))), host(), str(TEMPLATES))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        members = tar.getmembers()
        texts = [tar.extractfile(member).read().decode() for member in members]
    assert [member.name for member in members] == ["PLAN", *(path.lstrip("/") for path in plan)]
    assert texts[1:] == [file.content for file in plan.values()]
    assert texts[0] == "".join(f"{file.group}\t{file.mode:04o}\t{path}\n" for path, file in plan.items())


def test_it_prints_the_words_of_the_release_hook(archive: Path):
    words = run(archive, "release", text=json.dumps(FACTS)).stdout.decode().split("\0")
    assert words[0] == "--name=nuwa-blog-release"
    assert words[-2:] == ["/usr/lib/nuwa/command/release", ""]


def test_it_answers_several_questions_at_once_and_each_as_by_itself(archive: Path):
    text = json.dumps({**FACTS, "domains": [], "podman": "4.2.0"})
    done = run(archive, "plans", "run", "install", "release", text=text)
    assert done.returncode == 0, done.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        answers = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    assert answers.keys() == {"run", "install.error", "release"}
    assert answers["release"] == run(archive, "release", text=text).stdout
    assert answers["install.error"] == b"render: fact domains: a site needs at least one\n"
    with tarfile.open(fileobj=io.BytesIO(answers["run"])) as tar:
        names = tar.getnames()
        assert tar.extractfile("WARNINGS").read().startswith(b"podman before 4.3")
    assert names[:2] == ["PLAN", "WARNINGS"]


def test_what_is_rendered_for_the_container_does_not_depend_on_the_certificate(archive: Path):
    """The scripts keep it under a name in which the certificate is left out."""
    answers = [
        run(archive, "run", text=json.dumps({**FACTS, "tls": tls})).stdout for tls in (FACTS["tls"], None)
    ]
    assert answers[0] == answers[1]


def test_it_prints_domains_in_their_one_spelling(archive: Path):
    assert run(archive, "domains", text='["Bücher.Example"]').stdout == b"xn--bcher-kva.example\n"


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["run"], "{}", "fact schema is missing"),
        (["install"], json.dumps({**FACTS, "domains": []}), "fact domains: a site needs at least one"),
        (["domains"], '["a b"]', "fact domains: "),
        (["archive-entries", "tar"], "", "archives are made by borg or restic, not by tar"),
    ],
)
def test_what_it_cannot_do_it_says_in_one_line(archive: Path, words: list[str], text: str, message: str):
    done = run(archive, *words, text=text)
    assert done.returncode != 0
    assert message in done.stderr.decode()
    assert len(done.stderr.decode().splitlines()) == 1
    assert done.stdout == b""


@pytest.mark.parametrize("words", [[], ["rm"], ["run", "more"], ["static"], ["reach", "127.0.0.1", "1"]])
def test_words_that_it_does_not_know_are_wrong_usage(archive: Path, words: list[str]):
    done = run(archive, *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"usage: render.pyz ")


def test_it_warns_of_what_the_host_cannot_do(archive: Path):
    done = run(archive, "run", text=json.dumps({**FACTS, "podman": "4.2.0"}))
    assert done.returncode == 0
    assert done.stderr.startswith(b"warning: podman before 4.3")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["plans", "run", "install", "release"], json.dumps(FACTS)),
        (["domains"], '["a.example"]'),
        (["scripts"], ""),
        (["kubernetes", "--image", f"registry.example.com/blog@sha256:{'a' * 64}"], ""),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bytecode_answers_as_the_source_does(archive: Path, compiled: Path, words: list[str], text: str):
    of_source, done = run(archive, *words, text=text), run(compiled, *words, text=text)
    assert done.returncode == 0, done.stderr.decode()
    assert (done.stdout, done.stderr) == (of_source.stdout, of_source.stderr)


def test_an_image_s_renderer_compiles_no_module_and_no_template(compiled: Path):
    with zipfile.ZipFile(compiled) as opened:
        names = opened.namelist()
    assert not [name for name in names if name.endswith((".py", ".j2"))]


def test_each_command_is_where_the_renderer_looks_for_it():
    assert set(renderer.RENDERED) == {*PLANS, *answers.WORDS}
    assert set(renderer.IN_VOLUMES) == set(volumes.COMMANDS)


def test_the_same_app_gives_the_same_bytes():
    assert zipapp.build(app()) == zipapp.build(app())


def test_python_3_9_reads_every_module(archive: Path):
    with zipfile.ZipFile(archive) as opened:
        modules = [name for name in opened.namelist() if name.endswith(".py")]
        for name in modules:
            ast.parse(opened.read(name), name, feature_version=(3, 9))
    assert "nuwa/render/render.py" in modules
    assert "jinja2/environment.py" in modules


def test_it_holds_no_module_of_the_build_side(archive: Path):
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    assert not names & {"nuwa/render/zipapp.py", "nuwa/manifest/load.py", "nuwa/errors.py", "nuwa/process.py"}
    assert not [name for name in names if "pydantic" in name or name.endswith((".so", ".pyc"))]


def test_no_import_of_nuwas_own_modules_is_overlooked():
    for path in PACKAGE.rglob("*.py"):
        wanted = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert wanted <= set(zipapp._imports(path)), path
