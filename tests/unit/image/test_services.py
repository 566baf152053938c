"""The generated files of an app's image say what the manifest says, to every reader in its own language."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from nuwa.image import families, layers, services
from nuwa.image.files import File, Files, write
from nuwa.manifest.model import App, AppSection, Cron, Env, Extras, Health, Hooks, Process, Server

HOSTILE = ("a b", "$HOME", "`id`", '"', "'", "\\", "%d", "a\nb", "", "*", "é🌊", "-n", "$(id)", ";", "|")
LIB = "/usr/lib/nuwa"


def make(family: str = "debian", kind: str = "gunicorn", **sections: object) -> Files:
    values: dict[str, object] = {
        "app": AppSection(name="blog", domains=("blog.example.org", "www.example.org")),
        "server": Server(module="blog.wsgi:application", kind=kind),  # type: ignore[arg-type]
        **sections,
    }
    return services.files(App(**values), families.load(family))  # type: ignore[arg-type]


def text(files: Files, path: str) -> str:
    return files[path].content.decode()


def shell(script: str) -> list[str]:
    """What a shell script prints, cut at its NULs."""
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    return result.stdout.removesuffix("\0").split("\0")


@pytest.fixture
def busy() -> Files:
    return make(
        process=(Process(name="worker", command=("python", *HOSTILE), stop_timeout=7),),
        cron=(Cron(name="tidy", schedule="*/5 * * * *", command=("python", *HOSTILE)),),
        hooks=Hooks(release=("migrate", *HOSTILE), checks=(("check", *HOSTILE), ("second",))),
        env=Env(clear={"PLAIN": "x", "EMPTY": "", "LINES": "a\n b \n", "UNICODE": "žš🌊"}),
    )


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("process-worker", ["env", "-u", "SHLVL", "python"]),
        ("cron-tidy", [f"{LIB}/cron-job", "tidy", "python"]),
        ("release", ["env", "-u", "SHLVL", "migrate"]),
        ("check-1", ["check"]),
    ],
)
def test_a_command_gets_each_word_unharmed(busy: Files, name: str, head: list[str]) -> None:
    script = text(busy, f"{LIB}/command/{name}").removeprefix("#!/bin/sh\n")
    assert script.startswith("exec ")
    assert shell(script.replace("exec ", "printf '%s\\0' ", 1)) == [*head, *HOSTILE]


def test_each_check_has_a_script_in_the_order_of_the_manifest(busy: Files) -> None:
    assert text(busy, f"{LIB}/command/check-2") == "#!/bin/sh\nexec second\n"


def test_no_script_exists_for_what_the_manifest_leaves_out() -> None:
    made = make()
    assert [path for path in made if "/command/" in path] == [f"{LIB}/command/server"]
    assert "/etc/cron.d/nuwa-app" not in made
    assert f"{LIB}/apache/app.conf" not in made


@pytest.mark.parametrize(
    ("name", "value"), [("PLAIN", "x"), ("EMPTY", ""), ("LINES", "a\n b \n"), ("UNICODE", "žš🌊")]
)
def test_an_environment_file_holds_the_value_and_one_newline(busy: Files, name: str, value: str) -> None:
    assert busy[f"{LIB}/env/{name}"] == File(f"{value}\n".encode())


def test_the_time_zone_is_a_variable_that_the_manifest_may_set_itself() -> None:
    assert text(make(extras=Extras(timezone="Asia/Taipei")), f"{LIB}/env/TZ") == "Asia/Taipei\n"
    assert text(make(env=Env(clear={"TZ": "UTC"})), f"{LIB}/env/TZ") == "UTC\n"


def test_the_settings_survive_a_shell() -> None:
    path = "/health/?a=1&b=~,@!%20"
    made = make(health=Health(path=path, timeout=9), extras=Extras(jemalloc=False))
    script = text(made, f"{LIB}/settings") + (
        'printf "%s\\0" "$NUWA_HEALTH_PATH" "$NUWA_HEALTH_TIMEOUT" "$NUWA_HEALTH_HOST" "$NUWA_JEMALLOC" '
        '"$NUWA_WORKERS" "$NUWA_SERVER_KIND"'
    )
    assert shell(script) == [path, "9", "blog.example.org", "no", "auto", "gunicorn"]


@pytest.mark.parametrize(
    ("domains", "host"),
    [((), "localhost"), (("a.example", "b.example"), "a.example"), (("*.example.org",), "www.example.org")],
)
def test_the_health_check_asks_for_a_host_that_exists(domains: tuple[str, ...], host: str) -> None:
    app = App(app=AppSection(name="blog", domains=domains), server=Server(module="a:b"))
    assert services.health_host(app) == host


def test_server_json_names_what_the_server_loads() -> None:
    made = make(server=Server(module="site:create()", kind="uvicorn", threads=3, timeout=60))
    settings = json.loads(made[f"{LIB}/server.json"].content)
    assert (settings["kind"], settings["module"], settings["threads"]) == ("uvicorn", "site:create()", 3)
    assert settings["timeout"] == 60


def test_every_enabled_service_is_a_longrun_with_a_limit_on_its_stop(busy: Files) -> None:
    enabled = [path.rpartition("/")[2] for path in busy if path.startswith(services.ENABLED)]
    assert sorted(enabled) == ["log-process-worker", "log-server", "process-worker", "server"]
    for name in enabled:
        folder = f"{services.SERVICES}/{name}"
        assert text(busy, f"{folder}/type") == "longrun\n"
        assert int(text(busy, f"{folder}/timeout-kill")) >= 1000
        assert busy[f"{folder}/run"].mode == 0o755
        assert text(busy, f"{folder}/run").startswith(("#!/command/", "#!/bin/sh\n"))
        assert f"{folder}/dependencies.d/base" in busy


def test_a_service_starts_after_its_logger_and_stops_before_it(busy: Files) -> None:
    for name in ("server", "process-worker"):
        assert f"{services.SERVICES}/{name}/dependencies.d/log-{name}" in busy
        assert f"{services.SERVICES}/log-{name}/dependencies.d/rsyslogd" in busy


def test_services_need_what_exists_and_never_each_other_in_a_circle(busy: Files) -> None:
    paths = [*busy, *(entry.path for entry in layers.rootfs("base"))]
    found = [match for path in paths if (match := re.match(rf"{services.SERVICES}/([^/]+)/(.*)", path))]
    needs: dict[str, set[str]] = {match[1]: set() for match in found}
    for match in found:
        folder, _, needed = match[2].partition("/")
        if folder == "dependencies.d" and needed != "base":
            needs[match[1]].add(needed)
    assert "rsyslogd" in needs["log-server"]
    assert set().union(*needs.values()) <= set(needs)
    assert set(TopologicalSorter(needs).static_order()) == set(needs)


def test_no_service_keeps_s6_overlay_from_hearing_a_stop_until_it_is_ready(busy: Files) -> None:
    assert [path for path in busy if path.endswith(("/notification-fd", "/timeout-up"))] == []


def test_s6_waits_longer_than_the_server_needs_to_drain() -> None:
    made = make(server=Server(module="a:b", graceful_timeout=40))
    assert int(text(made, f"{services.SERVICES}/server/timeout-kill")) == 43_000


def test_a_process_is_killed_after_its_own_stop_timeout(busy: Files) -> None:
    assert text(busy, f"{services.SERVICES}/process-worker/timeout-kill") == "7000\n"


def test_apache_is_asked_to_stop_gracefully() -> None:
    signal = f"{services.SERVICES}/server/down-signal"
    assert text(make(kind="mod_wsgi"), signal) == "SIGWINCH\n"
    assert signal not in make(kind="gunicorn")


@pytest.mark.parametrize(
    ("family", "program", "modules"),
    [
        ("debian", "/usr/sbin/apache2", "/usr/lib/apache2/modules"),
        ("rockylinux", "/usr/sbin/httpd", "/usr/lib64/httpd/modules"),
    ],
)
def test_apache_is_found_where_the_family_has_it(family: str, program: str, modules: str) -> None:
    made = make(family, "mod_wsgi")
    assert f"Define MODULES {modules}\n" in text(made, f"{LIB}/apache/app.conf")
    assert f"set -- /usr/lib/nuwa/apache/start {program}\n" in text(made, f"{LIB}/command/server")


def test_a_cron_job_is_one_line_with_its_schedule(busy: Files) -> None:
    lines = text(busy, "/etc/cron.d/nuwa-app").splitlines()
    assert lines[-1] == f"*/5 * * * * root {LIB}/command/cron-tidy"
    # cron ignores files that others than root may write to.
    assert stat.S_IMODE(busy["/etc/cron.d/nuwa-app"].mode) == 0o644


def test_the_same_manifest_makes_the_same_bytes(busy: Files, tmp_path: Path) -> None:
    write(busy, tmp_path / "a")
    write(make(**{}), tmp_path / "b")
    assert make() == make()
    assert (tmp_path / "a/usr/lib/nuwa/command/process-worker").stat().st_mode & 0o777 == 0o755


def test_each_service_has_a_log_file_with_a_limit(busy: Files) -> None:
    made = text(busy, f"{LIB}/rsyslog-services.conf")
    for name in ("server", "process-worker"):
        assert re.search(
            rf"^\$outchannel service\d,/var/log/{name}.log,10485760,{LIB}/rotate-logs /var/log/{name}.log$",
            made,
            re.MULTILINE,
        )
        assert f'if $programname == "{name}" then' in made
    assert made.endswith("  :omfile:$syslog;line\n}\n")


def test_each_replica_is_a_service_and_knows_its_number() -> None:
    made = make(process=(Process(name="worker", command=("run", "it"), stop_timeout=7, replicas=2),))
    for number in (1, 2):
        name = f"process-worker-{number}"
        assert text(made, f"{services.SERVICES}/{name}/timeout-kill") == "7000\n"
        assert f"{services.ENABLED}/{name}" in made
        assert f"NUWA_REPLICA={number} run it" in text(made, f"{LIB}/command/{name}")
        assert f'$programname == "{name}"' in text(made, f"{LIB}/rsyslog-services.conf")
    assert f"{services.SERVICES}/process-worker/run" not in made
    assert "NUWA_REPLICA" not in text(made, f"{LIB}/command/process-worker"), "for a pod of its own"


def test_only_exclusive_processes_are_handed_over() -> None:
    both = (
        Process(name="worker", command=("work",)),
        Process(name="beat", command=("beat",), handover="exclusive"),
    )
    made = make(process=both)
    assert "NUWA_EXCLUSIVE_PROCESSES=process-beat\n" in text(made, f"{LIB}/settings")
    assert "/etc/s6-overlay/s6-rc.d/handover/run" in made
    assert "/etc/s6-overlay/s6-rc.d/handover/run" not in make(process=both[:1])


def test_a_job_of_the_start_waits_for_its_slot_and_no_minute() -> None:
    made = make(cron=(Cron(name="warm", schedule="@reboot", command=("warm",)),))
    assert text(made, f"{LIB}/command/cron-warm").endswith(f"exec {LIB}/cron-job --at-start warm warm\n")


def test_no_text_of_a_job_stands_in_the_crontab() -> None:
    """Debian's cron and cronie read backslashes and per cent signs differently."""
    made = make(cron=(Cron(name="odd", schedule="@daily", command=("printf", "\\\\%s\\%", "%")),))
    last = text(made, "/etc/cron.d/nuwa-app").splitlines()[-1]
    assert last == f"@daily root {LIB}/command/cron-odd"
