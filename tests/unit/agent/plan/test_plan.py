"""config.json and host facts in, the host's files out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.paths import Paths
from nuwa.agent.plan import plan
from nuwa.agent.plan.facts import Facts, Script, TlsFiles
from nuwa.agent.webhooks.executors import Command, systemd_run
from nuwa.errors import ManifestError
from nuwa.resources import TEMPLATES

UNITS = "/etc/systemd/system"
NGINX = "/etc/nginx/conf.d"


def load(document: dict[str, Any]) -> Loaded:
    return validate(json.dumps(document), "config.json")


def facts(loaded: Loaded, **options: Any) -> Facts:
    hosts = {route.partition("/")[0] for route in loaded.config.routes}
    values: dict[str, Any] = {
        "scripts": {
            name: Script(exists=True, executable=True, owner="web")
            for name, process in loaded.config.processes.items()
            if not process.is_deployment
        },
        "tls": {host: TlsFiles("/tls/a.crt", "/tls/a.key", True) for host in hosts},
        "nginx": (1, 26),
        "nginx_modules": ("http_v2_module",),
        "systemd": 257,
    }
    return Facts(**{**values, **options})


def files(document: dict[str, Any], **options: Any) -> dict[str, str]:
    loaded = load(document)
    made = plan.make(loaded, facts(loaded, **options), str(TEMPLATES), Paths())
    return {path: file.content for path, file in made.items()}


def unit(process: dict[str, Any], **options: Any) -> list[str]:
    return files({"processes": {"web": process}}, **options)[f"{UNITS}/nuwa@web-blue.service"].splitlines()


def test_a_process_becomes_a_unit_in_the_slice_run_as_the_owner_of_its_script() -> None:
    lines = unit({"script": "../web/main.sh", "args": ["::1", 7601]})
    assert "ExecStart=/etc/web/main.sh ::1 7601" in lines
    assert {"Slice=nuwa.slice", "User=web", "WorkingDirectory=/etc/web", "Restart=always"} <= set(lines)


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        ({"script": "/a/main.js"}, "ExecStart=node /a/main.js"),
        (
            {"script": "/a/main.py", "runtime": "venv/bin/python"},
            "ExecStart=/etc/nuwa/venv/bin/python /a/main.py",
        ),
        (
            {"script": "/a/x.sh", "args": {"port": 1, "s": "a b"}},
            'ExecStart=sh /a/x.sh "{\\"port\\": 1, \\"s\\": \\"a b\\"}"',
        ),
        ({"script": "/a/x.sh", "args": ["$HOME", "%h", "it's"]}, 'ExecStart=sh /a/x.sh $$HOME %%h "it\'s"'),
    ],
)
def test_the_command_line_reaches_the_script_unharmed(process: dict[str, Any], expected: str) -> None:
    scripts = {"web": Script(exists=True, executable=False, owner="web")}
    assert expected in unit(process, scripts=scripts)


def test_values_of_the_environment_keep_every_character_and_stand_in_a_file_of_roots() -> None:
    """A unit file, and what systemd says of a unit over the bus, is open to every user."""
    document = {"processes": {"web": {"script": "/a", "env": {"A": 'x "y" \\ $HOME %h\nnext', "B": ""}}}}
    loaded = load(document)
    made = plan.make(loaded, facts(loaded), str(TEMPLATES), Paths())
    path = "/var/lib/nuwa/agent/env/nuwa@web-blue.service.env"
    assert made[path].mode == 0o600
    assert made[path].content == 'A="x \\"y\\" \\\\ \\$HOME %h\nnext"\nB=""\n'
    text = made[f"{UNITS}/nuwa@web-blue.service"].content
    assert f"EnvironmentFile={path}\n" in text
    assert "next" not in text


def test_a_file_of_the_users_own_counts_more_than_the_configuration_and_ports_less() -> None:
    lines = unit({"script": "/a", "ports": [7601], "env": {"A": "b"}, "env_file": "/srv/.env"})
    of_environment = [line for line in lines if line.startswith("Environment")]
    assert of_environment == [
        'Environment="PORT=7601"',
        "EnvironmentFile=/var/lib/nuwa/agent/env/nuwa@web-blue.service.env",
        "EnvironmentFile=/srv/.env",
    ]


LIMITS = {
    "memory_low": "1M",
    "memory_high": "2M",
    "memory_max": "3M",
    "cpu": 1.5,
    "cpu_weight": 10,
    "io_weight": 20,
    "pids": 30,
    "open_files": 100,
}
LIMIT_SETTINGS = {
    "MemoryLow=1048576",
    "MemoryHigh=2097152",
    "MemoryMax=3145728",
    "MemorySwapMax=0",
    "CPUQuota=150%",
    "CPUWeight=10",
    "IOWeight=20",
    "TasksMax=30",
    "LimitNOFILE=100",
}


def test_limits_become_settings_of_the_unit_and_of_the_slice() -> None:
    assert set(unit({"script": "/a", "limits": LIMITS})) >= LIMIT_SETTINGS
    slice_ = files({"limits": {"memory_max": "1G", "cpu": 2}})[f"{UNITS}/nuwa.slice"]
    assert "MemoryMax=1073741824" in slice_
    assert "CPUQuota=200%" in slice_


def test_the_limits_of_a_webhook_become_settings_of_the_unit_of_each_of_its_commands() -> None:
    hook = {"token": "0123456789abcdef" * 2, "path": "/srv/site", "limits": LIMITS}
    limits = load({"webhooks": {"site": hook}}).config.webhooks["site"].limits
    command = Command(["npm", "ci"], "nuwa-hook@1.service", "/srv/site", limits=limits)
    argv = systemd_run(command, Path("/run/x.env"))
    assert {word.removeprefix("--property=") for word in argv} >= LIMIT_SETTINGS


def test_a_service_without_limits_still_has_one_on_its_number_of_processes() -> None:
    assert "TasksMax=512" in unit({"script": "/a"})


def test_a_chosen_port_makes_two_units_and_a_front_that_leads_to_the_serving_one() -> None:
    document = {"processes": {"web": {"script": "/a", "ports": ["auto"], "args": ["${.ports.0}"]}}}
    port = load(document).ports["web"][0]
    made = files(document)
    assert f"ExecStart=/a {port.blue}" in made[f"{UNITS}/nuwa@web-blue.service"]
    assert f"ExecStart=/a {port.green}" in made[f"{UNITS}/nuwa@web-green.service"]
    upstream = made[f"{NGINX}/nuwa@web.upstream.conf"]
    for line in (
        f"server 127.0.0.1:{port.blue} max_fails=0;",
        f"server 127.0.0.1:{port.green} max_fails=0;",
        f"listen 127.0.0.1:{port.front};",
        "set $nuwa_web_0 nuwa.web.0.blue;",
        "if (-e /etc/nginx/nuwa-serving/web) {",
        "set $nuwa_web_0 nuwa.web.0.green;",
        "proxy_pass http://$nuwa_web_0;",
    ):
        assert line in upstream


def test_a_fixed_port_makes_one_unit_and_an_upstream_only_where_it_is_routed() -> None:
    process = {"processes": {"web": {"script": "/a", "ports": [3000], "address": "::1"}}}
    made = files(process)
    assert f"{UNITS}/nuwa@web-green.service" not in made
    assert not any(path.startswith(NGINX) for path in made)
    routed = files({**process, "routes": {"example.org/": "web"}})
    assert 'server "[::1]:3000" max_fails=0;' in routed[f"{NGINX}/nuwa@web.upstream.conf"]


def test_routes_become_one_file_a_host_and_a_star_holds_on_all() -> None:
    made = files(
        {
            "processes": {"web": {"script": "/a", "ports": ["auto"]}},
            "routes": {
                "example.org/": "web",
                "example.org/api": "${web.ports.0}",
                "www.example.org/": 9000,
                "*/admin": "dashboard",
                "*/ci": "ci",
            },
            "dashboard": {"shared_origin": True},
        }
    )
    hosts = {path.removeprefix(f"{NGINX}/"): text for path, text in made.items() if path.startswith(NGINX)}
    assert set(hosts) == {
        "nuwa@.router.conf",
        "nuwa@web.upstream.conf",
        "nuwa@example.org.conf",
        "nuwa@www.example.org.conf",
        "nuwa@_.conf",
    }
    assert locations(hosts["nuwa@example.org.conf"]) == {
        "/": "http://$nuwa_web_0",
        "/api/": "http://$nuwa_web_0",
        "/admin/": "http://nuwa.dashboard/",
        "/ci/": "http://nuwa.ci/",
    }
    assert locations(hosts["nuwa@www.example.org.conf"])["/"] == "http://127.0.0.1:9000"
    assert 'server_name "" ~^;' in hosts["nuwa@_.conf"]
    assert "server_name example.org;" in hosts["nuwa@example.org.conf"]
    assert "default_server" not in "".join(hosts.values()), "nginx takes one, and Debian's own site is it"


def test_no_route_offers_http3_whose_sockets_it_does_not_open() -> None:
    made = files({"routes": {"example.org/": 9000}}, nginx_modules=("http_v2_module", "http_v3_module"))
    route = made[f"{NGINX}/nuwa@example.org.conf"]
    assert "http2 on;" in route
    assert "quic" not in route
    assert "h3=" not in route


def locations(text: str) -> dict[str, str]:
    found = re.findall(r"location (/\S*) \{(.*?)\n  \}", text, re.DOTALL)
    return {path: target[1] for path, body in found if (target := re.search(r"proxy_pass (\S+);", body))}


def test_the_query_of_a_request_to_the_dashboard_is_not_logged() -> None:
    made = files({"routes": {"example.org/admin": "dashboard"}})
    assert "access_log /var/log/nginx/access.log nuwa_path;" in made[f"{NGINX}/nuwa@example.org.conf"]
    assert "$request_uri" not in made[f"{NGINX}/nuwa@.router.conf"]
    assert '"$request_method $uri $server_protocol"' in made[f"{NGINX}/nuwa@.router.conf"]


def test_the_dashboard_is_not_routed_on_the_name_of_a_deployments_site() -> None:
    document: dict[str, Any] = {
        "processes": {"shop": {"deployment": "/srv/shop"}},
        "routes": {"shop.example.org/admin": "dashboard"},
    }
    domains = {"shop.example.org": "shop"}
    with pytest.raises(ManifestError) as raised:
        files(document, domains=domains)
    assert "shares its origin with shop" in str(raised.value)
    assert files({**document, "dashboard": {"shared_origin": True}}, domains=domains)


def test_deployments_make_no_file_of_their_own() -> None:
    assert set(files({"processes": {"shop": {"deployment": "/srv/shop"}}})) == {
        f"{UNITS}/nuwa.slice",
        f"{UNITS}/nuwa-hooks.slice",
        "/etc/systemd/journald.conf.d/90-nuwa.conf",
    }


def test_the_log_is_kept_as_long_as_the_configuration_says_and_forwarded_where_it_says() -> None:
    forward = {"host": "log.example.org", "ca": "ca.pem", "queue": "2G"}
    document = {"log": {"journal_size": "1G", "service_size": "2M", "service_files": 3, "forward": forward}}
    made = files(document, rsyslog=True)
    assert "SystemMaxUse=1073741824" in made["/etc/systemd/journald.conf.d/90-nuwa.conf"]
    assert "RateLimitIntervalSec=0" in made["/etc/systemd/journald.conf.d/90-nuwa.conf"]
    rotate = made["/etc/nuwa/logrotate.conf"]
    assert "size 2097152" in rotate
    assert "rotate 3" in rotate
    rsyslog = made["/etc/rsyslog.d/nuwa/log.conf"]
    assert 'target="log.example.org"' in rsyslog
    assert 'DefaultNetstreamDriverCAFile="/etc/nuwa/ca.pem"' in rsyslog
    assert 'queue.maxDiskSpace="2147483648"' in rsyslog
    assert "omfwd" not in files({}, rsyslog=True)["/etc/rsyslog.d/nuwa/log.conf"]


@pytest.mark.parametrize(
    ("document", "options", "path"),
    [
        (
            {"processes": {"a": {"script": "/x"}}},
            {"scripts": {"a": Script(False, False, "")}},
            "processes.a.script",
        ),
        (
            {"processes": {"a": {"script": "/x"}}},
            {"scripts": {"a": Script(True, False, "")}},
            "processes.a.script",
        ),
        ({"processes": {"a": {"script": "/x", "args": ["a\0"]}}}, {}, "processes.a"),
        ({"processes": {"a": {"script": "/x", "ports": ["auto"]}}}, {"nginx": ()}, "processes.a.ports"),
        ({"routes": {"a.example/": 80}}, {"nginx": ()}, "routes"),
    ],
)
def test_what_the_host_cannot_do_is_said_with_its_path(
    document: dict[str, Any], options: dict[str, Any], path: str
) -> None:
    with pytest.raises(ManifestError) as raised:
        files(document, **options)
    assert [problem.path for problem in raised.value.problems] == [path]
