"""Which files a host gets, and in which form for its versions."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from nuwa.manifest.model import Server
from nuwa.manifest.site import Route, Site
from nuwa.render.facts import FactsError
from nuwa.render.render import render
from nuwa.render.site_view import site_warnings
from nuwa.render.unit_view import UnitView
from nuwa.resources import TEMPLATES
from unit.render.sample import MEDIA, app, host


def site(app_=None, **changes) -> str:
    plan = render("install", app_ or app(), host(**changes), str(TEMPLATES))
    return plan["/etc/nginx/conf.d/nuwa-blog.conf"].content


def test_files_lie_where_the_distribution_keeps_them():
    assert list(render("run", app(), host(), str(TEMPLATES))) == [
        "/etc/systemd/system/nuwa-blog-blue.service",
        "/etc/monit/conf.d/nuwa-blog",
    ]
    assert list(render("run", app(), host(distribution="rocky", release="9.6"), str(TEMPLATES)))[1] == (
        "/etc/monit.d/nuwa-blog"
    )


def test_without_monit_there_is_no_check():
    assert list(render("run", app(), host(monit=False), str(TEMPLATES))) == [
        "/etc/systemd/system/nuwa-blog-blue.service"
    ]


@pytest.mark.parametrize(("key", "value"), [("domains", []), ("tls", None)])
def test_a_site_needs_domains_and_a_certificate(key: str, value: object):
    with pytest.raises(FactsError, match=f"fact {key}: a site needs"):
        site(**{key: value})


def test_what_is_unknown_is_refused_with_what_there_is():
    with pytest.raises(FactsError, match="run, install"):
        render("undo", app(), host(), str(TEMPLATES))


def test_nginx_that_keeps_every_connection_by_itself_is_told_not_to():
    """From 1.29.7 on it does so for a minute, whatever it sent; older ones do not know `keepalive 0`."""
    unkept = Server("blog.wsgi:application", keepalive=0)
    assert "keepalive 0;" in site(app(server=unkept), nginx="1.30.6")
    assert "keepalive" not in site(app(server=unkept), nginx="1.29.6").partition("\nmap")[0]
    assert "keepalive 32;" in site(nginx="1.30.6")


def test_a_cdn_is_believed_once_its_addresses_are_known():
    """CloudFront's list is not in nuwa: without it the site is as if nobody were in front."""
    behind, modules = app(site=Site(trusted_proxies=("cloudfront",))), ["http_realip_module"]
    known = {"cloudfront": ["3.11.53.0/24"]}
    assert "real_ip" not in site(behind, nginx_modules=modules)
    assert "set_real_ip_from 3.11.53.0/24;" in site(behind, nginx_modules=modules, proxies=known)
    (said,) = site_warnings(behind, host())
    assert "cloudfront" in said
    assert site_warnings(behind, host(proxies=known)) == []
    assert site_warnings(app(site=Site(trusted_proxies=("fastly", "10.0.0.0/8"))), host()) == []


def test_http2_in_the_spelling_of_this_nginx():
    assert "listen 443 ssl http2;" in site(nginx="1.22.1")
    assert "http2 on;" not in site(nginx="1.22.1")
    assert "listen 443 ssl;\n" in site(nginx="1.25.1")
    assert "http2 on;" in site(nginx="1.25.1")
    assert "http2" not in site(nginx_modules=[])


def test_addresses_of_ipv6_only_where_the_host_has_it():
    assert "[::]:443" in site()
    assert "[::]" not in site(ipv6=False)


def test_a_browser_is_bound_to_https_only_by_a_certificate_that_it_can_check():
    assert "Strict-Transport-Security" not in site()
    issued = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "self_signed": False}
    assert "Strict-Transport-Security" in site(tls=issued)


def test_websockets_pass_only_where_they_are_wanted():
    assert "Upgrade" not in site()
    assert "Upgrade" in site(app(server=Server(module="a:b", websocket=True)))


def test_other_domains_lead_to_the_canonical_one_and_wildcards_serve():
    text = site(domains=["blog.example.com", "www.blog.example.com", "*.blog.example.com"])
    assert "server_name blog.example.com *.blog.example.com;" in text
    assert "  server_name www.blog.example.com;\n  listen 443" in text
    assert text.count("return 301 https://blog.example.com$request_uri;") == 2
    assert text.count("return 301 https://$host$request_uri;") == 1


@pytest.mark.parametrize(
    ("to", "strip", "passed"),
    [
        ("http://127.0.0.1:9000", False, "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000", True, "http://127.0.0.1:9000/"),
        ("unix:/run/a.sock", False, "http://unix:/run/a.sock"),
        ("unix:/run/a.sock", True, "http://unix:/run/a.sock:/"),
        ("app:my-forum", False, "http://nuwa_my_forum"),
    ],
)
def test_a_route_leads_to_its_service(to: str, strip: bool, passed: str):
    text = site(app(route=(Route(path="/api/", to=to, strip=strip),)))
    block = text.split("location ^~ /api/ {")[1].split("}")[0]
    assert f"proxy_pass {passed};" in block
    assert ("X-Forwarded-Prefix /api;" if strip else 'X-Forwarded-Prefix "";') in block


def test_uploads_are_served_from_their_folder_without_leaving_it_and_not_under_selinux():
    served = app(volume=(dataclasses.replace(MEDIA, url="/media/"),))
    with_url, with_selinux = (site(served, selinux=selinux) for selinux in (False, True))
    assert "alias /srv/blog/volumes/media/;" in with_url
    assert "disable_symlinks on from=/srv/blog/volumes/media/;" in with_url
    assert "/media/" not in with_selinux
    assert "/media/" not in site(app(volume=(MEDIA,)))


def test_the_same_input_gives_the_same_bytes():
    assert render("install", app(), host(), str(TEMPLATES)) == render(
        "install", app(), host(), str(TEMPLATES)
    )


@pytest.mark.parametrize("running", ["", "nuwa-blog_once-import"])
def test_no_slot_starts_while_a_one_off_command_has_its_exclusive_volume(tmp_path: Path, running: str):
    alone = app(volume=(dataclasses.replace(MEDIA, policy="exclusive"),))
    assert UnitView(app(volume=(MEDIA,)), host()).wait_for_once == ()
    words = UnitView(alone, host()).wait_for_once
    podman = tmp_path / "podman"
    podman.write_text(f'#!/bin/sh\n[ "$3" = name=^nuwa-blog_once- ] && echo {running}\n')
    podman.chmod(0o755)
    done = subprocess.run(
        words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == bool(running)
    assert ("podman stop nuwa-blog_once-import" in done.stderr) == bool(running)
