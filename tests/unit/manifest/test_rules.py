"""Rules between values: what does not fit together is said at one place, with what to do."""

from __future__ import annotations

import tomllib

import pytest

from nuwa.errors import ManifestError
from nuwa.manifest.load import validate

SMALLEST = '[app]\nname = "shop"\n[server]\nmodule = "a:b"\n'


def problems(text):
    try:
        validate(tomllib.loads(text), "nuwa.toml")
    except ManifestError as refused:
        return {item.path: f"{item.message} → {item.hint}" for item in refused.problems}
    return {}


def volumes(*paths):
    return "".join(f'[[volume]]\nname = "v{number}"\npath = "{path}"\n' for number, path in enumerate(paths))


WRONG = {
    "exclusive replicas": (
        '[[process]]\nname="a"\ncommand="x"\nhandover="exclusive"\nreplicas=2\n',
        "process[0].replicas",
        "never runs twice",
    ),
    "replicas with an exclusive volume": (
        'replicas = 2\n[[volume]]\nname = "data"\npath = "/data"\npolicy = "exclusive"\n',
        "server.replicas",
        'set policy = "shared"',
    ),
    "replicas and pods": ("replicas = 2\n[scale]\nmax = 3\n", "server.replicas", "set scale.min"),
    "a name of a replica": (
        '[[process]]\nname="a"\ncommand="x"\nreplicas=2\n[[process]]\nname="a-2"\ncommand="x"\n',
        "process[1].name",
        "is a replica of a",
    ),
    "process twice": ('[[process]]\nname="a"\ncommand="x"\n' * 2, "process[1].name", "process[0].name"),
    "cron twice": (
        '[[cron]]\nname="a"\nschedule="@daily"\ncommand="x"\n' * 2,
        "cron[1].name",
        "cron[0].name",
    ),
    "volume twice": (
        '[[volume]]\nname="a"\npath="/a"\n[[volume]]\nname="a"\npath="/b"\n',
        "volume[1].name",
        "volume[0].name",
    ),
    "same path": (volumes("/data", "/data"), "volume[1].path", "overlaps /data"),
    "nested path": (volumes("/data/a", "/data"), "volume[1].path", "overlaps /data/a"),
    "a volume of next to nothing": (
        volumes("/data") + 'size = "31M"\n',
        "volume[0].size",
        'has no room for files → give it 32M or more, such as size = "10G"',
    ),
    "a service with the unit of a volume": (
        volumes("/data") + 'size = "32M"\n[[service]]\nname = "volume-v0"\nengine = "valkey"\n',
        "service[0].name",
        "would have the same unit",
    ),
    "over the project": (volumes("/srv/app"), "volume[0].path", "would hide /srv/app"),
    "above the project": (volumes("/srv"), "volume[0].path", "would hide /srv/app"),
    "over the environment": (volumes("/opt/nuwa/venv"), "volume[0].path", "would hide /opt/nuwa"),
    "above the environment": (volumes("/opt"), "volume[0].path", "would hide /opt/nuwa"),
    "over run": (volumes("/run/secrets"), "volume[0].path", "would hide /run"),
    "over usr": (volumes("/usr/lib/nuwa/x"), "volume[0].path", "would hide /usr"),
    "over log": (volumes("/var/log/app"), "volume[0].path", "would hide /var/log"),
    "static inside volume": (
        '[static]\ndirectory = "public/static"\n' + volumes("/srv/app/public"),
        "static.directory",
        "would hide them",
    ),
    "volume inside static": (
        '[static]\ndirectory = "public"\n' + volumes("/srv/app/public/media"),
        "static.directory",
        "would hide them",
    ),
    "name in clear and secret": ('[env]\nsecrets = ["A"]\nclear.A = "1"\n', "env.secrets[0]", "env.clear.A"),
    "name in both secrets": (
        '[env]\nsecrets = ["A"]\ngenerated = ["A"]\n',
        "env.generated[0]",
        "env.secrets[0]",
    ),
    "path": ('[env.clear]\nPATH = "/x"\n', "env.clear.PATH", "nuwa itself sets it"),
    "own prefix": ('[env]\nsecrets = ["NUWA_X"]\n', "env.secrets[0]", "nuwa itself sets it"),
    "url in clear": (
        '[database]\nengine = "postgresql"\n[env.clear]\nDATABASE_URL = "x"\n',
        "env.clear.DATABASE_URL",
        "is a secret that [database] already provides",
    ),
    "database of the server's own": (
        '[database]\nengine = "postgresql"\nname = "template1"\n',
        "database.name",
        "is reserved by the database server",
    ),
    "sqlite without volume": ('[database]\nengine = "sqlite"\n', "database.engine", "add a [[volume]]"),
    "client header without proxies": (
        '[site]\nclient_address_header = "X-Real-IP"\n',
        "site.client_address_header",
        "trusted_proxies",
    ),
    "header twice": (
        '[site.headers]\nX-A = "1"\nx-a = "2"\n',
        "site.headers.x-a",
        "same header as X-A",
    ),
    "path twice": (
        '[[path]]\npath = "/a"\n[[path]]\npath = "/a/"\n',
        "path[1].path",
        "path[0].path",
    ),
    "burst without rate": ("[site]\nburst = 3\n", "site.burst", "no effect without rate"),
    "burst of a path without rate": (
        '[[path]]\npath = "/a"\nburst = 3\n',
        "path[0].burst",
        "no effect without rate",
    ),
    "protected from all": ('[[protect]]\npath = "/a"\n', "protect[0]", "nobody could get in"),
    "protected twice": (
        '[[protect]]\npath = "/a"\nallow = ["::1"]\n[[protect]]\npath = "/a/"\nallow = ["::1"]\n',
        "protect[1].path",
        "protect[0].path",
    ),
    "users that the app reads": (
        '[env]\nsecrets = ["A"]\n[[protect]]\nusers_secret = "A"\n',
        "protect[0].users_secret",
        "[env] does not list",
    ),
    "the whole site moves": (
        '[[redirect]]\nsource = "/"\nto = "https://b.example.com/"\n',
        "redirect[0].source",
        "whole site",
    ),
    "redirect over static": (
        '[static]\ndirectory = "s"\n[[redirect]]\nsource = "/static"\nto = "/x"\n',
        "redirect[0].source",
        "static.url",
    ),
    "redirect of challenges": (
        '[[redirect]]\nsource = "/.well-known/acme-challenge/"\nto = "/x"\n',
        "redirect[0].source",
        "certificates",
    ),
    "redirect below itself": (
        '[[redirect]]\nsource = "/old/"\nto = "/old/new/"\n',
        "redirect[0].to",
        "a redirect loop",
    ),
    "an exclusive volume with standby": (
        '[[volume]]\nname = "data"\npath = "/data"\npolicy = "exclusive"\n[deploy]\nstandby = "10m"\n',
        "deploy.standby",
        "would keep it in use",
    ),
    "users in an access key": (
        '[[protect]]\nusers_secret = "BACKUP_ACCESS_KEY_ID"\n',
        "protect[0].users_secret",
        "already used for something else",
    ),
    "path of challenges": (
        '[[path]]\npath = "/.well-known/acme-challenge"\nmax_body = "1K"\n',
        "path[0].path",
        "certificates",
    ),
    "protected page of maintenance": (
        '[[protect]]\npath = "/.nuwa-maintenance"\nallow = ["10.0.0.0/8"]\n',
        "protect[0].path",
        "bin/maintenance",
    ),
    "redirects in a circle": (
        '[[redirect]]\nsource = "/a/"\nto = "/b/x/"\n[[redirect]]\nsource = "/b/"\nto = "/c"\n'
        '[[redirect]]\nsource = "/c"\nto = "/a/"\n',
        "redirect[0].to",
        "/a/ → /b/ → /c → /a/",
    ),
    "domain to its own path": (
        '[[redirect]]\nsource = "b.example.com"\nto = "/x"\n',
        "redirect[0].to",
        "a redirect loop",
    ),
    "tmp": ('[limits]\ntmp = "2G"\nmemory_max = "1G"\n', "limits.tmp", "above memory_max"),
    "memory": ('[limits]\nmemory_low = "2G"\nmemory_max = "1G"\n', "limits.memory_low", "above memory_max"),
    "dns without plugin": ('[tls]\nchallenge = "dns-01"\n', "tls.challenge", "needs dns_plugin"),
    "plugin without dns": ('[tls]\ndns_plugin = "cloudflare"\n', "tls.dns_plugin", 'challenge = "dns-01"'),
    "files without key": ('[tls]\nchallenge = "files"\ncertificate = "/c"\n', "tls.challenge", "needs key"),
    "key without files": ('[tls]\nkey = "/k"\n', "tls.key", 'challenge = "files"'),
    "email without acme": (
        '[tls]\nchallenge = "self-signed"\nemail = "a@example.com"\n',
        "tls.email",
        "no effect",
    ),
    "credentials without dns": (
        '[tls]\ndns_credentials = "/d"\n',
        "tls.dns_credentials",
        'challenge = "dns-01"',
    ),
    "route twice": (
        '[[route]]\npath="/a/"\nto="app:b"\n[[route]]\npath="/a/"\nto="app:c"\n',
        "route[1].path",
        "route[0].path",
    ),
    "route over static": (
        '[static]\ndirectory="s"\n[[route]]\npath="/static/"\nto="app:b"\n',
        "route[0].path",
        "static.url",
    ),
    "volume over static": (
        '[static]\ndirectory="s"\n[[volume]]\nname="media"\npath="/srv/media"\nurl="/static/"\n',
        "volume[0].url",
        "static.url",
    ),
    "route over volume": (
        '[[volume]]\nname="media"\npath="/srv/media"\nurl="/a/"\n[[route]]\npath="/a/"\nto="app:b"\n',
        "route[0].path",
        "volume[0].url",
    ),
    "route over acme": (
        '[[route]]\npath="/.well-known/acme-challenge/"\nto="app:b"\n',
        "route[0].path",
        "",
    ),
    "route to itself": ('[[route]]\npath="/a/"\nto="app:shop"\n', "route[0].to", "the app itself"),
    "passphrase in clear": (
        '[backup]\nrepository = "/b"\n[env.clear]\nBORG_PASSPHRASE = "x"\n',
        "backup.passphrase",
        "the app could read it",
    ),
    "access key of archives as secret": (
        '[backup]\nrepository = "s3:h/b"\n[env]\nsecrets = ["BACKUP_ACCESS_KEY_ID"]\n',
        "backup.passphrase",
        "the app could read it",
    ),
    "passphrase as secret": (
        '[backup]\nrepository = "/b"\npassphrase = "P"\n[env]\nsecrets = ["P"]\n',
        "backup.passphrase",
        "the app could read it",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refuses_what_does_not_fit_together(case):
    text, path, message = WRONG[case]
    found = problems(SMALLEST + text)
    assert list(found) == [path]
    assert message in found[path]


@pytest.mark.parametrize(
    ("domains", "challenge", "path", "message"),
    [
        (["a.example", "A.example"], "http-01", "app.domains[1]", "is already listed"),
        (["*.a.example"], "self-signed", "app.domains[0]", "cannot be a wildcard"),
        (["a.example", "*.a.example"], "http-01", "app.domains[1]", 'challenge = "dns-01"'),
    ],
)
def test_refuses_domains_that_cannot_be_served(domains, challenge, path, message):
    text = (
        SMALLEST.replace("[server]", f"domains = {domains}\n[server]") + f'[tls]\nchallenge = "{challenge}"\n'
    )
    assert message in problems(text)[path]


def test_refuses_threads_for_uvicorn_only_where_they_are_given():
    assert problems(SMALLEST + 'kind = "uvicorn"\n') == {}
    assert "has no threads" in problems(SMALLEST + 'kind = "uvicorn"\nthreads = 4\n')["server.threads"]


def test_refuses_websockets_under_apache():
    assert "websockets" in problems(SMALLEST + 'kind = "mod_wsgi"\nwebsocket = true\n')["server.websocket"]


def test_takes_what_fits_together():
    text = (
        '[static]\ndirectory = "public"\n'
        '[env]\nsecrets = ["A", "DATABASE_URL"]\ngenerated = ["B"]\nclear.C = "x"\n'
        '[database]\nengine = "sqlite"\nwhere = "url"\n'
        '[tls]\nchallenge = "dns-01"\ndns_plugin = "cloudflare"\n'
        'dns_credentials = "/etc/dns.ini"\ndns_wait = 30\n'
        '[[route]]\npath = "/api/"\nto = "http://127.0.0.1:9000"\n'
        '[limits]\nmemory_low = "1M"\nmemory_high = "1M"\nmemory_max = "1G"\n[backup]\nrepository = "/b"\n'
        + volumes("/srv/app/media", "/srv/data", "/srv/data2", "/var/lib/shop", "/opt/data", "/logs")
    )
    domains = 'domains = ["a.example", "*.a.example"]\n[server]'
    assert problems(SMALLEST.replace("[server]", domains) + text) == {}


def test_rules_are_judged_in_the_same_run_as_broken_values():
    found = problems(SMALLEST + "threads = 0\n" + volumes("/srv", "relative", "/data", "/data/x"))
    assert set(found) == {"server.threads", "volume[0].path", "volume[1].path", "volume[3].path"}


def test_no_problem_is_about_a_stand_in_for_a_broken_value():
    found = problems(
        "[app]\nname = 1\n[server]\n[[process]]\n[[cron]]\n[[volume]]\npath = '/srv'\n"
        "[static]\n[database]\n[backup]\n"
    )
    assert set(found) == {
        "app.name", "server.module", "process[0].name", "process[0].command", "cron[0].name",
        "cron[0].schedule", "cron[0].command", "volume[0].name", "volume[0].path", "static.directory",
        "database.engine", "backup.repository",
    }  # fmt: skip


SERVICE = '[app]\nname = "x"\n[server]\nmodule = "a:b"\n[[service]]\nengine = "valkey"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('env = "SECRET"\n[env]\nsecrets = ["SECRET"]\n', "SECRET gets its value from this"),
        ('env = ["DATABASE_URL"]\n[database]\nengine = "postgresql"\n', "DATABASE_URL gets its value"),
        ('env = "NUWA_X"\n', "NUWA_X is reserved: nuwa itself sets it"),
        ('name = "database"\n', "database is a name that nuwa itself uses"),
        ('[[service]]\nengine = "valkey"\nname = "b"\n', "REDIS_URL gets its value"),
        ('[[service]]\nengine = "valkey"\nenv = "B"\n', '"valkey" is'),
        ('env = { A = "{user}" }\n', "is neither one of url, host, port, password"),
    ],
)
def test_a_service_hands_its_address_to_variables_of_its_own(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        validate(tomllib.loads(SERVICE + text), "nuwa.toml")
    assert any(message in problem.message for problem in caught.value.problems)


def test_a_service_takes_one_variable_several_or_parts() -> None:
    for given, env in (
        ('"A"', {"A": "url"}),
        ('["A", "B"]', {"A": "url", "B": "url"}),
        ('{ A = "host", B = "redis://{host}/1" }', {"A": "host", "B": "redis://{host}/1"}),
    ):
        app = validate(tomllib.loads(f"{SERVICE}env = {given}\n"), "nuwa.toml")
        assert app.service[0].env == env
    assert validate(tomllib.loads(SERVICE), "nuwa.toml").service[0].env == {"REDIS_URL": "url"}


HOST_PORT = '[app]\nname = "x"\n[server]\nmodule = "a:b"\n[[host_port]]\nname = "smtp"\nport = 25\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[env]\nclear = { SMTP_HOST = "x" }\n', "SMTP_HOST gets its value from this host_port's"),
        ('[[host_port]]\nname = "b"\nport = 1\nenv = { SMTP_PORT = "port" }\n', "SMTP_PORT gets its value"),
        ('[[host_port]]\nname = "smtp"\nport = 1\nenv = { A = "port" }\n', '"smtp" is already listed'),
        ('[[service]]\nengine = "valkey"\nname = "port-smtp"\n', "port-smtp is a name that nuwa itself uses"),
        ('env = { A = "password" }\n', "is neither host nor port"),
        ('[[host_port]]\nname = "b"\nport = 18000\n', "18000 is a port that nuwa hands out"),
        ('[[host_port]]\nname = "b"\nport = 0\n', "0 is not from 1 to 65535"),
        ('[[host_port]]\nname = "b"\n', "required"),
    ],
)
def test_a_port_of_the_host_hands_its_address_to_variables_of_its_own(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        validate(tomllib.loads(HOST_PORT + text), "nuwa.toml")
    assert any(message in problem.message for problem in caught.value.problems)


def test_a_port_of_the_host_names_its_variables_after_itself() -> None:
    (smtp,) = validate(tomllib.loads(HOST_PORT), "nuwa.toml").host_port
    assert smtp.variables == {"SMTP_HOST": "{host}", "SMTP_PORT": "{port}"}
    given = f'{HOST_PORT}env = {{ MAIL = "smtp://{{host}}:{{port}}" }}\n'
    (smtp,) = validate(tomllib.loads(given), "nuwa.toml").host_port
    assert smtp.variables == {"MAIL": "smtp://{host}:{port}"}
