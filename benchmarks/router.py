"""The site that bin/install renders against a hand-tuned one: requests per second."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence

from benchmarks import wrk
from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.site import DOMAIN, FOLDER, PROJECT, Site, installed
from benchmarks.world import World
from nuwa.lab.model import Lab

PORT = 8803
SOCKETS = "/run/nuwa-app/tiny"
STYLE = "page.0123456789ab.css"
# nginx is the bottleneck here: in place of the app, another nginx answers at the socket that the site uses.
BACKEND = f"""server {{
  listen unix:{SOCKETS}/bench.sock;
  access_log off;
  location / {{ return 200 "hello\\n"; }}
}}
"""
# Protocol, ciphers, session cache, certificate and log are those of the site.
TUNED = """upstream tuned {{
  server unix:{sockets}/bench.sock;
  keepalive 32;
}}
server {{
  listen {port} ssl http2;
  server_name {domain};
  ssl_certificate {folder}/volumes/.nuwa/tls/{domain}/fullchain.pem;
  ssl_certificate_key {folder}/volumes/.nuwa/tls/{domain}/privkey.pem;
{shared}
  access_log /var/log/nginx/tuned.log;
  location /static/ {{
    alias {folder}/volumes/static/current/;
    access_log off;
    add_header Cache-Control "public, max-age=31536000, immutable";
  }}
  location / {{
    proxy_pass http://tuned;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
  }}
}}
"""


def router(world: World) -> Iterator[Figure]:
    """The rendered site against a hand-tuned nginx: time per request, to the app and for a file."""
    project = world.folder / "router"
    shutil.copytree(PROJECT, project)
    (project / "static").mkdir()
    (project / "static" / STYLE).write_text("p { margin: 0 }\n" * 256)
    manifest = project / "nuwa.toml"
    manifest.write_text(manifest.read_text() + '\n[static]\ndirectory = "static"\n')
    with installed(world, Lab("benchrouter"), project) as site:
        address = _set_up(site)
        for title, path in (("to the app", "/"), ("for a static file", f"/static/{STYLE}")):

            def seconds(port: int, path: str = path) -> float:
                return 1e6 / wrk.rate(f"https://{address}:{port}{path}", DOMAIN)

            taken = interleaved(world.rounds, ours=lambda s=seconds: s(443), theirs=lambda s=seconds: s(PORT))
            yield _figure(f"A request through the site, {title}", taken)


def _figure(title: str, taken: Mapping[str, Sequence[float]]) -> Figure:
    # 0.95 of the requests per second: how many times as long a request may take.
    return Figure.of(title, taken, opponent="hand-tuned nginx", unit="µs", target=1.053, decimals=1)


def _set_up(site: Site) -> str:
    """Install both sides on the host; returns its address."""
    shared = site.sh(
        "grep -hE '^ *ssl_(protocols|ciphers|ecdh|prefer|session)' /etc/nginx/conf.d/nuwa-tiny.conf | sort -u"
    )
    tuned = TUNED.format(
        sockets=SOCKETS, port=PORT, domain=DOMAIN, folder=FOLDER, shared=shared.stdout.rstrip()
    )
    site.write("/etc/nginx/conf.d/backend.conf", BACKEND)
    site.write("/etc/nginx/conf.d/tuned.conf", tuned)
    site.sh(f"nginx -t -q && systemctl reload nginx && ln -sfn bench.sock {SOCKETS}/current && sleep 1")
    return site.sh("hostname -I").stdout.split()[0]
