"""What is built, what is built again, and what is in it: with a real podman."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Project, copy, project

from nuwa import names
from nuwa.engine import Engine
from nuwa.image import families, packages
from nuwa.image.built import Built
from nuwa.setup_label import write

LAYERS = ["base", "python", "nuwa_python", "requirements", "packages", "app"]


@pytest.fixture(scope="module")
def shop(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(engine, tmp_path_factory.mktemp("shop"), "shop") as made:
        made.build()
        yield made


def made_anew(built: Built) -> list[str]:
    return [layer.name for layer in built.layers if not layer.cached]


def test_nothing_changed_so_nothing_is_built(shop: Project) -> None:
    first = shop.image()
    built = shop.build()
    assert [layer.name for layer in built.layers] == LAYERS
    assert made_anew(built) == []
    assert first is not None
    assert built.id == first.id


def test_a_change_of_code_builds_the_uppermost_layer_alone(shop: Project) -> None:
    shop.write("shop.py", (shop.folder / "shop.py").read_text() + "# changed\n")
    assert made_anew(shop.build()) == ["app"]


def test_a_change_of_requirements_keeps_what_lies_below(shop: Project) -> None:
    shop.write("requirements.txt", "six==1.17.0\n")
    assert made_anew(shop.build()) == ["requirements", "packages", "app"]
    assert shop.sh("/opt/nuwa/venv/bin/python -c 'import six; print(six.__version__)'") == "1.17.0\n"


def test_a_change_of_packages_installs_no_python_package_again(shop: Project) -> None:
    name = shop.app.names.requirements_image("1")
    before = shop.engine.image(name)
    shop.progress.lines.clear()
    shop.replace("nuwa.toml", "[image]\n", '[image]\npackages = ["tree"]\n')
    try:
        assert made_anew(shop.build()) == ["packages", "app"]
        heard = shop.progress.lines
        assert "install packages" in heard
        assert not [line for line in heard if "Python packages" in line], "neither uv nor pip was run"
        assert shop.engine.image(name) == before
        assert shop.sh("command -v tree; /opt/nuwa/venv/bin/python -c 'import six'") == "/usr/bin/tree\n"
        assert shop.sh("cat /etc/made-by") == "made by root\n"
    finally:
        shop.replace("nuwa.toml", 'packages = ["tree"]\n', "")
        shop.build()


def test_another_version_with_the_same_requirements_installs_nothing_again(shop: Project) -> None:
    shop.replace("nuwa.toml", 'version = "1"', 'version = "2"')
    try:
        assert made_anew(shop.build()) == ["app"]
        shop.remove()
    finally:
        shop.replace("nuwa.toml", 'version = "2"', 'version = "1"')


def test_the_same_inputs_give_the_same_image(shop: Project, tmp_path: Path) -> None:
    first = shop.build().id
    shop.forget()
    built = copy(shop, tmp_path / "elsewhere").build()
    assert made_anew(built) == ["requirements", "packages", "app"]
    assert built.id == first


def test_what_the_app_writes_is_its_own_and_nothing_else_is(shop: Project) -> None:
    listed = shop.sh("stat -c '%U %a %n' /srv/app /srv/app/shop.py /srv/app/static/* /srv/media /srv/rules")
    rows = dict(reversed(line.rsplit(" ", 1)) for line in listed.splitlines())  # type: ignore[misc]
    assert rows["/srv/media"] == "app 755"
    assert rows["/srv/rules"] == "root 755"
    assert {owner for path, owner in rows.items() if path.startswith("/srv/app")} == {"root 755", "root 644"}
    found = shop.sh("find / -xdev -writable ! -type l 2>/dev/null; true", user="app").splitlines()
    allowed = ("/proc", "/dev", "/sys", "/tmp", "/var/tmp", "/run", "/srv/media")
    assert [path for path in found if not path.startswith(allowed)] == []


def test_static_files_are_collected_by_the_app_and_compressed(shop: Project) -> None:
    assert shop.sh("cat /srv/app/static/collected-by.txt") == "app\n"
    assert sorted(shop.sh("ls /srv/app/static").split()) == [
        "collected-by.txt",
        "made-by.txt",
        "photo.jpg",
        "site.css",
        "site.css.gz",
    ]
    assert (
        shop.sh("gzip -dc /srv/app/static/site.css.gz | cmp - /srv/app/static/site.css && echo same")
        == "same\n"
    )


def test_the_projects_own_commands_write_into_the_project_as_the_app(shop: Project) -> None:
    assert shop.sh("cat /srv/app/made-by.txt /srv/app/static/made-by.txt", user="app") == "app\napp\n"
    assert shop.sh("stat -c '%U %a' /srv/app/made-by.txt /srv/app/assets") == "root 644\nroot 755\n"


def test_lines_of_the_users_own_run_as_root_in_the_layer_of_packages(shop: Project) -> None:
    assert shop.sh("cat /etc/made-by", user="app") == "made by root\n"


def test_what_is_excluded_stays_out(shop: Project) -> None:
    assert "notes" not in shop.sh("ls /srv/app").split()


def test_clear_environment_values_are_exact(shop: Project) -> None:
    for name, value in shop.app.env.clear.items():
        assert shop.sh(f"cat /usr/lib/nuwa/env/{name}") == f"{value}\n"
    image = shop.image()
    assert image is not None
    assert not {*shop.app.env.clear, *shop.app.env.secrets, *shop.app.env.generated} & set(image.env)


STALE = """
import os
for root in ("/usr/lib/python3.13", "/opt/nuwa", "/srv/app"):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".pyc") and open(path, "rb").read(8)[4:] != bytes((1, 0, 0, 0)):
                print(path)
"""


def test_no_bytecode_would_be_compiled_again(shop: Project) -> None:
    assert shop.sh(f"/usr/lib/nuwa/python -c '{STALE}'") == ""
    assert "shop.cpython-313.pyc" in shop.sh("ls /srv/app/__pycache__")
    assert "gunicorn.conf.cpython-313.pyc" in shop.sh("ls /usr/lib/nuwa/__pycache__")


def test_the_image_holds_no_compiler_no_tool_of_the_build_and_no_leavings(shop: Project) -> None:
    assert shop.sh("command -v gcc cc make git pip uv apache2 systemctl; true") == ""
    assert shop.sh("find /mnt /media /tmp /root/.cache /var/log /var/lib/apt/lists -type f 2>&-; true") == ""


def test_what_is_pruned_is_gone_and_packages_can_be_asked_for_and_added(shop: Project) -> None:
    patterns = " ".join(families.load("debian").pruned)
    assert shop.sh(f"for path in {patterns}; do [ ! -e $path ] || echo $path; done") == ""
    modules = "asyncio, ctypes, decimal, pydoc, sqlite3, ssl, unittest.mock, zoneinfo"
    assert shop.sh(f"/opt/nuwa/venv/bin/python -c 'import {modules}; print(1)'") == "1\n"
    assert "/usr/lib/python3.13/test/__init__.py\n" in shop.sh("dpkg -L libpython3.13-stdlib")
    owner = shop.sh("dpkg --audit; dpkg -S /usr/lib/python3.13/os.py")
    assert re.fullmatch(r"libpython3\.13-minimal:\w+: /usr/lib/python3\.13/os\.py\n", owner)


def test_its_configuration_is_that_of_a_service(shop: Project) -> None:
    image = shop.image()
    assert image is not None
    config = image.data["Config"]
    assert config["Entrypoint"] == ["/init"]
    assert not config.get("Cmd")
    assert config["WorkingDir"] == "/srv/app"
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    check = (
        image.data["HealthcheckConfig"] if "HealthcheckConfig" in image.data else image.data["Healthcheck"]
    )
    assert check["Test"] == ["CMD", "/usr/lib/nuwa/healthcheck"]
    assert not config.get("Volumes"), "each would become a volume without a name"


def test_its_labels_are_exact_and_nothing_of_the_layers_below_shines_through(shop: Project) -> None:
    image = shop.image()
    assert image is not None
    app = shop.app
    assert image.labels[names.LABEL_SETUP] == write.setup_script(app)
    assert image.labels[names.LABEL_RUN_SETUP] == write.run_setup()
    assert image.labels[names.LABEL_LAYER] == "app"
    assert image.labels[names.LABEL_APP] == app.name
    assert json.loads(image.labels[names.LABEL_MANIFEST])["env"]["clear"] == app.env.clear
    below = shop.engine.image(app.platform.python_image)
    assert below is not None
    assert below.labels[names.LABEL_LAYER] == "python"
    assert names.LABEL_SETUP not in below.labels


def test_each_layer_is_one_line_of_history_without_build_arguments(shop: Project) -> None:
    image = shop.image()
    assert image is not None
    lines = [line["created_by"] for line in image.data["History"]]
    assert lines == [f"nuwa {name}" for name in ("bootstrap", *LAYERS)]
    assert len(image.layers) == len(lines)


def test_the_images_packages_are_listed_by_its_own_dpkg(shop: Project) -> None:
    image = shop.image()
    assert image is not None
    sizes = {package.name: package.size for package in packages.installed(shop.engine, image)}
    assert sizes["libc6"] > 5_000_000
    assert "s6" in sizes
    assert "gcc" not in sizes
