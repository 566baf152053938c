"""The Containerfiles of all families, releases, Pythons and servers, without building them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nuwa import names
from nuwa.image import layers
from nuwa.image.app_layer import app_layer
from nuwa.image.build_spec import Recipe
from nuwa.image.layer_tree import Entry
from nuwa.image.layers import Layer
from nuwa.process import run
from nuwa.requirements.read import Requirements
from unit.image.samples import all_recipes, app, full

REQUIRED = Requirements(("-r", "/mnt/requirements/requirements.txt"), {"requirements/requirements.txt": b"x"})


def below_the_app(recipe: Recipe, *, compile: bool = False) -> list[Layer]:
    return [
        layers.base(recipe, "bare:1"),
        layers.python(recipe),
        layers.nuwa_python(recipe),
        layers.build(recipe),
        layers.requirements(recipe, REQUIRED, compile=compile),
    ]


def stack(recipe: Recipe, project: Path) -> list[Layer]:
    packages = [layers.packages(recipe)] if recipe.installs_packages else []
    return [*below_the_app(recipe), *packages, app_layer(recipe, project)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "manage.py").write_text("")
    return folder


@pytest.fixture(scope="module")
def everything(project: Path) -> list[Layer]:
    """Each distinct layer that can come out."""
    recipes = [*all_recipes(), *(Recipe.of(full(family)) for family in ("debian", "rockylinux"))]
    made = [layer for recipe in recipes for layer in below_the_app(recipe, compile=True)]
    made += [layers.requirements(recipe, REQUIRED, compile=False) for recipe in recipes]
    made += [layers.packages(recipe) for recipe in recipes]
    made += [app_layer(recipe, project) for recipe in recipes[-2:]]
    return list({layer.containerfile: layer for layer in made}.values())


def commands(containerfile: str) -> Iterator[str]:
    """The shell text of each RUN."""
    whole = containerfile.replace("\\\n", " ")
    return (line.removeprefix("RUN ") for line in whole.splitlines() if line.startswith("RUN "))


def test_every_run_stops_at_the_first_failure(everything: list[Layer]) -> None:
    for layer in everything:
        assert all(command.startswith("set -eu;") for command in commands(layer.containerfile)), layer.name


def test_what_old_builders_lose_is_not_used(everything: list[Layer]) -> None:
    """Heredocs fail before buildah 1.35, and a line of 64 KiB silently cuts the file off."""
    for layer in everything:
        assert "<<" not in layer.containerfile
        assert max(map(len, layer.containerfile.splitlines())) < 4096
        assert not re.search(r"^\s*LABEL", layer.containerfile, re.MULTILINE)


def test_shellcheck_finds_nothing_in_any_run(everything: list[Layer], tmp_path: Path) -> None:
    assert shutil.which("shellcheck"), "shellcheck is missing: apt-get install shellcheck"
    files = []
    for number, command in enumerate(dict.fromkeys(c for x in everything for c in commands(x.containerfile))):
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/bin/sh\n{command}\n")
        files.append(file)
    found = run(["shellcheck", "--severity=warning", *files], check=False)
    assert found.ok, found.stdout


def test_only_pinned_addresses_are_downloaded_from_and_each_file_is_checked(everything: list[Layer]) -> None:
    for layer in everything:
        for command in commands(layer.containerfile):
            assert command.count("curl -fsSL ") == command.count("sha256sum -c")
            for address in re.findall(r"https?://[^/\s]+", command):
                assert address == "https://github.com"


def test_compilers_stay_in_images_that_no_app_stands_on(everything: list[Layer]) -> None:
    for layer in everything:
        last_stage = layer.containerfile.rpartition("\nFROM ")[2]
        if layer.name != "build":
            assert not re.search(r"\b(gcc|libpq-dev)\b", last_stage), layer.name


def test_apache_comes_only_where_it_serves(project: Path) -> None:
    for kind, wanted in (("gunicorn", False), ("uvicorn", False), ("mod_wsgi", True)):
        text = "".join(
            layer.containerfile for layer in stack(Recipe.of(app(kind=kind)), project) if layer.name != "app"
        )
        assert ("apache2" in text) == wanted


def test_the_layers_stand_on_each_other_under_the_names_of_the_mission(project: Path) -> None:
    made = stack(Recipe.of(app("rockylinux", release="9", python="3.11", kind="mod_wsgi")), project)
    assert [(layer.name, layer.tag, layer.parents) for layer in made] == [
        ("base", "localhost/app/rockylinux-base:9", ("bare:1",)),
        ("python", "localhost/app/python-base:rockylinux9", ("localhost/app/rockylinux-base:9",)),
        (
            "nuwa_python",
            "localhost/app/nuwa_python311:rockylinux9-mod_wsgi",
            ("localhost/app/python-base:rockylinux9",),
        ),
        ("build", "localhost/app/python-base-build:rockylinux9", ("localhost/app/python-base:rockylinux9",)),
        (
            "requirements",
            "localhost/app/shop/requirements:latest",
            ("localhost/app/nuwa_python311:rockylinux9-mod_wsgi",),
        ),
        ("app", "localhost/app/shop:latest", ("localhost/app/shop/requirements:latest",)),
    ]


def test_rocky_linux_installs_curl_only_where_its_image_has_none(project: Path) -> None:
    text = stack(Recipe.of(app("rockylinux")), project)[0].containerfile.replace("\\\n", " ")
    before, _, after = text.partition("command -v curl >/dev/null || dnf ")
    assert "curl" not in before, "curl-minimal is there, and does not go together with curl"
    assert after.partition(";")[0].endswith(" install curl")


def test_rocky_linux_gets_s6_overlay_and_packages_in_english(project: Path) -> None:
    text = stack(Recipe.of(app("rockylinux")), project)[0].containerfile
    assert "s6-overlay-noarch.tar.xz" in text
    assert "tar -C / -Jxpf" in text
    command = text.partition("_install_langs en_US")[2]
    assert command.index("macros.image-language-conf") < command.index("glibc-langpack-en")
    assert command.index("epel-release") < command.index("--set-enabled crb") < command.index(" rsyslog")
    assert "rm -f /etc/rpm" not in text
    assert "localhost/app/rockylinux" not in text


def test_a_language_pack_that_is_asked_for_comes_with_its_language() -> None:
    asked = app("rockylinux", packages=("glibc-langpack-de",))
    for recipe, wanted in (
        (Recipe.of(asked), True),
        (Recipe.of(app("rockylinux", packages=("libpq",))), False),
    ):
        text = layers.packages(recipe).containerfile
        assert ("rm -f /etc/rpm/macros.image-language-conf; \\\n    dnf " in text) == wanted


def test_every_dnf_that_installs_is_small_and_uses_the_cache(project: Path) -> None:
    recipe = Recipe.of(full("rockylinux"))
    stacked = [*stack(recipe, project), layers.requirements(recipe, REQUIRED, compile=True)]
    text = "".join(layer.containerfile for layer in stacked).replace("\\\n", "")
    found = re.findall(r"\bdnf (?!config-manager)[^;]*", text)
    assert len(found) > 8
    for command in found:
        assert "--setopt=install_weak_deps=0" in command
        assert "--setopt=tsflags=nodocs" in command
        assert '--setopt=cachedir="${DNF_CACHE:-/var/cache/dnf}" --setopt=keepcache=1' in command
    assert "clean all" not in text, "the cache is the machine's"
    assert re.findall(r"dnf [^;]* (upgrade[^;]*)", text) == ["upgrade --refresh"]


def test_whoever_installs_packages_declares_the_cache(project: Path) -> None:
    for family, argument in (("rockylinux", "DNF_CACHE"), ("debian", "APT_CONFIG")):
        for layer in stack(Recipe.of(full(family)), project):
            uses = re.search(r"\b(dnf -y|apt-lists|apt-install) ", layer.containerfile) is not None
            assert layer.installs_packages == uses == (argument in layer.arguments)


def test_cron_of_rocky_linux_asks_for_nothing_that_needs_a_capability() -> None:
    entries = {entry.path: entry for entry in layers.base(Recipe.of(app("rockylinux")), "bare:1").entries}
    rules = entries["/etc/pam.d/crond"].read().decode().splitlines()[-3:]
    assert [rule.split() for rule in rules] == [
        [kind, "required", "pam_permit.so"] for kind in ("auth", "account", "session")
    ]


def test_old_pythons_come_from_conda_forge_alone(project: Path) -> None:
    text = stack(Recipe.of(app("rockylinux", python="2.7")), project)[2].containerfile
    assert "--override-channels -c conda-forge python=2.7" in text
    assert "/mnt/uv" not in text
    assert text.count("FROM ") == 2, "conda itself stays in a stage"
    assert "/opt/conda" not in text.rpartition("\nFROM ")[2]


def test_pythons_of_uv_are_downloaded_into_the_image(project: Path) -> None:
    text = stack(Recipe.of(app(python="3.12")), project)[2].containerfile
    assert "/mnt/uv python install --no-bin 3.12" in text
    assert "UV_PYTHON_INSTALL_DIR=/opt/nuwa/python" in text


def test_the_distributions_python_is_not_installed_twice(project: Path) -> None:
    assert "apt-get" not in stack(Recipe.of(app()), project)[2].containerfile
    assert "python3.11" in stack(Recipe.of(app("rockylinux", python="3.11")), project)[2].containerfile


def test_wheels_alone_or_compiled_in_a_stage(project: Path) -> None:
    recipe = Recipe.of(app())
    wheels = layers.requirements(recipe, REQUIRED, compile=False)
    assert "pip install --no-build -r" in wheels.containerfile
    compiled = layers.requirements(recipe, REQUIRED, compile=True)
    assert "--no-build" not in compiled.containerfile
    assert compiled.parents[1] == recipe.platform.build_image
    assert compiled.labels[names.LABEL_COMPILED] == "yes"
    assert "COPY --from=build /opt/nuwa/venv" in compiled.containerfile


def test_a_containerfile_borrows_only_what_it_needs(project: Path) -> None:
    base, python, environment, _, requirements, top = stack(Recipe.of(app()), project)
    assert "APT_CONFIG" in base.arguments & python.arguments
    assert "UV_CONFIG_FILE" not in base.arguments | python.arguments | top.arguments
    assert "APT_CONFIG" not in environment.arguments | requirements.arguments | top.arguments
    assert "UV_CONFIG_FILE" in environment.arguments & requirements.arguments


def test_locales_and_fonts_are_packages_and_the_time_zone_is_the_apps_concern(project: Path) -> None:
    text = layers.packages(Recipe.of(full("debian"))).containerfile
    assert "fonts-x libpq5" in text
    assert text.index(" locales;") < text.index("add-locales de_DE.UTF-8") < text.index("purge")
    assert "/etc/localtime" not in text
    assert "/usr/share/zoneinfo/Etc/UTC /etc/localtime" in stack(Recipe.of(app()), project)[-1].containerfile


def test_what_comes_from_the_distribution_decides_nothing_about_the_python_packages() -> None:
    """Only what Python packages are built from does: the packages of their build, and the requirements."""

    def keys(**image: object) -> tuple[str, ...]:
        recipe = Recipe.of(app(**image))
        made = [layers.requirements(recipe, REQUIRED, compile=compile) for compile in (False, True)]
        return tuple(layer.inputs(("id",)) for layer in made)

    lines = ("RUN true",)
    wheels, compiled = keys()
    assert keys(packages=("libpq5", "tree"), containerfile_extra=lines) == (wheels, compiled)
    assert keys(build_packages=("libpq-dev",))[0] == wheels, "what is only unpacked is built from nothing"
    assert keys(build_packages=("libpq-dev",))[1] != compiled
    versions = {
        one.inputs(("id",))
        for version in ("1", "2")
        for recipe in [Recipe.of(replace(full("debian"), app=replace(full("debian").app, version=version)))]
        for one in (layers.requirements(recipe, REQUIRED, compile=True), layers.packages(recipe))
    }
    assert len(versions) == 2, "a version is none of their inputs"
    assert len({layers.packages(Recipe.of(app(packages=(name,)))).inputs(("id",)) for name in "ab"}) == 2


def test_an_app_that_needs_nothing_of_the_distribution_has_no_layer_for_it(project: Path) -> None:
    assert not Recipe.of(app()).installs_packages
    assert stack(Recipe.of(app()), project)[-1].parents == ("localhost/app/shop/requirements:latest",)
    for one in (app(packages=("tree",)), app(containerfile_extra=("RUN true",)), full("debian")):
        *_, packages, top = stack(Recipe.of(one), project)
        assert top.parents[0] == packages.tag == one.names.packages_image(one.app.version)
        assert packages.parents == (one.names.requirements_image(one.app.version),)


def test_each_layer_says_what_it_is_and_only_an_app_carries_setup(project: Path) -> None:
    for layer in stack(Recipe.of(app()), project):
        assert layer.labels[names.LABEL_LAYER] == layer.name
        assert layer.labels[names.LABEL_FAMILY] == "debian13"
        assert (names.LABEL_SETUP in layer.labels) == (layer.name == "app")


def test_the_inputs_change_with_everything_that_goes_in() -> None:
    layer = Layer(
        "base", "t:1", ("p:1",), "FROM p:1\n", (Entry("/a", content=b"1"),), {"l": "1"}, {"f": b"1"}, 1
    )
    changed = [
        replace(layer, containerfile="FROM p:1\nRUN true\n"),
        replace(layer, entries=(Entry("/a", content=b"2"),)),
        replace(layer, labels={"l": "2"}),
        replace(layer, lent={"f": b"2"}),
        replace(layer, time=2),
        replace(layer, workdir="/srv/app"),
    ]
    sums = [one.inputs(("id",)) for one in (layer, *changed)] + [layer.inputs(("other",))]
    assert len(set(sums)) == len(sums)
    assert replace(layer).inputs(("id",)) == layer.inputs(("id",))


def test_the_same_app_gives_the_same_inputs(project: Path) -> None:
    one, other = ([layer.inputs(("id",)) for layer in stack(Recipe.of(app()), project)] for _ in range(2))
    assert one == other


def test_lines_of_the_users_own_end_the_layer_of_packages() -> None:
    lines = ('RUN echo "$HOME" >/etc/made', "ENV ORACLE_HOME=/opt/oracle")
    recipe = Recipe.of(app(containerfile_extra=lines))
    text = layers.packages(recipe).containerfile
    assert text.index(lines[0]) < text.index(lines[1]) < text.index("rm -rf /etc/*-")
    assert all(line in text.splitlines() for line in lines)
    assert "ARG APT_CONFIG" in text, "apt has its settings and caches there"
