"""The requirements in a project's pyproject.toml, setup.cfg or setup.py, which is read but not run."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nuwa.errors import BuildError
from nuwa.requirements import text
from nuwa.requirements.kinds import load_toml, table

LEGACY = "List the requirements in a requirements.txt, and name it in image.requirements."


def required(folder: Path, name: str, groups: Sequence[str] = ()) -> list[str]:
    """The requirements in one of a project's own files, as lines of a requirements.txt.

    Args:
        folder: the project.
        name: pyproject.toml, setup.cfg or setup.py.
        groups: optional dependencies (extras) and dependency groups that the app needs as well.

    Raises:
        BuildError: they cannot be determined without running the project, or a group does not exist.
    """
    readers = {"pyproject.toml": _pyproject, "setup.cfg": _setup_cfg, "setup.py": _setup_py}
    return list(dict.fromkeys(readers[name](folder, groups)))


def _pyproject(folder: Path, groups: Sequence[str]) -> Iterator[str]:
    document = load_toml(folder / "pyproject.toml")
    project = table(document, "project")
    poetry = table(document, "tool", "poetry")
    sources = table(document, "tool", "uv", "sources")
    listed = [str(item) for item in project.get("dependencies") or ()]
    if "dependencies" in (project.get("dynamic") or ()):
        listed += _dynamic(document)
    yield from (_with_source(line, sources) for line in listed)
    if not project.get("dependencies"):
        yield from _poetry_table(table(poetry, "dependencies"), groups, poetry)
    for group in groups:
        lines = _group(document, group)
        if lines is None:
            raise BuildError(
                f"pyproject.toml has neither optional dependencies nor a group named {group}",
                hint=f"There are: {', '.join(_groups(document)) or 'none'}.",
            )
        yield from (_with_source(line, sources) for line in lines)


def groups(folder: Path) -> list[str]:
    """The names of the extras and dependency groups of a pyproject.toml."""
    return _groups(load_toml(folder / "pyproject.toml"))


def _groups(document: dict[str, Any]) -> list[str]:
    places = (
        ("project", "optional-dependencies"),
        ("dependency-groups",),
        ("tool", "poetry", "group"),
        ("tool", "poetry", "extras"),
    )
    return sorted({name for place in places for name in table(document, *place)})


def _group(document: dict[str, Any], name: str, seen: tuple[str, ...] = ()) -> list[str] | None:
    """The lines of an extra or a group; None if there is none of that name."""
    extras = table(document, "project", "optional-dependencies")
    if name in extras:
        return [str(item) for item in extras[name]]
    dependency_groups = table(document, "dependency-groups")
    if name in dependency_groups and name not in seen:
        found: list[str] = []
        for item in dependency_groups[name]:
            included = item.get("include-group") if isinstance(item, dict) else None
            found += (_group(document, included, (*seen, name)) or []) if included else [str(item)]
        return found
    poetry = table(document, "tool", "poetry")
    if name in table(poetry, "group"):
        return list(_poetry_table(table(poetry, "group", name, "dependencies"), (), poetry))
    return [] if name in table(poetry, "extras") else None


def _dynamic(document: dict[str, Any]) -> list[str]:
    """Dependencies that the build backend reads from requirements files."""
    setuptools = table(document, "tool", "setuptools", "dynamic", "dependencies").get("file")
    hatch = table(document, "tool", "hatch", "metadata", "hooks", "requirements_txt").get("files")
    files = [setuptools] if isinstance(setuptools, str) else list(setuptools or hatch or ())
    if not files:
        raise BuildError(
            "pyproject.toml has dynamic dependencies, known only after a build that nuwa does not run",
            hint=LEGACY,
        )
    return [f"-r {file}" for file in files]


def _with_source(line: str, sources: dict[str, Any]) -> str:
    """A requirement with its source from `[tool.uv.sources]`."""
    found = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^]]*\])?([^;]*)(;.*)?$", line)
    given = {normalised(name): source for name, source in sources.items()}
    source = given.get(normalised(found[1])) if found else None
    if not found or not isinstance(source, dict) or line.startswith("-"):
        return line
    name, marker = f"{found[1]}{found[2] or ''}", f" {found[4]}" if found[4] else ""
    if source.get("workspace"):
        raise BuildError(
            f"{found[1]} comes from the project's workspace, whose versions are only in its lock file",
            hint="Run uv lock and commit uv.lock.",
        )
    place = _place(source)
    return f"{name} @ {place}{marker}" if place else line


def _place(source: dict[str, Any]) -> str:
    """The URL or path in a dependency's table, as uv and Poetry write it; empty if it comes from an index."""
    if "git" in source:
        commit = source.get("rev") or source.get("tag") or source.get("branch") or ""
        url = str(source["git"])
        url = url if re.match(r"\w+://|git\+", url) else "ssh://" + url.replace(":", "/", 1)
        below = source.get("subdirectory")
        return f"git+{url.removeprefix('git+')}{f'@{commit}' if commit else ''}" + (
            f"#subdirectory={below}" if below else ""
        )
    if "path" in source:
        path = str(source["path"])
        return path if path.startswith(("/", "./", "../")) else f"./{path}"
    return str(source.get("url") or "")


def _poetry_table(
    dependencies: dict[str, Any], groups: Sequence[str], poetry: dict[str, Any]
) -> Iterator[str]:
    wanted = {normalised(item) for group in groups for item in table(poetry, "extras").get(group, ())}
    for name, given in dependencies.items():
        if name == "python":
            continue
        for one in given if isinstance(given, list) else [given]:
            one = {"version": one} if isinstance(one, str) else one
            if isinstance(one, dict) and (not one.get("optional") or normalised(name) in wanted):
                yield _poetry_line(name, one)


def _poetry_line(name: str, given: dict[str, Any]) -> str:
    extras = f"[{','.join(given['extras'])}]" if given.get("extras") else ""
    place = _place(given)
    line = f"{name}{extras} @ {place}" if place else f"{name}{extras}{pep440(str(given.get('version', '*')))}"
    markers = [f"({given['markers']})"] if given.get("markers") else []
    if given.get("python"):
        markers += [
            f"python_version {clause[:2].rstrip('0123456789')} '{clause.lstrip('<>=!~')}'"
            for clause in pep440(str(given["python"])).split(",")
            if clause
        ]
    return f"{line} ; {' and '.join(markers)}" if markers else line


def pep440(constraint: str) -> str:
    """A version constraint of Poetry (^1.2, ~1.2, 1.2.*, 1.2), in the syntax of PEP 440."""
    clauses = [clause.strip() for clause in constraint.split(",") if clause.strip() not in ("", "*")]
    return ",".join(part for clause in clauses for part in _clause(clause))


def _clause(clause: str) -> Iterable[str]:
    operator, version = re.match(r"(\^|~=|~|>=|<=|!=|==|=|>|<)?\s*(.+)", clause).groups()  # type: ignore[union-attr]  # matches every clause
    if operator == "^":
        return f">={version}", f"<{_next(version, _significant(version))}"
    if operator == "~":
        return f">={version}", f"<{_next(version, min(1, version.count('.')))}"
    return (f"{'==' if operator in (None, '=') else operator}{version}",)


def _significant(version: str) -> int:
    """The index of the number that a caret keeps: the first that is not zero."""
    numbers = _numbers(version)
    return next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)


def _next(version: str, place: int) -> str:
    numbers = _numbers(version)[: place + 1]
    return ".".join(map(str, [*numbers[:-1], numbers[-1] + 1]))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", re.split(r"[a-z+!-]", version)[0])] or [0]


def normalised(name: str) -> str:
    """A project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _setup_cfg(folder: Path, groups: Sequence[str]) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise BuildError(f"setup.cfg cannot be read: {error}") from None
    values = [parser.get("options", "install_requires", fallback="")]
    for group in groups:
        if not parser.has_option("options.extras_require", group):
            raise BuildError(f"setup.cfg has no options.extras_require called {group}")
        values.append(parser.get("options.extras_require", group))
    for value in values:
        if value.startswith("file:"):
            yield f"-r {value.removeprefix('file:').strip()}"
        else:
            yield from (line.text for line in text.lines(value.replace(";;", "\n")))


def _setup_py(folder: Path, groups: Sequence[str]) -> Iterator[str]:
    unclear = BuildError(
        "setup.py computes its requirements when it runs, and nuwa does not run it", hint=LEGACY
    )
    try:
        tree = ast.parse((folder / "setup.py").read_bytes())
    except (SyntaxError, ValueError):
        raise unclear from None
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "setup"]
    given = {word.arg: word.value for call in calls for word in call.keywords}
    lists = [given.get("install_requires")]
    extras = _value(given.get("extras_require"), names) if groups else {}
    try:
        found = _value(lists[0], names)
        yield from (str(item) for item in ([found] if isinstance(found, str) else found or []))
        for group in groups:
            yield from (str(item) for item in extras[group])
    except (ValueError, TypeError, KeyError):
        raise unclear from None


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _value(node: ast.expr | None, names: dict[str, ast.expr]) -> Any:
    """The value of a literal, or of a name that the module sets to a literal."""
    if isinstance(node, ast.Name) and node.id in names:
        node = names[node.id]
    return None if node is None else ast.literal_eval(node)
