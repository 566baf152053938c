"""Files of nginx's configuration are found by the names of their sites."""

from __future__ import annotations

import pytest

from nuwa.render.server_names import files_with

DUMP = """\
# configuration file /etc/nginx/nginx.conf:
http {
    include conf.d/*.conf;
}
# configuration file /etc/nginx/conf.d/b.conf:
server { listen 443 ssl; server_name a.example b.example; }
# configuration file /etc/nginx/conf.d/a.conf:
server {
    # server_name old.example;
    server_name
        "b.example" # the second
        *.wild.example;
    server_name_in_redirect off;
}
# configuration file /etc/nginx/conf.d/nuwa-blog.conf:
server {server_name a.example;}
"""


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("a.example", ("b", "nuwa-blog")),
        ("b.example", ("a", "b")),
        ("*.wild.example", ("a",)),
        ("old.example", ()),
        ("example", ()),
        ("off", ()),
    ],
)
def test_a_file_is_found_by_a_name_of_its_sites(name: str, files: tuple[str, ...]) -> None:
    assert files_with(DUMP, name) == tuple(f"/etc/nginx/conf.d/{file}.conf" for file in files)


def test_where_nginx_prints_nothing_there_is_no_file() -> None:
    assert files_with("", "a.example") == ()
