"""What choices and hostile values make of the objects, and what is refused with which remedy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuwa.kubernetes import diff, kustomize, storage
from nuwa.kubernetes.options import ExportError, Options
from nuwa.kubernetes.render import render
from nuwa.manifest.commands import kubernetes_schedule
from nuwa.manifest.data import Database, HostPort, Service, Volume
from nuwa.manifest.model import App, AppSection, Cron, Env, Health, Hooks, Limits, Process, Scale, Server
from nuwa.manifest.site import Route

IMAGE = f"registry.example.com/blog@sha256:{'a' * 64}"
DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def app(name: str = "blog", **sections: Any) -> App:
    values = {
        "app": AppSection(name=name, domains=("a.example.com",)),
        "server": Server(module="a:b"),
        **sections,
    }
    return App(**values)


def export(made: App, **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    objects, _ = render(made, Options(**{"image": IMAGE, **options}))
    found = {(item["kind"], item["metadata"]["name"]): item for item in objects}
    assert len(found) == len(objects), "two objects have one name"
    return found


def template(made: dict[str, Any]) -> dict[str, Any]:
    return made["spec"].get("jobTemplate", made)["spec"]["template"]


def container(made: dict[str, Any]) -> dict[str, Any]:
    return template(made)["spec"]["containers"][0]


REFUSED = {
    "tag": (app(), {"image": "registry.example.com/blog:latest"}, "by its digest"),
    "no image": (app(), {"image": ""}, "podman image inspect"),
    "replicas": (app(), {"replicas": 0}, "use 1 to"),
    "domain": (app(), {"domains": ("-a",)}, "--domain"),
    "wildcard first": (app(), {"domains": ("*.a.example",)}, "wildcard"),
    "class": (app(), {"gateway_class": "A b"}, "--gateway-class"),
    "gateway": (app(), {"gateway": "a/B"}, "--gateway"),
    "two entrances": (app(), {"gateway": "a", "ingress": True}, "cannot be combined"),
    "host database": (app(database=Database(engine="postgresql")), {}, 'where = "url"'),
    "service": (app(service=(Service("valkey"),)), {}, "NetworkPolicy"),
    "host port": (app(host_port=(HostPort("smtp", 25),)), {}, "SMTP_HOST and SMTP_PORT in env.clear"),
    "reboot": (app(cron=(Cron("a", "@reboot", ("x",)),)), {}, "hooks.release"),
    "host route": (app(route=(Route("/a/", "http://127.0.0.1:1"),)), {}, "app:NAME"),
    "strip": (app(route=(Route("/a/", "app:b", strip=True),)), {"ingress": True}, "strip = false"),
    "exclusive": (
        app(volume=(Volume("a", "/srv/a", "exclusive"),)),
        {"replicas": 2},
        "omit --replicas",
    ),
    "sqlite": (
        app(volume=(Volume("a", "/srv/a"),), database=Database(engine="sqlite")),
        {"replicas": 2},
        "database server",
    ),
    "some secrets": (
        app(env=Env(secrets=("MAIL",), generated=("KEY",))),
        {"secrets": {"KEY": b"x"}},
        "no value for MAIL",
    ),
    "no cpu": (app(scale=Scale(min=1, max=3)), {}, "limits.cpu"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_place_is_refused_with_the_remedy(case: str):
    made, options, words = REFUSED[case]
    with pytest.raises(ExportError, match=re.escape(words)):
        export(made, **options)


def test_the_digest_alone_names_the_image():
    found = export(app(), image=IMAGE.replace("@", ":1.0@"))
    assert container(found["Deployment", "blog"])["image"] == IMAGE


WORDS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), min_size=1
)


@given(WORDS)
@settings(max_examples=50)
def test_a_cron_command_reaches_the_pod_as_it_is(words: list[str]):
    """Kubernetes reads two dollar signs as one, and $(NAME) as a variable."""
    job = export(app(cron=(Cron("a", "@daily", tuple(words)),)))["CronJob", "blog-cron-a"]
    given_words = container(job)["command"][1:]
    assert [
        re.sub(r"\$\$|\$\(\w*\)", lambda m: "$" if m[0] == "$$" else "?", word) for word in given_words
    ] == words


NAMES = st.from_regex(r"[a-z]([a-z0-9_-]{0,29}[a-z0-9])?", fullmatch=True)


@given(
    st.sets(NAMES, min_size=1, max_size=4), st.from_regex(r"[a-z]([a-z0-9-]{0,37}[a-z0-9])?", fullmatch=True)
)
@settings(max_examples=50)
def test_every_name_is_one_of_kubernetes_and_no_two_are_the_same(names: set[str], name: str):
    made = app(
        name,
        process=tuple(Process(item, ("x",)) for item in names),
        cron=tuple(Cron(item, "@daily", ("x",)) for item in names),
        volume=tuple(Volume(item, f"/srv/{number}") for number, item in enumerate(names)),
        hooks=Hooks(release=("x",)),
    )
    found = export(made)
    for kind, called in found:
        assert DNS_NAME.fullmatch(called), called
        assert kind != "CronJob" or len(called) <= 52
    for made_object in found.values():
        assert all(len(value) <= 63 for value in made_object["metadata"]["labels"].values())
    selectors = [str(item["spec"]["selector"]) for item in found.values() if item["kind"] == "Deployment"]
    assert len(set(selectors)) == len(selectors)
    volumes = [item["name"] for item in found["Deployment", name]["spec"]["template"]["spec"]["volumes"]]
    assert len(set(volumes)) == len(volumes)
    assert all(DNS_NAME.fullmatch(volume) for volume in volumes)


@pytest.mark.parametrize(
    ("given_schedule", "wanted"),
    [("@daily", "@daily"), ("0 5 * * 7", "0 5 * * 0"), ("0 5 * * 5-7", "0 5 * * 0,5,6"),
     ("7 7 7 7 *", "7 7 7 7 *"),
     ("* * * * sun", "* * * * sun"), ("* * * * */7", "* * * * */7")],
)  # fmt: skip
def test_sunday_is_0_in_a_schedule(given_schedule: str, wanted: str):
    assert kubernetes_schedule(given_schedule) == wanted


def test_the_release_hook_runs_once_per_release_and_holds_the_pods_back():
    made = app(
        hooks=Hooks(release=("migrate",)),
        process=(Process("w", ("x",)),),
        cron=(Cron("c", "@daily", ("x",)),),
    )
    first, again = export(made), export(made)
    other = export(made, image=IMAGE.replace("a" * 64, "b" * 64))
    (job,) = [name for kind, name in first if kind == "Job"]
    assert ("Job", job) in again
    assert ("Job", job) not in other
    assert first["Role", job]["rules"][0]["resourceNames"] == [job]
    waiting = [("Deployment", "blog"), ("Deployment", "blog-process-w"), ("CronJob", "blog-cron-c")]
    for key in waiting:
        spec = template(first[key])["spec"]
        assert job in spec["initContainers"][-1]["command"]
        assert spec["serviceAccountName"] == "blog-release"
        mounted = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
        assert "release-token" not in mounted, "the app has the token"
    hook = first["Job", job]["spec"]["template"]["spec"]
    assert "initContainers" not in hook
    assert "serviceAccountName" not in hook


def test_waiting_for_the_hook_is_no_failure_of_a_deployment_and_ends_for_a_scheduled_job():
    """A job that waits forever would keep its next run back: no two run at once."""
    made = app(
        hooks=Hooks(release=("migrate",)),
        health=Health(start_period=900),
        process=(Process("w", ("x",)),),
        cron=(Cron("c", "@daily", ("x",)),),
    )
    found = export(made)
    (hook,) = [item for (kind, _), item in found.items() if kind == "Job"]
    longest = hook["spec"]["activeDeadlineSeconds"]
    for name, starting in (("blog", 900), ("blog-process-w", 0)):
        assert found["Deployment", name]["spec"]["progressDeadlineSeconds"] > longest + starting
    (words,) = [
        item["command"] for item in template(found["CronJob", "blog-cron-c"])["spec"]["initContainers"]
    ]
    assert words[-1] == str(longest)
    (words,) = [item["command"] for item in template(found["Deployment", "blog"])["spec"]["initContainers"]]
    assert words[-1] != str(longest), "kubelet would only start the wait again"


def test_a_secret_has_all_of_its_values_or_is_left_out():
    """`kubectl apply` removes a value that an earlier export gave and this one does not."""
    made = app(env=Env(secrets=("MAIL",), generated=("KEY",)))
    found = export(made, secrets={"KEY": b"\xff\n", "MAIL": b"", "OTHER": b"x"})
    assert found["Secret", "blog"]["data"] == {"KEY": "/wo=", "MAIL": ""}
    objects, notes = render(made, Options(IMAGE))
    assert "Secret" not in {item["kind"] for item in objects}
    (told,) = [note for note in notes if "Secret" in note]
    assert told.endswith(
        "kubectl create secret generic blog --from-literal=KEY=VALUE --from-literal=MAIL=VALUE"
    )
    assert "kubectl" not in " ".join(render(made, Options("a" * 64, podman=True))[1])
    items = found["Deployment", "blog"]["spec"]["template"]["spec"]["volumes"][2]["secret"]["items"]
    assert [item["key"] for item in items] == ["KEY", "MAIL"], "a pod waits for each of them"
    assert storage.values_of(list(found.values())) == {"KEY": b"\xff\n", "MAIL": b""}


@pytest.mark.parametrize(
    ("engine", "address", "ports"),
    [
        ("postgresql", "postgresql://u:p:1@db:6432/a?x=:9", [6432]),
        ("postgresql", "postgresql://db/a", [5432]),
        ("postgresql", "postgresql://u@[::1]/a", [5432]),
        ("postgresql", "postgresql://a:1,b:2,c/a", [1, 2, 5432]),
        ("mariadb", "mysql://u:p@db:3307", [3307]),
        ("mariadb", None, [3306]),
    ],
)
def test_pods_reach_the_database_at_the_port_of_its_address(
    engine: str, address: str | None, ports: list[int]
):
    made = app(database=Database(engine=engine, where="url"))
    secrets = {} if address is None else {"DATABASE_URL": address.encode()}
    policy = export(made, secrets=secrets)["NetworkPolicy", "blog"]
    assert [port["port"] for port in policy["spec"]["egress"][1]["ports"]] == ports
    _, notes = render(made, Options(IMAGE, secrets=secrets))
    assert [note for note in notes if "at port 3306 alone" in note] == [
        note for note in notes if address is None and "NetworkPolicy" in note
    ]


def test_several_pods_and_the_load():
    made = app(scale=Scale(min=2, max=5, cpu=60), limits=Limits(cpu=0.5), volume=(Volume("a", "/srv/a"),))
    found = export(made)
    assert "replicas" not in found["Deployment", "blog"]["spec"], "each apply would undo the load's"
    assert found["HorizontalPodAutoscaler", "blog"]["spec"]["minReplicas"] == 2
    assert found["PersistentVolumeClaim", "blog-volume-a"]["spec"]["accessModes"] == ["ReadWriteMany"]
    fixed = export(made, replicas=5)
    assert fixed["Deployment", "blog"]["spec"]["replicas"] == 5
    assert ("HorizontalPodAutoscaler", "blog") not in fixed


def test_replicas_of_a_host_are_those_of_the_deployment_unless_an_export_says_otherwise():
    made = app(server=Server("a:b", replicas=3))
    assert export(made)["Deployment", "blog"]["spec"]["replicas"] == 3
    assert export(made, replicas=1)["Deployment", "blog"]["spec"]["replicas"] == 1


def test_a_claim_of_one_node_keeps_its_pods_together_and_an_exclusive_one_has_one_pod():
    spec = export(app(volume=(Volume("a", "/srv/a", "exclusive"),)))["Deployment", "blog"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 1
    assert "podAffinity" in spec["template"]["spec"]["affinity"]


def test_a_diff_names_what_changes_and_hides_values():
    made = app(env=Env(generated=("KEY",)))
    old, _ = render(made, Options(IMAGE, secrets={"KEY": b"one"}))
    new, _ = render(made, Options(IMAGE, secrets={"KEY": b"two"}, replicas=2))
    assert list(diff.compare(old, old)) == []
    text = "\n".join(diff.compare(old, new))
    assert "+  replicas: 2" in text
    assert "--- Secret/blog" in text
    assert "b25l" not in text
    assert "dHdv" not in text
    assert "+++ /dev/null" in "\n".join(diff.compare(old, []))


def test_a_kustomize_base_has_a_file_for_each_kind():
    objects, _ = render(app(process=(Process("w", ("x",)),)), Options(IMAGE))
    files = kustomize.base(objects)
    assert set(files) == {kustomize.KUSTOMIZATION, *(f"{item['kind'].lower()}.yaml" for item in objects)}
    assert files["deployment.yaml"].count("kind: Deployment\n") == 2
