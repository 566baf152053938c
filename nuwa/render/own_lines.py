"""nginx directives that a project provides for its site: parsed strictly, checked, and written again.

They are inserted into the `server` block of the app's site. An allow-list excludes everything that ends the
block, names files of the host, listens, or affects what other sites share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Optional

MAX_BYTES = 64 * 1024
_SIMPLE = """
    access_log add_header add_trailer allow break charset charset_types client_body_timeout
    client_max_body_size default_type deny error_page etag expires gzip gzip_comp_level
    gzip_min_length gzip_types if_modified_since internal keepalive_timeout limit_rate
    limit_rate_after log_not_found max_ranges proxy_buffering proxy_connect_timeout
    proxy_hide_header proxy_http_version proxy_pass proxy_read_timeout proxy_request_buffering
    proxy_send_timeout proxy_set_header return rewrite satisfy send_timeout set sub_filter
    sub_filter_last_modified sub_filter_once sub_filter_types valid_referers
"""
SIMPLE = frozenset(_SIMPLE.split())
"""Directives that end with a semicolon."""
BLOCKS = frozenset(("location", "if", "limit_except"))
INSTEAD = {
    **dict.fromkeys(
        ("root", "alias", "index", "try_files", "autoindex"), "files are served by [static] and [[volume]]"
    ),
    **dict.fromkeys(("auth_basic", "auth_basic_user_file"), "use [[protect]]"),
    **dict.fromkeys(("limit_req", "limit_req_zone", "limit_conn"), "use rate in [site] or [[path]]"),
    **dict.fromkeys(("set_real_ip_from", "real_ip_header"), "use trusted_proxies in [site]"),
    **dict.fromkeys(("listen", "server_name", "ssl_certificate", "ssl_certificate_key"), "nuwa sets it"),
}
_PIECE = re.compile(
    r"(?P<space>[ \t\r\n]+|#[^\n]*)|(?P<end>[;{}])"
    r"|(?P<word>(?P<quote>[\"'])(?:\\[^\n]|(?!(?P=quote))[^\\\n])*(?P=quote)(?=[\s;{)]|$)"
    r"|(?:\\[^\s]|\$\{[a-z0-9_]+\}|[^\s;{}\"'\\#])(?:\\[^\s]|\$\{[a-z0-9_]+\}|[^\s;{}\"'\\])*)"
)
_PASS = re.compile(
    r"https?://(localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)


class OwnLinesError(ValueError):
    """The lines must not be used; the message names the line, and says why and what to do."""


@dataclass(frozen=True)
class Directive:
    """One directive.

    Args:
        block: the content of its braces; None if it ends with a semicolon.
    """

    line: int
    words: tuple[str, ...]
    block: Optional[tuple[Directive, ...]]


def checked(text: str, upstream: str, forwarded: str = "") -> str:
    """The lines, checked and formatted for the site.

    Args:
        upstream: nginx's name for the app, which `proxy_pass` may use.
        forwarded: `proxy_set_header` lines to add to each block that passes requests on, except for headers
            that it sets itself: otherwise a client's headers would be taken for nginx's.

    Raises:
        OwnLinesError: they cannot be parsed, or contain something that is not allowed.
    """
    if len(text.encode()) > MAX_BYTES:
        raise OwnLinesError(f"it is longer than {MAX_BYTES} bytes")
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        raise OwnLinesError("it contains a control character")
    directives, rest = _read(list(_pieces(text)), 0)
    assert not rest
    for directive in directives:
        _judge(directive, upstream)
    told, rest = _read(list(_pieces(forwarded)), 0)
    return "".join(_written(_forwarding(directives, (), told), "  "))


_Directives = tuple[Directive, ...]


def _forwarding(directives: _Directives, inherited: _Directives, told: _Directives) -> _Directives:
    """Add the directives `told` to each block that passes requests on.

    Args:
        inherited: headers of the enclosing block, which nginx drops if a block sets one of its own.
    """
    own = tuple(one for one in directives if one.words[0] == "proxy_set_header")
    found = own or inherited
    inner = tuple(
        one if one.block is None else replace(one, block=_forwarding(one.block, found, told))
        for one in directives
    )
    if not any(one.words[0] == "proxy_pass" for one in directives):
        return inner
    named = {_header(one) for one in found}
    missing = tuple(one for one in told if _header(one) not in named)
    return (*inner, *(() if own else inherited), *missing)


def _header(directive: Directive) -> str:
    return directive.words[1].strip("\"'").lower()


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    place = 0
    while place < len(text):
        found = _PIECE.match(text, place)
        line = text.count("\n", 0, place) + 1
        if not found:
            raise OwnLinesError(f"line {line}: cannot be read here: {text[place : place + 20]!r}")
        if not found["space"]:
            yield line, found[0]
        place = found.end()


def _read(pieces: list[tuple[int, str]], depth: int) -> tuple[tuple[Directive, ...], list[tuple[int, str]]]:
    """Parse directives up to the end, or to the brace that closes their block; returns them and the rest."""
    found: list[Directive] = []
    words: list[str] = []
    start = 1
    while pieces:
        (line, piece), pieces = pieces[0], pieces[1:]
        start = line if not words else start
        if piece == "}":
            if depth == 0:
                raise OwnLinesError(f"line {line}: this brace would close the site's own block")
            if words:
                raise OwnLinesError(f"line {start}: a semicolon is missing after {words[-1]}")
            return tuple(found), pieces
        if piece in (";", "{") and not words:
            raise OwnLinesError(f"line {line}: {piece} without a directive before it")
        if piece == ";":
            found.append(Directive(start, tuple(words), None))
            words = []
        elif piece == "{":
            inner, pieces = _read(pieces, depth + 1)
            found.append(Directive(start, tuple(words), inner))
            words = []
        else:
            words.append(piece)
    if words:
        raise OwnLinesError(f"line {start}: a semicolon is missing after {words[-1]}")
    if depth:
        raise OwnLinesError("a brace is not closed")
    return tuple(found), []


def _judge(directive: Directive, upstream: str) -> None:
    name, *arguments = directive.words
    where = f"line {directive.line}: {name}"
    known = SIMPLE if directive.block is None else BLOCKS
    if name not in known:
        raise OwnLinesError(
            f"{where} may not be used here; {INSTEAD.get(name, 'see the guide for what may')}"
        )
    _judge_arguments(where, name, arguments, upstream)
    for inner in directive.block or ():
        _judge(inner, upstream)


def _judge_arguments(where: str, name: str, arguments: list[str], upstream: str) -> None:
    bare = [argument.strip("\"'()") for argument in arguments]
    if name == "access_log" and arguments != ["off"]:
        raise OwnLinesError(f"{where} names a file of the host; only `access_log off;` may be used")
    if name == "proxy_set_header" and len(arguments) != 2:
        raise OwnLinesError(f"{where} takes a header and its value")
    if name == "set" and bare and bare[0].startswith(("$nuwa", "${nuwa")):
        raise OwnLinesError(f"{where} sets a variable that nuwa uses; choose another name")
    if name == "if" and any(re.fullmatch(r"!?-[fdex]", one) for one in bare):
        raise OwnLinesError(f"{where} tests files of the host; compare variables instead")
    if name == "location" and any(one.startswith("@") for one in bare):
        raise OwnLinesError(f"{where} takes a path, not a name")
    if name == "error_page" and {"502", "503"} & set(bare):
        raise OwnLinesError(f"{where}: 502 and 503 have nuwa's own pages; for your own, see bin/maintenance")
    if name == "proxy_pass" and not (
        bare == [f"http://{upstream}"] or (len(bare) == 1 and _PASS.fullmatch(bare[0]))
    ):
        raise OwnLinesError(f"{where} takes http://{upstream} (the app), or a server by its address")


def _written(directives: tuple[Directive, ...], indent: str) -> Iterator[str]:
    for directive in directives:
        line = indent + " ".join(directive.words)
        if directive.block is None:
            yield f"{line};\n"
        else:
            yield f"{line} {{\n"
            yield from _written(directive.block, indent + "  ")
            yield f"{indent}}}\n"
