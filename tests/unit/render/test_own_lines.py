"""Lines of nginx from a project: what is taken as it is, and what is refused at its line."""

from __future__ import annotations

import pytest

from nuwa.render.own_lines import OwnLinesError, checked

GOOD = """\
# a comment with } and ; and {
location ~* \\.(?:php|asp)$ { return 404; }
location = /a { add_header X-A "b; } c" always; return 200 'it {is}'; }
if ($http_user_agent ~ "bad{2}bot") { return 403; }
location /raw/ {
  proxy_pass http://nuwa_blog;
  proxy_buffering off;
  limit_except GET { deny all; }
}
set $mine ${uri}x;
expires 1h;
"""


def test_lines_are_written_as_they_are_read():
    made = checked(GOOD, "nuwa_blog")
    assert "  location ~* \\.(?:php|asp)$ {\n    return 404;\n  }\n" in made
    assert "    add_header X-A \"b; } c\" always;\n    return 200 'it {is}';\n" in made
    assert checked(made, "nuwa_blog") == made
    assert checked("", "nuwa_blog") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("}", "line 1: this brace would close the site's own block"),
        ("location / { } } server { location / {", "line 1: this brace would close"),
        ("expires 1h;\n}\nserver {", "line 2: this brace"),
        ("location /a {\n return 200;\n", "a brace is not closed"),
        ("expires 1h", "semicolon is missing after 1h"),
        ("location /a { expires 1h }", "semicolon is missing"),
        ("include /etc/nginx/conf.d/*.conf;", "line 1: include may not be used here"),
        ("server { }", "server may not be used"),
        ("location /a { alias /srv/other/; }", "[static] and [[volume]]"),
        ("root /etc;", "[static] and [[volume]]"),
        ("auth_basic_user_file /srv/other/users;", "[[protect]]"),
        ("access_log /srv/other/log;", "only `access_log off;`"),
        ("error_log /srv/x;", "error_log may not"),
        ("listen 81;", "nuwa sets it"),
        ("ssl_certificate /srv/other.pem;", "nuwa sets it"),
        ("content_by_lua_block { a; }", "may not be used"),
        ("if (-f /etc/shadow) { return 403; }", "files of the host"),
        ("if (!-e $request_filename) { return 403; }", "files of the host"),
        ("set $nuwa_blog_closed 1;", "a variable that nuwa uses"),
        ("set ${nuwa_blog_closed} 1;", "a variable that nuwa uses"),
        ("location @unreachable { return 200; }", "takes a path, not a name"),
        ("error_page 502 /x;", "nuwa's own pages"),
        ("proxy_pass http://nuwa_other;", "takes http://nuwa_blog"),
        ("proxy_pass http://$host;", "takes http://nuwa_blog"),
        ("proxy_pass http://unix:/run/other.sock;", "takes http://nuwa_blog"),
        ('"include" /etc/passwd;', "may not be used"),
        ("inc\\lude /etc/passwd;", "may not be used"),
        ('expires "1h', "line 1: cannot be read here"),
        ('expires "1h"x;', "cannot be read here"),
        ("a\0;", "control character"),
        ("expires 1h;\n;", "line 2: ; without a directive"),
        ("#" * 70000, "longer than"),
        ("location /a { proxy_set_header; proxy_pass http://nuwa_blog; }", "takes a header and its value"),
    ],
)
def test_what_reaches_beyond_the_site_is_refused(text: str, words: str):
    with pytest.raises(OwnLinesError) as refused:
        checked(text, "nuwa_blog")
    assert words in str(refused.value)


FORWARDED = "    # told\n    proxy_set_header Host $host;\n    proxy_set_header X-Real-IP $remote_addr;\n"


def headers(text: str) -> list[str]:
    made = checked(text, "nuwa_blog", FORWARDED)
    assert made == checked(made, "nuwa_blog", FORWARDED), "once is enough"
    return [line.strip() for line in made.splitlines() if "proxy_set_header" in line]


def test_a_location_that_passes_requests_on_says_of_whom_they_are():
    told = ["proxy_set_header Host $host;", "proxy_set_header X-Real-IP $remote_addr;"]
    own = "proxy_set_header HOST other;"
    assert headers("location /a { proxy_pass http://nuwa_blog; }") == told
    assert headers("location /a { return 200; }") == []
    assert headers(f"location /a {{ {own} proxy_pass http://nuwa_blog; }}") == [own, told[1]]
    quoted = "proxy_set_header 'Host' other;"
    assert headers(f"location /a {{ {quoted} proxy_pass http://nuwa_blog; }}") == [quoted, told[1]]
    assert headers("location /a { if ($arg_x) { proxy_pass http://nuwa_blog; } }") == told
    nested = f"location /a {{ {own} location /a/b {{ proxy_pass http://nuwa_blog; }} }}"
    assert headers(nested) == [own, own, told[1]]
