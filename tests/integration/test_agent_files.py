"""The files that the agent renders, read by the programs that they are for."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.paths import Paths
from nuwa.agent.plan import plan
from nuwa.agent.plan.facts import Facts, Script, TlsFiles
from nuwa.process import run
from nuwa.resources import TEMPLATES

CONFIG = {
    "processes": {
        "web": {
            "script": "/usr/bin/env",
            "args": ["a b", "%h $HOME", {"x": "é"}],
            "ports": ["auto", "auto"],
            "env": {"A": 'line\nbreak "quoted" %n'},
            "limits": {
                "memory_low": "1M",
                "memory_high": "2M",
                "memory_max": "3M",
                "cpu": 0.5,
                "cpu_weight": 5,
                "io_weight": 7,
                "pids": 9,
                "open_files": 99,
            },
        },
        "old": {"script": "/usr/bin/env", "ports": [3000], "address": "::1"},
    },
    "limits": {"memory_max": "1G"},
    "routes": {
        "example.org/": "web",
        "example.org/two%20words": "web:1",
        "*.example.net/api": 9000,
        "*/": "old",
        "*/admin": "dashboard",
        "*/ci": "ci",
    },
    "dashboard": {"shared_origin": True},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that stands for `/`, with everything that the configuration asks for in it."""
    root = tmp_path_factory.mktemp("host")
    config = {
        **CONFIG,
        "routes": {route.replace("two%20words", "two%20words"): to for route, to in CONFIG["routes"].items()},
    }
    loaded = validate(json.dumps(config), "config.json")
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2"]
    run([*key, "-keyout", root / "key", "-out", root / "crt"])
    facts = Facts(
        scripts={
            name: Script(exists=True, executable=True, owner="root") for name in loaded.config.processes
        },
        tls={
            route.partition("/")[0]: TlsFiles(str(root / "crt"), str(root / "key"))
            for route in loaded.config.routes
        },
        nginx=(1, 22),
        nginx_modules=("http_v2_module",),
        systemd=252,
        ipv6=Path("/proc/net/if_inet6").exists(),
    )
    for path, file in plan.make(loaded, facts, str(TEMPLATES), Paths(root)).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(file.content)
    return root


def test_nginx_accepts_every_route_and_upstream(files: Path) -> None:
    main = files / "nginx.conf"
    main.write_text(
        f"error_log stderr; pid {files}/nginx.pid; events {{}}\n"
        f"http {{ include {files}/etc/nginx/conf.d/*.conf; }}\n"
    )
    result = run(["nginx", "-t", "-q", "-p", files, "-c", main], check=False)
    assert result.ok, result.stderr
    assert "warn" not in result.stderr


def test_a_service_that_does_not_listen_is_503_with_a_time_to_come_again(files: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for conf in (files / "etc/nginx/conf.d").iterdir():
        text = re.sub(r" *listen (80|\[::\]:\d+)[^;]*;\n", "", conf.read_text())
        text = re.sub(r"listen 443\b", f"listen 127.0.0.1:{port}", text)
        (tmp_path / conf.name).write_text(text.replace("/var/log/nginx", str(tmp_path)))
    main = tmp_path / "main"
    main.write_text(
        f"error_log {tmp_path}/error; pid {tmp_path}/pid; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/*.conf; }}\n"
    )
    nginx = ("nginx", "-e", tmp_path / "error", "-c", main)
    assert run([*nginx], check=False).ok, (tmp_path / "error").read_text()
    try:
        ask = ["curl", "--silent", "--insecure", "--head", "--resolve", f"example.org:{port}:127.0.0.1"]
        answer = run([*ask, f"https://example.org:{port}/"]).stdout.lower()
    finally:
        run([*nginx, "-s", "stop"])
    assert " 503" in answer.splitlines()[0]
    assert "retry-after: 10" in answer


def test_systemd_accepts_every_unit(files: Path) -> None:
    units = sorted((files / "etc/systemd/system").iterdir())
    assert len(units) == 5
    result = run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units], check=False)
    complaints = [line for line in result.stderr.splitlines() if "nuwa" in line]
    assert not complaints
