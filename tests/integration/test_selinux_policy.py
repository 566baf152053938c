"""The booleans and types that scripts set on hosts with SELinux, looked up in the reference policy.

Debian packages that policy. Red Hat's derives from it and has more: of what is only there, such as the types
of containers, this proves nothing. A kernel that enforces the policy is not needed, nor is one here.
"""

import bz2
import re
import subprocess
from pathlib import Path

import pytest

from nuwa.render.distributions import DISTRIBUTIONS

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "bin-templates").rglob("*") if path.is_file())
BOOLEANS = re.compile(r"selinux_allow (\w+)(?:\{([\w,]+)\}(\w*))?")
TYPES = re.compile(r"(?:selinux_label|chcon -R -t|--add --type) (\w+_t)\b")


def run(*words: str | Path, cwd: Path) -> str:
    return subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "selinux-policy-default", cwd=folder)
    (package,) = folder.glob("*.deb")
    run("dpkg", "-x", package, folder, cwd=folder)
    for packed in folder.glob("usr/share/selinux/default/*.pp.bz2"):
        (folder / packed.stem).write_bytes(bz2.decompress(packed.read_bytes()))
    others = sorted(path.name for path in folder.glob("*.pp") if path.name != "base.pp")
    run("semodule_link", "-o", "linked", "base.pp", *others, cwd=folder)
    run("semodule_expand", "linked", "policy", cwd=folder)
    return folder / "policy"


def matches(pattern: re.Pattern[str]) -> list[re.Match[str]]:
    return [match for script in SCRIPTS for match in pattern.finditer(script.read_text(errors="replace"))]


def rules(policy: Path, *query: str) -> list[str]:
    return run("sesearch", "-A", *query, policy, cwd=policy.parent).splitlines()


def on(boolean: str) -> str:
    return f"[ {boolean} ]:True"


def test_every_boolean_that_is_set_is_one_of_the_policy(policy: Path):
    known = set(run("seinfo", policy, "-b", cwd=policy.parent).split())
    set_by_scripts = {
        match[1] + middle + (match[3] or "")
        for match in matches(BOOLEANS)
        for middle in (match[2] or "").split(",")
    }
    set_by_all = set_by_scripts.union(*(each.selinux_booleans for each in DISTRIBUTIONS.values()))
    assert {"systemd_socket_proxyd_bind_any", "httpd_can_network_connect"} <= set_by_all
    assert set_by_all <= known


def test_every_type_that_is_given_is_one_of_the_policy(policy: Path):
    known = set(run("seinfo", policy, "-t", cwd=policy.parent).split())
    given = {match[1] for match in matches(TYPES)}
    assert {"httpd_sys_content_t", "cert_t", "redis_port_t"} <= given
    assert given <= known


def test_nginx_reaches_any_port_with_its_boolean_and_none_without(policy: Path):
    found = rules(
        policy, "-s", "httpd_t", "-t", "unreserved_port_t", "-c", "tcp_socket", "-p", "name_connect"
    )
    with_boolean = [rule for rule in found if on("httpd_can_network_connect") in rule]
    assert with_boolean
    assert not [rule for rule in found if not rule.endswith(":True")], found


@pytest.mark.parametrize("kind", ["httpd_sys_content_t", "cert_t"])
def test_nginx_reads_files_of_the_types_that_the_scripts_give(policy: Path, kind: str):
    found = rules(policy, "-s", "httpd_t", "-t", kind, "-c", "file", "-p", "read")
    assert [rule for rule in found if " open " in rule and "[" not in rule], found


@pytest.mark.parametrize(
    ("permission", "boolean"),
    [("name_bind", "systemd_socket_proxyd_bind_any"), ("name_connect", "systemd_socket_proxyd_connect_any")],
)
def test_the_proxy_reaches_any_port_with_its_booleans(policy: Path, permission: str, boolean: str):
    found = rules(policy, "-s", "systemd_socket_proxyd_t", "-c", "tcp_socket", "-p", permission)
    assert [rule for rule in found if " port_type:" in rule and on(boolean) in rule], found


def test_a_server_of_an_app_listens_at_a_port_of_the_type_that_it_gets(policy: Path):
    assert rules(policy, "-s", "redis_t", "-t", "redis_port_t", "-c", "tcp_socket", "-p", "name_bind")
