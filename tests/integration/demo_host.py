"""Hosts to look at: a small company's, for pictures, and one with a great many services."""

from __future__ import annotations

import json
import math
import time

from control_fake import ControlFake, hook, service, usage


def wave(step: int, low: float, high: float, period: float, shift: float = 0.0) -> float:
    """Something that goes up and down as a load does."""
    turn = math.sin((step + shift) * 2 * math.pi / period) + 0.4 * math.sin((step + shift) * 7.3 / period)
    return low + (high - low) * (turn + 1.4) / 2.8


def many(fake: ControlFake, count: int) -> None:
    """A host with a great many services."""
    for number in range(count):
        name = f"service-{number:03}"
        fake.add(service(name, pid=2000 + number, ports=[9000 + number]))
        for at in range(3):
            fake.line(name, f'10.0.0.{number % 250} "GET /page/{at} HTTP/1.1" 200 5123', ago=60.0 * (3 - at))
    fake.add(
        *(service(name, kind="core", slot="", ports=[]) for name in ("ci", "dashboard", "router", "log"))
    )


def demo(fake: ControlFake) -> None:
    """A small company's host, for pictures."""
    now = time.time()
    day = 86400.0
    kept = {"backup": now - 6.3 * 3600, "rehearsal": now - 3 * day, "kind": "deployment"}
    fake.add(
        service("shop", pid=20417, ports=[8101], hook="ok", domains=["shop.example.org"], release="9f2b41c07e55",
                certificate_end=now + 61 * day, slot="green", container=_container("healthy", now - day), **kept),
        service("blog", pid=18220, ports=[8102], hook="running", domains=["blog.example.org", "münchen.example.org"],
                certificate_end=now + 12 * day, release="1c77d0aa9b32", container=_container("unhealthy", now - 190), **kept),
        service("invoices", pid=911, ports=[8110, 8111], since=now - 9 * day),
        service("mailer", "stopped", result="exit code 1", since=now - 1900, restarts=6, hook="failed"),
        service("thumbnails", pid=3302, ports=[], since=now - 2 * day),
        service("import-nightly", "unstarted"),
        service("metrics", pid=1204, ports=[9100], since=now - 30 * day),
    )  # fmt: skip
    fake.add(
        service("ci", pid=611, kind="core", slot="", ports=[7501]),
        service("dashboard", pid=640, kind="core", slot="", ports=[7500]),
        service("router", pid=702, kind="core", slot="", ports=[80, 443]),
        service("log", pid=588, kind="core", slot="", ports=[]),
    )
    texts = {
        "shop": ['203.0.113.7 "GET /cart HTTP/2.0" 200 8312 41ms', '198.51.100.23 "POST /checkout HTTP/2.0" 303 0 118ms',
                 "order 2026-11842 paid: 3 items, 86,40 €"],
        "blog": ['203.0.113.91 "GET /2026/herbst-in-münchen/ HTTP/2.0" 200 15220 9ms',
                 "cache: 412 pages warm, 3 expired", '192.0.2.4 "GET /feed.xml HTTP/1.1" 304 0 2ms'],
        "invoices": ["invoice 2026-1183 written to /srv/invoices/out", "sent 14 invoices in 2.1 s",
                     "customer 4711: no VAT id, using the country's rate"],
        "mailer": ["connecting to smtp.example.org:587", "\x1b[31merror\x1b[0m: 535 5.7.8 authentication failed",
                   "gave up after 6 tries"],
        "thumbnails": ["IMG_2291.heic → 4 sizes, 388 ms", "IMG_2292.heic → 4 sizes, 402 ms", "queue is empty"],
        "metrics": ["scraped 11 targets", "scraped 11 targets", "scraped 11 targets"],
        "ci": ["blog: push of 4f9c2e81d03b by lena, run 182", "blog: $ uv sync --frozen", "blog: $ uv run pytest -q"],
        "dashboard": ["session of 203.0.113.40 began"],
        "router": ["reloaded: 5 sites", "certificate of blog.example.org: 12 days left"],
        "log": ["nuwa-log: 14 files, 96 MB"],
    }  # fmt: skip
    ages = {"shop": 3, "blog": 8, "invoices": 64 * 60, "mailer": 1900, "thumbnails": 5 * 60, "metrics": 22}
    ages |= {"ci": 41, "dashboard": 700, "router": 5 * 3600, "log": 3 * day}
    for name, lines in texts.items():
        for index, text in enumerate(lines):
            level = (
                3
                if "error" in text or "gave up" in text
                else 4
                if "12 days" in text or "no VAT" in text
                else 6
            )
            fake.line(name, text, level, ago=ages[name] * (1 + (len(lines) - 1 - index) * 1.7))
    load = {"shop": (0.12, 0.42, 212e6, 90e3, 22e3), "blog": (0.01, 0.09, 96e6, 30e3, 2e3),
            "invoices": (0, 0.02, 64e6, 300, 5e3), "thumbnails": (0, 0.9, 148e6, 0, 900e3),
            "metrics": (0.004, 0.02, 31e6, 4e3, 1e3), "ci": (0.002, 0.01, 33e6, 0, 800),
            "dashboard": (0.003, 0.008, 30e6, 2e3, 0), "router": (0.02, 0.11, 24e6, 140e3, 6e3),
            "log": (0.001, 0.006, 9e6, 0, 14e3)}  # fmt: skip
    for position, (name, (low, high, memory, net, disk)) in enumerate(load.items()):
        fake.samples[name] = [
            usage(
                round(wave(step, low, high, 14 + position * 3, position * 5), 4),
                int(memory * (1 + 0.0012 * step) + wave(step, 0, memory * 0.03, 9)),
                wave(step, net * 0.2, net, 11 + position, position * 3),
                max(0.0, wave(step, -disk, disk, 8 + position, position * 2)),
            )
            for step in range(60)
        ]
        fake.rows[name]["usage"] = fake.samples[name][-1]
    _history(fake, now)
    steps = [
        {"command": "git fetch origin main", "output": "From git.example.org:company/blog\n   1d20b7e..4f9c2e8  main -> main\n", "duration": 0.8, "code": 0},
        {"command": "uv sync --frozen", "output": "Resolved 41 packages in 12ms\nInstalled 2 packages in 31ms\n + markdown==3.10\n ~ blog==1.8.0\n", "duration": 3.4, "code": 0},
        {"command": "uv run pytest -q", "output": "........................................ [ 63%]\n..............", "duration": 9.1, "code": None},
    ]  # fmt: skip
    fake.hooks = {
        "blog": hook("blog", "running", run=182, started=now - 13, lines=steps),
        "shop": hook(
            "shop",
            run=181,
            started=now - 2.2 * 3600,
            commit="9f2b41c07e55",
            services=["shop"],
            lines=[
                {**steps[0], "output": "   77aa01c..9f2b41c  main -> main\n"},
                {"command": "nuwa build", "output": "app/shop:9f2b41c  3.6 s\n", "duration": 3.9, "code": 0},
                {"command": "bin/deploy", "output": "green is healthy, serves\n", "duration": 4.6, "code": 0},
            ],
        ),
        "mailer": hook(
            "mailer",
            "failed",
            run=176,
            started=now - 1960,
            commit="0be11d93c2aa",
            lines=[
                {
                    "command": "npm ci",
                    "output": "npm error code ERESOLVE\nnpm error could not resolve dependency: nodemailer@8\n",
                    "duration": 6.2,
                    "code": 1,
                }
            ],
        ),
    }
    fake.checks = [
        {"name": "process mailer", "kind": "process", "service": "mailer", "state": "failed", "since": now - 1900,
         "message": "it ended with exit code 1, six times within a minute"},
        {"name": "certificate blog.example.org", "kind": "certificate", "service": "blog", "state": "warning",
         "since": now - 8 * 3600, "message": "ends in 12 days"},
        {"name": "site https://shop.example.org/", "kind": "site", "service": "shop", "state": "ok", "since": now - 9 * day,
         "message": "200 in 38 ms"},
        {"name": "disk /", "kind": "disk", "service": "", "state": "ok", "since": now - 40 * day, "message": "61 % used, 182 GB free"},
        {"name": "backup shop", "kind": "backup", "service": "shop", "state": "ok", "since": now - 40 * day, "message": "6 hours old"},
    ]  # fmt: skip
    fake.alerts = [
        {"time": now - 1840, "check": "process mailer", "state": "failed", "message": "it ended with exit code 1", "action": "restarted 3 times, then left alone"},
        {"time": now - 2 * day, "check": "site https://blog.example.org/", "state": "ok", "message": "answers again", "action": ""},
        {"time": now - 2 * day - 130, "check": "site https://blog.example.org/", "state": "failed", "message": "no answer within 10 s", "action": "restarted"},
    ]  # fmt: skip
    document = {
        "env": {"domain": "example.org"},
        "processes": {
            "shop": {"deployment": "/srv/shop", "source": "/srv/src/shop"},
            "blog": {"deployment": "/srv/blog", "source": "/srv/src/blog"},
            "invoices": {"script": "/srv/invoices/main.py", "args": ["${.ports.0}"], "ports": ["auto", 8111]},
            "mailer": {"script": "/srv/mailer/main.js", "args": [{"queue": "out", "api": "${invoices.ports.0}"}]},
        },
        "webhooks": {
            "blog": {"token": "a-long-secret", "path": "/srv/src/blog", "branch": "main", "commands": "uv sync --frozen\nuv run pytest -q"}
        },
        "routes": {"${domain}/": "shop", "admin.${domain}/": "dashboard", "*/ci": "ci"},
    }  # fmt: skip
    fake.content = (json.dumps(document, indent=2) + "\n").encode()
    fake.history = [
        {"revision": fake.revision, "time": now - 3 * day, "who": "ada (dashboard, 203.0.113.40)"},
        {"revision": "77aa01c9f2b41c07", "time": now - 12 * day, "who": "root (ssh, 198.51.100.4)"},
    ]


def _container(health: str, since: float) -> dict[str, object]:
    known = {"id": "4b1e", "status": "running", "oom": False, "exit_code": None, "image": "9f2b41c07e55"}
    return {
        **known,
        "health": health,
        "health_since": since,
        "image_created": since - 5 * 86400,
        "image_size": 221e6,
    }


def _history(fake: ControlFake, now: float) -> None:
    """A day of the host and of the shop, with a gap while the agent was down."""
    shown = [number for number in range(288) if not 150 <= number < 162]
    fake.stats["shop"] = {
        "points": {number: _of_shop(number) for number in shown},
        "marks": [
            {"at": now - 70_000, "kind": "restart", "text": "ended and was restarted by systemd: out of memory"},
            {"at": now - 31_000, "kind": "alert", "text": "failed: does not answer: HTTP 502 → restarted: running"},
            {"at": now - 2.2 * 3600, "kind": "deploy", "text": "release 9f2b41c07e55 by lena"},
        ],
    }  # fmt: skip
    host = {"received": 240e3, "sent": 2.1e6, "read": 12e3, "written": 380e3}
    fake.stats[""] = {
        "points": {
            number: {
                "cpu": wave(number, 0.3, 1.4, 96),
                "memory": int(2.1e9 + wave(number, 0, 4e8, 60)),
                **{key: wave(number, 0, most, 90, len(key)) for key, most in host.items()},
                "space": int(31e9 + number * 2e6),
            }
            for number in shown
        },
        "marks": [{"at": now - 40_000, "kind": "alert", "text": "warning: 86 % used"}],
    }


def _of_shop(number: int) -> dict[str, float]:
    requests = int(wave(number, 40, 900, 288, -70))
    slow = wave(number, 0.03, 0.09, 40)
    return {
        "cpu": wave(number, 0.02, 0.42, 288, -70),
        "memory": int(190e6 + (number % 150) * 400e3),
        "received": wave(number, 2e3, 90e3, 288, -70),
        "sent": wave(number, 9e3, 900e3, 288, -70),
        "read": wave(number, 0, 8e3, 31),
        "written": wave(number, 2e3, 22e3, 47),
        "requests": requests,
        "errors": requests // 12 if 180 <= number < 190 else 0,
        "p50": slow / 3,
        "p95": slow * 2,
        "p99": slow * (9 if 180 <= number < 190 else 4),
    }
