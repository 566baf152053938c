"""Whatever comes in at the dashboard is answered, and never with a fault of its own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from control_fake import ControlFake
from dashboard_host import TOKEN, DashboardHost
from demo_host import demo
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from test_dashboard_http import FORM, PAGE, cookie_of, log_in, proof_of

ODD = [
    "9" * 5000,
    "1" * 25,
    "0",
    "-1",
    "²",
    "٣",
    "[",
    "[::1",
    "é",
    "\u2603",
    "a\nb",
    "a\r\nb",
    "x" * 200,
    "%",
    "..",
    " ",
]
"""What parsers stumble over."""
VALUE = st.sampled_from(ODD) | st.text(max_size=15)
HEADER = (st.sampled_from(ODD) | st.text(max_size=15)).map(
    lambda text: (
        "".join(c for c in text if c.isprintable()).encode("latin-1", "ignore").decode("latin-1").strip()
    )
)
PATHS = st.sampled_from(
    [
        "/",
        "/ls",
        "/usage",
        "/log",
        "/hooks",
        "/monitor",
        "/config",
        "/config/history",
        "/config/schema",
        "/login",
    ]
) | st.tuples(
    st.sampled_from(
        ["/proc/{}", "/log/{}", "/hooks/{}", "/runs/{}", "/config/history/{}", "/{}", "/static/0/{}"]
    ),
    st.sampled_from(["shop", "182"]) | VALUE,
).map(lambda pair: pair[0].format(quote(pair[1], safe="")))
QUERY = st.dictionaries(
    st.sampled_from(
        [
            "lines",
            "since",
            "until",
            "grep",
            "priority",
            "after",
            "next",
            "from",
            "saved",
            "name",
            "said",
            "dry_run",
            "count",
        ]
    ),
    VALUE,
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Host",
            "X-Forwarded-Prefix",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "If-Match",
            "Last-Event-ID",
            "Sec-Fetch-Site",
            "Content-Type",
        ]
    ),
    HEADER,
    max_size=3,
)
FIELDS = st.lists(
    st.tuples(st.sampled_from(["text", "revision", "action", "next"]) | st.text(max_size=5), VALUE),
    max_size=5,
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardHost]:
    made = DashboardHost(tmp_path_factory.mktemp("host"))
    fake = ControlFake(made.paths.socket)
    demo(fake)
    fake.start()
    made.start()
    yield made
    made.close()
    fake.stop()


@pytest.fixture(scope="module")
def session(host: DashboardHost) -> tuple[str, str]:
    """A cookie, and what its forms bring along."""
    cookie = cookie_of(log_in(host))
    return cookie, proof_of(host, cookie)


few = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@few
@example(path="/runs/" + "9" * 5000, query={}, headers={}, is_page=False, way="token")
@example(path="/log", query={"lines": "9" * 5000}, headers={}, is_page=True, way="cookie")
@example(path="/hooks", query={}, headers={"Host": "["}, is_page=True, way="none")
@example(path="/config", query={}, headers={"If-Match": "é"}, is_page=True, way="token")
@given(
    path=PATHS,
    query=QUERY,
    headers=HEADERS,
    is_page=st.booleans(),
    way=st.sampled_from(["none", "token", "cookie"]),
)
def test_no_question_is_a_fault_of_the_dashboard(
    host: DashboardHost,
    session: tuple[str, str],
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    is_page: bool,
    way: str,
) -> None:
    target = f"{path}?{urlencode(query)}" if query else path
    cookie = session[0] if way == "cookie" else ""
    token = TOKEN if way == "token" else ""
    reply = host.ask(target, headers={**headers, **(PAGE if is_page else {})}, token=token, cookie=cookie)
    assert reply.status != 500, (target, headers)


@few
@example(path="/ls", fields=[], more=150, headers={}, is_put=False)
@example(path="/config", fields=[("text", "{}"), ("revision", "é")], more=0, headers={}, is_put=False)
@example(path="/config", fields=[], more=0, headers={"If-Match": "é"}, is_put=True)
@given(
    path=st.sampled_from(["/config", "/proc/shop/restart", "/hooks/shop/run", "/login", "/nothing", "/ls"]),
    fields=FIELDS,
    more=st.sampled_from([0, 0, 1, 97, 99, 150]),
    headers=HEADERS,
    is_put=st.booleans(),
)
def test_no_form_is_a_fault_of_the_dashboard(
    host: DashboardHost,
    session: tuple[str, str],
    path: str,
    fields: list[tuple[str, str]],
    more: int,
    headers: dict[str, str],
    is_put: bool,
) -> None:
    cookie, proof = session
    body = urlencode([("csrf", proof), *fields, *((f"f{number}", "x") for number in range(more))])
    sent = {**FORM, **headers, "X-CSRF-Token": proof}
    reply = host.ask(path, "PUT" if is_put else "POST", body, sent, cookie=cookie)
    assert reply.status != 500, (path, fields, headers)
