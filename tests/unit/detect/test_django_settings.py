"""What `nuwa init` says about Django settings that would not work in a container as they are."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

import pytest

from nuwa.detect.django_settings import advice, for_production, obstacles, volumes
from nuwa.detect.source import Source
from nuwa.detect.tree import Tree

GOOD = """
import os
from pathlib import Path, PurePosixPath
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ["NUWA_DOMAINS"].split()
DEBUG = os.environ.get("DEBUG") == "1"
"""
SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %s}}\n'


def settings(text: str, path: str = "config/settings.py") -> Source:
    return Source(PurePosixPath(path), ast.parse(text))


def test_settings_that_fit_need_no_advice() -> None:
    assert list(advice([settings(GOOD)])) == []


def folders(text: str) -> list[tuple[str, str, str]]:
    return [(volume.name, volume.path, volume.url) for volume in volumes([settings(text)])[0]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('SECRET_KEY = "django-insecure-1"', "is in the settings"),
        ("ALLOWED_HOSTS = []", "ALLOWED_HOSTS is empty"),
        ("DEBUG = True", "DEBUG is on"),
        (SQLITE % 'BASE_DIR / "db.sqlite3"', "db.sqlite3 is next to the code"),
        (SQLITE % 'BASE_DIR / "var" / "db.sqlite3"', None),
        (SQLITE % '"/srv/data/db.sqlite3"', None),
        (SQLITE % 'os.environ["DATABASE"]', None),
        (SQLITE % '"db.sqlite3"' + 'DATABASES["default"]["NAME"] = "/srv/data/db.sqlite3"', None),
    ],
)
def test_says_what_does_not_fit(line: str, said: str | None) -> None:
    read = [settings(f"{GOOD}{line}\n")]
    found = [*advice(read), *(item.sentence for item in obstacles(read))]
    assert (len(found), said is None or said in found[0]) == (said is not None, True)


def test_says_when_a_key_or_hosts_are_missing() -> None:
    found = " ".join(advice([settings("")]))
    assert "set no SECRET_KEY" in found
    assert "ALLOWED_HOSTS is empty" in found


def test_the_module_that_is_nearest_decides() -> None:
    production = settings("DEBUG = False\n", "config/settings/production.py")
    base = settings(GOOD + "DEBUG = True\n", "config/settings/base.py")
    assert list(advice([production, base])) == []


def test_folders_that_the_app_writes_to_become_volumes() -> None:
    text = GOOD + 'MEDIA_ROOT = BASE_DIR / "media"\n' + SQLITE % 'BASE_DIR / "var" / "db.sqlite3"'
    assert folders(text) == [("media", "/srv/app/media", ""), ("var", "/srv/app/var", "")]


@pytest.mark.parametrize(
    ("url", "prefix"),
    [("/media/", "/media/"), ("media/", "/media/"), ("https://cdn.example.com/", ""), ("/", "")],
)
def test_uploads_are_served_where_the_settings_say(url: str, prefix: str) -> None:
    text = f'{GOOD}MEDIA_ROOT = BASE_DIR / "media"\nMEDIA_URL = "{url}"\n'
    assert folders(text) == [("media", "/srv/app/media", prefix)]


def test_a_folder_inside_another_needs_no_volume_of_its_own() -> None:
    text = GOOD + 'MEDIA_ROOT = BASE_DIR / "var" / "media"\n' + SQLITE % 'BASE_DIR / "var" / "db.sqlite3"'
    assert folders(text) == [("var", "/srv/app/var", "")]
    assert "are in one another" in " ".join(volumes([settings(text)])[1])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('MEDIA_ROOT = Path(os.environ["DATA_DIR"]) / "media"', True),
        ('MEDIA_ROOT = "/srv/uploads"', False),
        ('MEDIA_ROOT = BASE_DIR / "media"', False),
        ('MEDIA_ROOT = ""', False),
        ("", False),
    ],
)
def test_uploads_whose_folder_only_running_tells_are_told(line: str, told: bool) -> None:
    assert ("uploads go to MEDIA_ROOT" in " ".join(volumes([settings(GOOD + line)])[1])) is told


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["dev.py", "production.py"], "site.settings.production"),
        (["dev.py", "prod.py"], "site.settings.prod"),
        (["dev.py"], "site.settings.dev"),
        (["dev.py", "base.py", "production.py"], "site.settings.production"),
    ],
)
def test_prefers_settings_for_production(files: list[str], chosen: str, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "settings"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    assert for_production(Tree(tmp_path), "site.settings.dev") == chosen
