"""A project's requirements, in whichever file it says so, as files that a build installs from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.requirements import read as reading
from nuwa.requirements.read import Requirements


def read(project: Path, name: str = "", groups: Sequence[str] = ()) -> Requirements:
    def every_file(folder: Path) -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    return reading.read(project, name, every_file, groups)


def lines(found: Requirements, name: str) -> list[str]:
    return found.files[f"requirements/{name}"].decode().splitlines()


def lay(root: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def test_a_project_without_any_file_requires_nothing(tmp_path: Path) -> None:
    assert read(tmp_path).words == ()


def test_a_lock_goes_before_a_list_and_a_list_before_the_project_file(tmp_path: Path) -> None:
    lay(tmp_path, {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n'})
    assert read(tmp_path).words == ("-r", "/mnt/requirements/pyproject.toml.txt")
    lay(tmp_path, {"requirements.txt": "six\n"})
    assert read(tmp_path).words == ("-r", "/mnt/requirements/requirements.txt")
    lay(tmp_path, {"Pipfile.lock": '{"default": {"six": {"version": "==1.17.0"}}}'})
    assert read(tmp_path).words == ("-r", "/mnt/requirements/Pipfile.lock.txt")


def test_a_project_file_that_only_configures_tools_requires_nothing(tmp_path: Path) -> None:
    lay(tmp_path, {"pyproject.toml": "[tool.black]\n", "requirements/production.txt": "six\n"})
    assert read(tmp_path).words == ("-r", "/mnt/requirements/requirements/production.txt")


def test_included_files_come_along_each_once(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "reqs/prod.txt": "-r base.txt\n--constraint=../limits.txt\n-rmore.txt\ndjango\n",
            "reqs/base.txt": "-r prod.txt\n-r https://example.test/more.txt\nsix\n",
            "reqs/more.txt": "a\n",
            "limits.txt": "six<2\n",
        },
    )
    found = read(tmp_path, "reqs/prod.txt")
    assert found.words == ("-r", "/mnt/requirements/reqs/prod.txt")
    assert lines(found, "reqs/prod.txt") == [
        "--requirement /mnt/requirements/reqs/base.txt",
        "--constraint /mnt/requirements/limits.txt",
        "--requirement /mnt/requirements/reqs/more.txt",
        "django",
    ]
    assert lines(found, "reqs/base.txt")[1:] == ["--requirement https://example.test/more.txt", "six"]
    assert lines(found, "limits.txt") == ["six<2"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-with-mark"])
def test_a_list_is_read_by_its_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    content = "-r base.txt\r\nsix\r\n"
    raw = b"\xff\xfe" + content.encode("utf-16-le") if encoding.endswith("mark") else content.encode(encoding)
    (tmp_path / "requirements.txt").write_bytes(raw)
    lay(tmp_path, {"base.txt": "idna\n"})
    found = read(tmp_path)
    assert lines(found, "requirements.txt") == ["--requirement /mnt/requirements/base.txt", "six"]


def test_comments_go_and_continued_lines_are_joined(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "requirements.txt": "# -e .\nsix==1 \\\n    --hash=sha256:ab # why\n\nx @ https://e.test/x#sha256=1\n"
        },
    )
    assert lines(read(tmp_path), "requirements.txt") == [
        "six==1      --hash=sha256:ab",
        "x @ https://e.test/x#sha256=1",
    ]


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"other\.txt is not in") as caught:
        read(tmp_path, "other.txt")
    assert "image.requirements" in caught.value.hint


@pytest.mark.parametrize("included", ["gone.txt", "../outside.txt"])
def test_included_files_must_be_in_the_project(tmp_path: Path, included: str) -> None:
    lay(tmp_path, {"outside.txt": "six\n", "project/requirements.txt": f"-r {included}\n"})
    with pytest.raises(BuildError, match="is not in the project"):
        read(tmp_path / "project")


@pytest.mark.parametrize(
    "line", ["./core", "-e ./core", "--editable=core", "core @ file:core", "file:./core"]
)
def test_a_package_of_the_project_comes_along_and_is_built(tmp_path: Path, line: str) -> None:
    lay(tmp_path, {"requirements.txt": line, "core/pyproject.toml": "x", "core/core/__init__.py": "y"})
    found = read(tmp_path)
    (made,) = lines(found, "requirements.txt")
    assert made.rpartition(" ")[2] == "/tmp/requirements/local/core"
    assert found.files["requirements/local/core/core/__init__.py"] == b"y"
    assert found.builds


def test_extras_and_markers_of_a_local_package_stay(tmp_path: Path) -> None:
    lay(tmp_path, {"requirements.txt": "./core[x,y] ; python_version > '3'\n", "core/setup.py": ""})
    (made,) = lines(read(tmp_path), "requirements.txt")
    assert made == "/tmp/requirements/local/core[x,y] ; python_version > '3'"


@pytest.mark.parametrize("line", ["./vendor/six-1.whl", "vendor/six-1.whl", "six @ file:vendor/six-1.whl"])
def test_a_wheel_of_the_project_comes_along_and_needs_no_compiler(tmp_path: Path, line: str) -> None:
    lay(tmp_path, {"requirements.txt": line, "vendor/six-1.whl": "x"})
    found = read(tmp_path)
    (made,) = lines(found, "requirements.txt")
    assert made.endswith("/mnt/requirements/local/vendor/six-1.whl")
    assert found.files["requirements/local/vendor/six-1.whl"] == b"x"
    assert not found.builds


def test_wheels_that_find_links_names_come_along(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"requirements.txt": "--find-links vendor\nsix\n", "vendor/six-1.whl": "x", "vendor/README": "y"},
    )
    found = read(tmp_path)
    assert lines(found, "requirements.txt") == ["--find-links /mnt/requirements/local/vendor", "six"]
    assert sorted(found.files) == ["requirements/local/vendor/six-1.whl", "requirements/requirements.txt"]


def test_the_project_itself_is_on_the_path_and_brings_its_requirements(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "requirements.txt": "-e .[prod]\nidna\n",
            "pyproject.toml": (
                '[project]\nname="x"\ndependencies=["six"]\noptional-dependencies={prod=["click"]}\n'
            ),
        },
    )
    found = read(tmp_path)
    assert lines(found, "requirements.txt") == ["-r /mnt/requirements/project-pyproject.toml.txt", "idna"]
    assert lines(found, "project-pyproject.toml.txt") == ["six", "click"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../lib", "is outside the project"),
        ("lib @ file:///srv/lib", "is outside the project"),
        ("./gone", "is not in the project"),
        ("./notes", "is not a Python package"),
    ],
)
def test_what_an_image_cannot_have_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    lay(tmp_path, {"lib/setup.py": "", "p/requirements.txt": f"six\n{line}\n", "p/notes/x": ""})
    with pytest.raises(BuildError, match=message) as caught:
        read(tmp_path / "p")
    assert "requirements.txt:2: " in caught.value.message


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("git+https://e.test/x.git@v1#egg=x", "x @ git+https://e.test/x.git@v1"),
        (
            "-e git+ssh://git@e.test/x.git#egg=x&subdirectory=y",
            "x @ git+ssh://git@e.test/x.git#subdirectory=y",
        ),
        ("x[a] @ git+https://e.test/x.git", "x[a] @ git+https://e.test/x.git"),
    ],
)
def test_repositories_are_built_under_their_names(tmp_path: Path, line: str, made: str) -> None:
    lay(tmp_path, {"requirements.txt": line})
    found = read(tmp_path)
    assert lines(found, "requirements.txt") == [made]
    assert found.builds


def test_variables_stay_names_in_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TOKEN", "word")
    lay(
        tmp_path,
        {"requirements.txt": "--extra-index-url https://${PIP_TOKEN}@pypi.example.test/simple\nsix\n"},
    )
    found = read(tmp_path)
    assert found.variables == ("PIP_TOKEN",)
    assert b"${PIP_TOKEN}@" in found.files["requirements/requirements.txt"]
    assert not any(b"word" in content for content in found.files.values())


@pytest.mark.parametrize(
    "line",
    ["lib @ https://example.test/lib.whl", "zope.interface==7", "ruamel.yaml", "a-b_c[d]>=1 ; x == 'y'"],
)
def test_what_an_index_has_is_taken_as_it_is(tmp_path: Path, line: str) -> None:
    lay(tmp_path, {"requirements.txt": line})
    found = read(tmp_path)
    assert lines(found, "requirements.txt") == [line]
    assert not found.builds


def test_groups_want_a_file_that_has_them(tmp_path: Path) -> None:
    lay(tmp_path, {"requirements.txt": "six\n"})
    with pytest.raises(BuildError, match="has no groups"):
        read(tmp_path, groups=["prod"])


LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "site"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "six" }]

[package.metadata]
requires-dist = [{ name = "six" }]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.test/simple" }
wheels = [
  { url = "https://files.test/six-1.17.0-py2.py3-none-any.whl", hash = "sha256:SUM" },
]
"""


def test_a_uv_lock_becomes_exact_versions_with_checksums(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname="site"\nversion="1"\nrequires-python=">=3.11"\ndependencies=["six"]\n'
    )
    (tmp_path / "uv.lock").write_text(LOCK.replace("SUM", "47" * 32))
    found = read(tmp_path)
    assert found.words == ("-r", "/mnt/requirements/uv.lock.txt")
    text = found.files["requirements/uv.lock.txt"].decode()
    assert "six==1.17.0" in text
    assert "--hash=sha256:4747" in text
    assert "index.test" not in text
    assert "site" not in text


def test_a_damaged_lock_is_an_error_with_uvs_words(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "site"\nversion = "1"\n')
    (tmp_path / "uv.lock").write_text("version = 'x")
    with pytest.raises(BuildError, match=r"uv\.lock cannot be read") as caught:
        read(tmp_path)
    assert caught.value.details


MEMBER = """[project]
name = "backend"
version = "1"
requires-python = ">=3.11"
dependencies = ["core", "six"]
[tool.uv.sources]
core = { workspace = true }
"""
WORKSPACE_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = ["backend", "core", "root"]

[[package]]
name = "backend"
version = "1"
source = { virtual = "backend" }
dependencies = [{ name = "core" }, { name = "six" }]

[[package]]
name = "core"
version = "1"
source = { editable = "libs/core" }

[[package]]
name = "root"
version = "1"
source = { virtual = "." }

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.test/simple" }
wheels = [
  { url = "https://files.test/six-1.17.0-py2.py3-none-any.whl", hash = "sha256:SUM" },
]
"""


def test_the_lock_of_a_workspace_above_counts_and_its_members_come_along(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "pyproject.toml": (
                '[project]\nname = "root"\nversion = "1"\nrequires-python = ">=3.11"\n'
                '[tool.uv.workspace]\nmembers = ["backend", "libs/*"]\n'
            ),
            "uv.lock": WORKSPACE_LOCK.replace("SUM", "47" * 32),
            "backend/pyproject.toml": MEMBER,
            "libs/core/pyproject.toml": (
                '[project]\nname = "core"\nversion = "1"\nrequires-python = ">=3.11"\n'
                '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
            ),
            "libs/core/core/__init__.py": "",
        },
    )
    found = read(tmp_path / "backend")
    text = lines(found, "uv.lock.txt")
    assert "/tmp/requirements/local/libs/core" in text
    assert any(line.startswith("six==1.17.0") for line in text)
    assert "requirements/local/libs/core/core/__init__.py" in found.files


def test_a_lock_in_a_relative_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(
        tmp_path / "shop",
        {
            "pyproject.toml": (
                '[project]\nname="site"\nversion="1"\nrequires-python=">=3.11"\ndependencies=["six"]\n'
            ),
            "uv.lock": LOCK.replace("SUM", "47" * 32),
        },
    )
    monkeypatch.chdir(tmp_path)
    assert read(Path("shop")).words
