"""What a build prints, as progress and as an error."""

from __future__ import annotations

import pytest

from nuwa.image.build_output import Steps


class Recorder:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def done(self, note: str = "") -> None:
        raise AssertionError


def heard(*lines: str) -> tuple[Steps, Recorder]:
    recorder = Recorder()
    steps = Steps("app", recorder)
    for line in lines:
        steps.line(line)
    return steps, recorder


def test_podmans_own_lines_are_not_shown() -> None:
    _, recorder = heard(
        "STEP 3/9: RUN set -eu; echo 'nuwa: x'",
        "nuwa: import shop",
        "Copying blob sha256:1",
        "hello",
        "a" * 64,
    )
    assert recorder.lines == ["import shop", "hello"]


def test_the_error_names_the_step_and_quotes_what_came_after_it() -> None:
    steps, _ = heard(
        "nuwa: install packages",
        "noise of before",
        "nuwa: import shop.wsgi:application",
        "ValueError: nope",
        'error building at STEP "RUN set -eu; …": while running runtime: exit status 1',
        'Error: building at STEP "RUN set -eu; …": while running runtime: exit status 1',
    )
    error = steps.error()
    assert error.message == "app: import shop.wsgi:application failed"
    assert error.details == "ValueError: nope"
    assert "NUWA_BUILD" in error.hint


def test_only_the_last_lines_are_quoted() -> None:
    steps, _ = heard("nuwa: collect static files", *(f"line {number}" for number in range(100)))
    details = steps.error().details.splitlines()
    assert details[-1] == "line 99"
    assert len(details) == 25


def test_a_full_disk_gets_its_own_remedy() -> None:
    steps, _ = heard("nuwa: install packages", "write /var/x: No space left on device")
    assert "Free space" in steps.error().hint


def test_a_failure_before_any_step_still_says_what_podman_said() -> None:
    steps, _ = heard("time=now level=error", "Error: cannot start")
    error = steps.error()
    assert error.message == "the layer app failed"
    assert error.details == "Error: cannot start"


def test_a_step_whose_container_cannot_start_names_the_capabilities() -> None:
    steps, _ = heard("error running container: runc create failed: unable to apply caps: not permitted")
    assert "capabilities" in steps.error().hint


def test_a_missing_wheel_is_told_from_other_failures() -> None:
    without_wheel = "cause: Because docopt==0.6.2 has no usable wheels and you require docopt==0.6.2, …"
    assert heard("nuwa: install Python packages", without_wheel)[0].needs_compiler
    unknown = "cause: Because there is no version of django==99.1 and you require django==99.1, …"
    assert not heard("nuwa: install Python packages", unknown)[0].needs_compiler


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ModuleNotFoundError: No module named 'flask'", "image.requirements"),
        ("KeyError: 'SECRET_KEY'", "[env]"),
        ("  Field required [type=missing, input_value={}, input_type=dict]", "[env]"),
        ("django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable", "[env]"),
        (
            "decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default.",
            "[env]",
        ),
        ("PermissionError: [Errno 13] Permission denied: '/srv/app/instance'", "/srv/app/instance"),
        ("OSError: [Errno 30] Read-only file system: '/srv/app/logs'", "[[volume]]"),
        ("psycopg.OperationalError: connection failed: Connection refused", "first request"),
        ("the database driver cannot be loaded: psycopg: ImportError: no pq wrapper available.", "libpq5"),
    ],
)
def test_what_an_app_lacks_while_it_is_built_gets_its_own_remedy(said: str, remedy: str) -> None:
    steps, _ = heard("nuwa: import shop.wsgi:application", "Traceback (most recent call last):", said)
    assert remedy in steps.error().hint


def test_headers_are_only_advised_where_they_are_missing() -> None:
    headers, _ = heard(
        "nuwa: build Python packages", "x.c:3:10: fatal error: libpq-fe.h: No such file or directory"
    )
    assert "libpq-dev" in headers.error().hint
    other, _ = heard(
        "nuwa: build Python packages", "FileNotFoundError: Readme path `README.md` does not exist."
    )
    assert "libpq-dev" not in other.error().hint


@pytest.mark.parametrize(
    ("line", "older"),
    [
        (
            "a.c:7:5: error: implicit declaration of function '_PyArg_Parse'",
            True,
        ),
        ("a.c:9:1: error: 'PyThreadState' {aka 'struct _ts'} has no member named 'use_tracing'", True),
        ("a.c:9:1: error: too few arguments to function '_PyLong_AsByteArray'", True),
        ("ModuleNotFoundError: No module named 'distutils'", True),
        (
            "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?",
            True,
        ),
        (
            "error: the configured Python interpreter version (3.14) is newer than PyO3's maximum supported "
            "version (3.13)",
            True,
        ),
        ("a.c:9:1: error: expected ';' before '}' token", False),
        ("error: Command '['gcc', '-I/usr/include/python3.13']' failed", False),
    ],
)
def test_a_package_that_is_older_than_python_is_told_with_both_ways_out(line: str, older: bool) -> None:
    hint = heard("nuwa: build Python packages", line)[0].error().hint
    assert ('python = "3.12"' in hint and "newer version" in hint) is older


def test_a_server_that_does_not_load_is_told_with_both_ways_out() -> None:
    steps, _ = heard("nuwa: load gunicorn with the app's packages", "No module named 'imp'")
    hint = steps.error().hint
    assert 'python = "3.12"' in hint
    assert "a newer one" in hint


def test_a_frontends_failure_names_the_command_and_shows_what_it_printed() -> None:
    failed = Steps("frontend", Recorder())
    for line in ("nuwa: npm run build", "src/main.js: Unexpected token", "error building at STEP x"):
        failed.line(line)
    error = failed.error()
    assert (error.message, error.details) == (
        "frontend: npm run build failed",
        "src/main.js: Unexpected token",
    )
    assert "[build.node]" in error.hint
    failed.line("nuwa: npm ci --no-audit --no-fund")
    failed.line("npm error code ECONNREFUSED")
    assert "npm config get registry" in failed.error().hint


@pytest.mark.parametrize("line", ["No module named 'pkg_resources'", "No module named 'setuptools.dist'"])
def test_what_setuptools_had_is_told_how_to_bring(line: str) -> None:
    steps, _ = heard("nuwa: import shop.wsgi:application", f"ModuleNotFoundError: {line}")
    assert "'setuptools<82'" in steps.error().hint
