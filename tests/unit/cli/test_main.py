"""The command line: help without imports, errors as one message and a code, interruption, completion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nuwa.cli.main import COMMANDS, OPTIONS, help_text

NUWA = Path(sys.executable).with_name("nuwa")
SMALLEST = '[app]\nname = "shop"\n[server]\nmodule = "a:b"\n'


def nuwa(*words, env=None, **options):
    return subprocess.run(
        [NUWA, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        **options,
    )


@pytest.fixture
def project(tmp_path):
    (tmp_path / "nuwa.toml").write_text(SMALLEST)
    (tmp_path / "a.py").write_text("b = 1\n")
    return tmp_path


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--quiet", "--help"]])
def test_help_names_every_command_and_option(words):
    done = nuwa(*words)
    assert done.returncode == 0
    assert done.stdout.strip() == help_text()
    for word in (*COMMANDS, *OPTIONS):
        assert f"  {word} " in done.stdout


def test_without_a_command_it_shows_its_help_and_fails():
    done = nuwa()
    assert (done.returncode, done.stdout.strip()) == (2, help_text())


def test_the_help_tells_the_truth_about_the_options():
    import typer

    from nuwa.cli import root

    known = {name for item in typer.main.get_command(root.app).params for name in item.opts}
    assert known >= set(OPTIONS) - {"--help", "--version"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_of_its_own(command):
    done = nuwa(command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: nuwa {command}")
    assert "\n\n  " in done.stdout


def test_version():
    from nuwa import __version__

    assert nuwa("--version").stdout == f"nuwa {__version__}\n"


def imported(*words, cwd=None):
    """The modules that a command line imports. typer brings pydantic along by itself."""
    code = (
        "import sys; from nuwa.cli.main import main; sys.argv = ['nuwa', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as ended: code = ended.code\n"
        "print('\\n@', code, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert "\n@ " in done.stdout, done.stderr
    code_, *names = done.stdout.rpartition("\n@ ")[2].split()
    assert code_ in ("0", "None"), done.stderr
    return set(names)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_that_costs_time(words):
    costly = {
        "typer",
        "pydantic",
        "jinja2",
        "rich",
        "tomllib",
        "dataclasses",
        "inspect",
        "subprocess",
        "asyncio",
    }
    assert imported(*words) & costly == set()


ENGINE = {"nuwa.engine", "nuwa.process"}
MANIFEST = {"nuwa.manifest.validation", "nuwa.manifest.load", "tomllib"}
TEMPLATES = {"nuwa.templating", "jinja2"}


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["check"], {*TEMPLATES, *ENGINE, "rich", "nuwa.image.build"}),
        (["schema"], {*TEMPLATES, *ENGINE, "rich", "tomllib"}),
        (["init", "--force", "--module", "a:b"], {*ENGINE, "rich", "nuwa.image.build"}),
        (["lab", "--help"], {*TEMPLATES, *ENGINE, *MANIFEST, "rich", "nuwa.lab.lifecycle"}),
        (["build", "--help"], {*TEMPLATES, *ENGINE, *MANIFEST, "rich"}),
        (["inspect", "--help"], {*TEMPLATES, *ENGINE, *MANIFEST, "rich"}),
        (["setup", "--help"], {*TEMPLATES, *ENGINE, *MANIFEST, "rich"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_command_imports_what_it_does_not_use(project, words, never):
    assert imported(*words, cwd=project) & never == set()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["builds"], "there is no command 'builds'", "did you mean build?"),
        (["xyzzy"], "there is no command 'xyzzy'", "commands: init, check"),
        (["check", "--colour"], "No such option: --colour", "nuwa check --help"),
        (["check", "a", "b"], "unexpected extra argument", "nuwa check --help"),
        (["check", "--family", "gentoo"], "gentoo", "nuwa check --help"),
        (["lab", "upp"], "No such command 'upp'", "nuwa lab --help"),
    ],
)
def test_a_wrong_command_line_gives_one_error_and_a_remedy(words, message, hint):
    done = nuwa(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert f"→ {hint}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_user_is_one_message_and_its_exit_code(project):
    (project / "nuwa.toml").write_text(SMALLEST + "thread = 1\n")
    done = nuwa("check", cwd=project)
    assert done.returncode == 3
    assert done.stderr == (
        "Error: nuwa.toml: 1 error\nnuwa.toml:5: server.thread: unknown key\n    → did you mean 'threads'?\n"
    )


@pytest.mark.parametrize("words", [["--json", "check"], ["check", "--json"]])
def test_an_error_as_json_is_one_object(project, words):
    (project / "nuwa.toml").write_text(SMALLEST + "threads = 0\n")
    done = nuwa(*words, cwd=project)
    data = json.loads(done.stdout)
    assert data["ok"] is False
    assert data["error"]["exit_code"] == done.returncode == 3
    assert data["error"]["problems"] == [
        {"path": "server.threads", "message": "0 is not from 1 to 512", "line": 5, "hint": ""}
    ]


def test_a_wrong_command_line_as_json_is_one_object():
    data = json.loads(nuwa("check", "--colour", "--json").stdout)
    assert data["error"]["message"] == "No such option: --colour"


def test_debug_shows_the_traceback(project):
    (project / "nuwa.toml").write_text("")
    assert "Traceback" in nuwa("check", "--debug", cwd=project).stderr
    assert "Traceback" in nuwa("--debug", "check", cwd=project).stderr


def test_what_the_system_refuses_is_a_sentence(tmp_path):
    (tmp_path / "nuwa.toml").symlink_to("/dev/full")
    done = nuwa("init", "--force", "--module", "a:b", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device\n→ Free some space on that disk and try again.\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_interrupted_it_says_so_in_one_line(tmp_path, number, code):
    """The manifest is a pipe that nobody writes to, so that the command waits."""
    os.mkfifo(tmp_path / "nuwa.toml")
    process = subprocess.Popen(
        [NUWA, "check"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while "fifo" not in Path(f"/proc/{process.pid}/wchan").read_text() and not waits_for_pipe(process.pid):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert len(err.splitlines()) == 1
    assert "Interrupted" in err


def waits_for_pipe(pid):
    """Whether a process sits in `open` of a pipe: its system call is openat and it sleeps."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    call = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return state == "S" and call in ("257", "56", "2")


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        f"{NUWA} schema | head -n 1", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize(
    ("typed", "offered"), [("nuwa ch", "check"), ("nuwa check --f", "--family"), ("nuwa lab sta", "status")]
)
def test_the_shell_completes_commands_and_options(typed, offered):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = nuwa(env={"_NUWA_COMPLETE": "complete_bash", **words})
    assert done.stdout.split() == [offered]


def test_the_published_page_of_the_commands_is_current():
    from nuwa.reference import commands

    published = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
    assert published.read_text() == commands.page(), "run script/generate"
