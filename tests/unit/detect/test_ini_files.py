"""Variables of the environment behind the values of an INI file."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.tree import Tree
from nuwa.detect.variables import read

INTERPOLATION = """
import configparser, os
class FromEnvironment(configparser.BasicInterpolation):
    def before_get(self, parser, section, option, value, defaults):
        return value or os.getenv(option)
parser = configparser.ConfigParser(interpolation=FromEnvironment())
parser.read(os.path.join(os.path.dirname(__file__), "shop.ini"))
"""
GIVEN = """
import configparser, os
parser = configparser.ConfigParser(os.environ)
parser.read("shop.ini")
"""
PLAIN = """
import configparser, os
debug = os.environ.get("DEBUG")
parser = configparser.ConfigParser()
parser.read("shop.ini")
"""


def variables(root: Path, code: str, ini: str) -> dict[str, bool]:
    (root / "shop").mkdir()
    (root / "shop/config.py").write_text(code)
    (root / "shop/shop.ini").write_text(ini)
    tree = Tree(root)
    return {item.name: item.required for item in read(tree, tree.python)}


def test_an_interpolation_that_asks_the_environment_reads_the_empty_options(tmp_path: Path) -> None:
    ini = "[server]\nSECRET_KEY =\nMail_From =\nSIZE = 3\n"
    assert variables(tmp_path, INTERPOLATION, ini) == {"SECRET_KEY": False, "Mail_From": False}


def test_a_parser_that_is_given_the_environment_reads_the_names_in_its_values(tmp_path: Path) -> None:
    ini = "[server]\nname = shop\nurl = https://%(DOMAIN)s/%(name)s\n"
    assert variables(tmp_path, GIVEN, ini) == {"DOMAIN": True}


@pytest.mark.parametrize("ini", ["[server]\nSECRET_KEY =\nurl = %(DOMAIN)s\n", "no section at all"])
def test_an_ini_file_alone_names_no_variables(tmp_path: Path, ini: str) -> None:
    assert variables(tmp_path, PLAIN, ini) == {"DEBUG": False}


def test_a_file_that_is_no_ini_file_is_passed_over(tmp_path: Path) -> None:
    assert variables(tmp_path, INTERPOLATION, "no section at all") == {}
