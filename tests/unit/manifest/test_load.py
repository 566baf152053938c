"""Reading nuwa.toml: everything that is wrong with it, at once, with its place and what to do."""

from __future__ import annotations

import re
import textwrap

import pytest

from nuwa.errors import ManifestError
from nuwa.manifest.load import load
from nuwa.manifest.model import App, from_json, to_json

SMALLEST = '[app]\nname = "shop"\n[server]\nmodule = "shop.wsgi:application"\n'


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "nuwa.toml"
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    return to_file


@pytest.fixture
def problems(write):
    """What is wrong with a text, as `line path: message → hint`."""

    def found(text, **options):
        with pytest.raises(ManifestError) as refused:
            load(write(text), **options)
        return [
            f"{item.line} {item.path}: {item.message}" + (f" → {item.hint}" if item.hint else "")
            for item in refused.value.problems
        ]

    return found


def test_the_smallest_manifest_gives_an_app_full_of_defaults(write):
    app = load(write(SMALLEST))
    assert app.name == "shop"
    assert app.server.kind == "gunicorn"
    assert app.health.path == "/"
    assert app.volume == ()


def test_what_was_loaded_survives_json(write):
    app = load(
        write(
            SMALLEST
            + """
            [[volume]]
            name = "data"
            path = "/srv/data"
            [env.clear]
            TEXT = 'quotes " and $x and `y`'
            [hooks]
            release = "python manage.py migrate"
            checks = [["a", "b"], "c d"]
            [limits]
            cpu = 2
            memory_max = "1G"
            """.replace("            ", "")
        )
    )
    assert app.hooks.checks == (("a", "b"), ("c", "d"))
    assert from_json(App, to_json(app)) == app


def test_environment_values_arrive_byte_for_byte(write):
    value = " quotes \" ' spaces $HOME `id` \\ ü \n\tlines \n"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    assert load(write(f'{SMALLEST}[env.clear]\nX = "{escaped}"\n')).env.clear == {"X": value}


def test_all_errors_come_at_once_in_the_order_of_their_lines(problems):
    found = problems(
        """\
        names = "x"
        [app]
        name = "My App"
        versions = "1"
        [server]
        workers = "four"
        threads = "4"
        websocket = 1
        kind = "gunicron"
        [image]
        python = 3.10
        packages = ["a", 1, "b;"]
        [process]
        name = "x"
        [env.clear]
        A-b = "1"
        B = 2
        [limits]
        memory_max = "12Q"
        memory_low = "2G"
        memory_high = 100
        cpu = nan
        [hooks]
        release = ["a", 1]
        checks = ["a | b"]
        [statc]
        [[extras]]
        jemalloc = "true"
        [backup]
        repository = 2020-01-01
        """
    )
    lines = [int(re.sub(" .*", "", line)) for line in found]
    assert lines == [1, *range(3, 10), 11, 12, 12, 13, 16, 17, 19, 20, 22, *range(24, 28), 30]
    text = "\n".join(found)
    for expected in (
        "1 names: unknown key",
        "3 app.name: 'My App' is not a name of at most 39",
        "4 app.versions: unknown key → did you mean 'version'?",
        "5 server.module: is required",
        '6 server.workers: found the string "four", expected "auto" or a whole number from 1 to 512',
        '7 server.threads: found the string "4", expected a whole number from 1 to 512 → write it without',
        "8 server.websocket: found the number 1, expected true or false",
        '9 server.kind: found the string "gunicron", expected one of "gunicorn"',
        'did you mean "gunicorn"?',
        '11 image.python: found the number 3.10, expected a string → put it in quotes: "3.10"',
        '12 image.packages[1]: found the number 1, expected a string → put it in quotes: "1"',
        "12 image.packages[2]: 'b;' is not the name of a distribution package",
        "13 process: found a table, expected a list of tables → write [[process]]",
        "16 env.clear.A-b: 'A-b' is not the name of an environment variable",
        '17 env.clear.B: found the number 2, expected a string → put it in quotes: "2"',
        "19 limits.memory_max: '12Q' is not a size such as 512M or 2G",
        "20 limits.memory_low: memory_low is above memory_high",
        "22 limits.cpu: found the number nan",
        "24 hooks.release[1]: found the number 1, expected a string",
        "25 hooks.checks[0]: 'a | b' contains '|', which only a shell interprets",
        "26 statc: unknown section → did you mean 'static'?",
        "27 extras: found a list, expected a table → write [extras], with one bracket",
        "30 backup.repository: found the date 2020-01-01",
    ):
        assert expected in text


def test_the_message_names_file_line_and_path(write):
    path = write(SMALLEST + "threads = 0\n")
    with pytest.raises(ManifestError) as refused:
        load(path)
    assert str(refused.value).splitlines() == [
        f"{path}: 1 error",
        f"{path}:5: server.threads: 0 is not from 1 to 512",
    ]
    assert refused.value.exit_code == 3


def test_a_key_at_the_top_is_sent_to_its_section(problems):
    assert problems('module = "a:b"\n' + SMALLEST) == ["1 module: unknown key → it belongs in [server]"]


def test_a_missing_section_says_what_it_needs(problems):
    assert problems('[app]\nname = "x"\n') == [
        "None server: this section is required → add [server] with module"
    ]


@pytest.mark.parametrize(
    "value",
    ["1", "1.5", "true", '"x"', "[]", "[1]", '["x"]', "[[]]", "{}", "1979-05-27", "07:32:00", "nan", "inf"],
)
def test_no_value_of_a_wrong_type_passes_or_crashes(write, value):
    from nuwa.manifest.fields import fields_of, sections

    for name, section in sections().items():
        for key in fields_of(section.section):
            table = f"[[{name}]]" if section.repeated else f"[{name}.x]" if section.keyed else f"[{name}]"
            try:
                app = load(
                    write(f"{table}\n{key} = {value}\n" + (SMALLEST if name not in ("app", "server") else ""))
                )
            except ManifestError:
                continue
            assert isinstance(app, App)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[command]\nrun = "x"\n',
            'command.run: found the string "x", expected a table → write [command.NAME]',
        ),
        (
            "[command.import]\n",
            "command.import.run: is required: command line; no shell runs it. → add run = ",
        ),
        ('[command.import]\nrum = "x"\n', "command.import.rum: unknown key → did you mean 'run'?"),
        ('[command.Import]\nrun = "x"\n', "'Import' is not a name of at most 31 lower-case letters"),
        ('[command.x]\nrun = "x"\nhelp = "a\\nb"\n', "is not one line of at most 200 characters"),
    ],
)
def test_a_wrong_named_command_says_what_is_right(problems, text, expected):
    assert any(expected in problem for problem in problems(SMALLEST + text)), problems(SMALLEST + text)


def test_a_broken_value_does_not_cause_errors_about_other_values(problems):
    assert problems(
        SMALLEST
        + '[tls]\nchallenge = "dns01"\ndns_plugin = "x"\n[database]\nengine = "sqlit"\n'
        + '[[volume]]\nname = 1\npath = "/a"\n'
    ) == [
        '6 tls.challenge: found the string "dns01", expected one of "http-01", "dns-01", "files", '
        '"self-signed" → did you mean "dns-01"?',
        '9 database.engine: found the string "sqlit", expected one of "postgresql", "mariadb", "sqlite"'
        ' → did you mean "sqlite"?',
        '11 volume[0].name: found the number 1, expected a string → put it in quotes: "1"',
    ]


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("a", 1, "key = value"),
        ("\n\na = \n", 3, "strings need quotes"),
        ("a = yes", 1, "strings need quotes"),
        ("a = 01", 1, "put each key on a line of its own"),
        ("a = [1", 1, "a list ends with ]"),
        ("[a", 1, "ends with ]"),
        ('a = "x\ny"', 1, "three quotes"),
        ("a = 1\na = 2", 2, "remove one of the two"),
        ("[a]\n[a]", 2, "put its keys together"),
        ('a = "C:\\dir"', 1, "backslash twice"),
        ("a = '''x", 1, "close the quotes"),
        ("a b = 1", 1, "needs quotes"),
        ("a = 1 b = 2", 1, "a line of its own"),
    ],
)
def test_a_syntax_error_has_its_line_and_a_remedy(problems, text, line, remedy):
    (found,) = problems(text.encode())
    assert found.startswith(f"{line} : not TOML: ")
    assert remedy in found


def test_what_is_no_text_is_refused_with_its_line(problems):
    assert problems(b'[app]\nname = "\xff"\n') == [
        " : line 2 is not UTF-8 (byte 0xff) → save the file as UTF-8".replace(" :", "None :", 1)
    ]


def test_a_byte_order_mark_is_no_error(write):
    assert load(write(b"\xef\xbb\xbf" + SMALLEST.encode())).name == "shop"


def test_a_missing_file_a_folder_and_a_huge_file_are_refused_clearly(tmp_path):
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (2**20 + 1))
    for path, message in (
        (tmp_path / "nuwa.toml", "nuwa init"),
        (tmp_path, "is a folder"),
        (huge, "larger than 1 MiB"),
    ):
        with pytest.raises(ManifestError, match=message):
            load(path)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "[" * 300 + "]" * 300, "a = " + "9" * 5000]
)
def test_deep_nesting_and_endless_numbers_are_refused_clearly(problems, text):
    assert problems(text)


class Offer:
    name = "debian"
    releases = ("13", "12")

    def pythons(self, release):
        return {"13": ("3.13", "3.12"), "12": ("3.11",)}[release]


def test_release_and_python_are_filled_in_by_the_family(write):
    app = load(write(SMALLEST), offers=lambda name: Offer())
    assert (app.image.release, app.image.python) == ("13", "3.13")
    app = load(write(SMALLEST + '[image]\nrelease = "12"\n'), offers=lambda name: Offer())
    assert (app.image.release, app.image.python) == ("12", "3.11")


def test_what_the_family_does_not_offer_is_an_error_that_lists_what_it_does(problems):
    text = SMALLEST + '[image]\nfamily = "debian"\nrelease = "11"\n'
    assert problems(text, offers=lambda name: Offer()) == [
        "7 image.release: debian 11 is not offered → releases of debian: 13, 12"
    ]
    text = SMALLEST + '[image]\nfamily = "debian"\npython = "3.9"\n'
    assert problems(text, offers=lambda name: Offer()) == [
        "7 image.python: Python 3.9 is not offered by debian 13 → Python versions of debian 13: 3.13, 3.12"
    ]


def test_a_family_given_instead_of_the_manifests_takes_its_own_default_release(write):
    path = write(SMALLEST + '[image]\nfamily = "rockylinux"\nrelease = "9"\n')
    image = load(path, family="debian", offers=lambda name: Offer()).image
    assert (image.family, image.release) == ("debian", "13")
    assert load(path, family="rockylinux").image.release == "9"
    assert load(path, release="8").image.release == "8"
