"""Manifest and host facts in, the whole tree of the host's files out: compared to the letter, and shown to
the programs that will read them.

`pytest tests/golden --update-golden` writes the expected files anew.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from golden_case import ALL, Case, content

from nuwa.names import HTTP3_SITE

every_case = pytest.mark.parametrize("case", ALL, ids=lambda case: case.folder.name)


def tool(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, f"{name} is missing: apt-get install {package}"
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@every_case
def test_files_are_what_they_were(case: Case, request: pytest.FixtureRequest):
    if request.config.getoption("update_golden"):
        shutil.rmtree(case.expected, ignore_errors=True)
        for name, text in case.files.items():
            path = case.expected / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    assert content(case.expected) == case.files


@every_case
def test_systemd_takes_the_units(case: Case, tmp_path: Path):
    """Without a word about them, but that this machine has no such podman, folder or database server."""
    copies = []
    for path, file in case.plan.items():
        if file.group == "systemd":
            unit = Path(path).relative_to("/etc/systemd/system")
            if unit.parent.suffix == ".d":
                copies.append(tmp_path / unit.parent.stem)
                copies[-1].write_text("[Service]\nExecStart=/bin/true\n")
            else:
                copies.append(tmp_path / unit)
            (tmp_path / unit).parent.mkdir(exist_ok=True)
            (tmp_path / unit).write_text(file.content)
    checked = run(tool("systemd-analyze", "systemd"), "verify", "--man=no", "--recursive-errors=no", *copies)
    ours = [line for line in checked.stderr.splitlines() if any(copy.name in line for copy in copies)]
    # Programs that a host has, and this machine may not.
    assert [line for line in ours if not re.search(r"podman|valkey-server is not executable", line)] == []


@every_case
def test_monit_takes_the_check(case: Case, tmp_path: Path):
    checks = [file.content for file in case.plan.values() if file.group == "monit"]
    assert bool(checks) == case.facts.monit
    control = tmp_path / "monitrc"
    control.write_text("set daemon 30\n" + "".join(checks))
    control.chmod(0o600)
    done = run(tool("monit", "monit"), "-t", "-c", control)
    assert done.returncode == 0, done.stdout + done.stderr


REHEARSE = ["bin/archive_volumes", "--rehearse", "--quiet"]


@every_case
def test_cron_lines_go_to_the_folder_and_run_the_check(case: Case):
    """A shell gets the line as cron passes it on: up to the first bare `%`, and `%` for an escaped one."""
    lines = [
        line.split(" root ", 1)[1]
        for file in case.plan.values()
        if file.group == "cron"
        for line in file.content.splitlines()
        if " root " in line
    ]
    expected = [["bin/lib/check", "--quiet"]] * (2 if case.facts.domains else 0)
    if case.app.backup:
        log = ["2>&1", "|", "logger", "-t", f"nuwa-{case.app.name}_backup"]
        expected += [[*words, *log] for words in (["bin/archive_volumes", "--quiet"], REHEARSE)]
    found = []
    for line in lines:
        command = re.sub(r"\\%", "%", re.split(r"(?<!\\)%", line)[0])
        words = shlex.split(command, posix=True)
        assert words[words.index("cd") + 1 :][:2] == [case.facts.directory, "&&"]
        found.append(words[words.index("&&", words.index("cd")) + 1 :])
    assert sorted(found) == sorted(expected)


def certificate(folder: Path) -> tuple[Path, Path]:
    chain, key = folder / "chain.pem", folder / "key.pem"
    made = run(
        *(tool("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=golden", "-keyout", key, "-out", chain),
    )
    assert made.returncode == 0, made.stderr
    return chain, key


def for_this_nginx(text: str, version: tuple[int, ...]) -> str:
    """The nginx of this machine may be older than the case's: HTTP/2 in the other spelling, and without the
    lines that it does not know."""
    text = re.sub(r"^ +(brotli|zstd)(_\w+)? .*;\n", "", text, flags=re.MULTILINE)
    if version >= (1, 25, 1):
        return text
    text = re.sub(r"^  (http2 on|listen \S*443 quic( reuseport)?);\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^(  listen \S*443 ssl);", r"\1 http2;", text, flags=re.MULTILINE)


@every_case
def test_nginx_takes_the_site(case: Case, tmp_path: Path):
    sites = {path: file.content for path, file in case.plan.items() if file.group == "nginx"}
    if not case.facts.domains:
        assert not sites
        return
    nginx = tool("nginx", "nginx-light")
    version = tuple(int(part) for part in re.findall(r"\d+", run(nginx, "-v").stderr)[:3])
    shared = sites.pop(f"/etc/nginx/conf.d/{HTTP3_SITE}", "")
    assert ("quic" in shared) == ("quic" in "".join(sites.values()))
    (site,) = sites.values()
    chain, key = certificate(tmp_path)
    site = re.sub(r"(ssl_certificate) .*;", rf"\1 {chain};", site)
    site = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {key};", site)
    (tmp_path / "site.conf").write_text(for_this_nginx(site, version))
    (tmp_path / "shared.conf").write_text(shared if version >= (1, 25, 1) else "")
    other = "upstream nuwa_my_forum { server 127.0.0.1:1; }" if "nuwa_my_forum" in site else ""
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  {other}\n"
        f"  include {tmp_path}/site.conf;\n  include {tmp_path}/shared.conf;\n}}\n"
    )
    done = run(nginx, "-t", "-p", tmp_path, "-c", conf)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr, done.stderr
