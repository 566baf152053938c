"""The command line of the container: what the manifest asks for and what this host can do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nuwa.manifest.data import Volume
from nuwa.manifest.model import Hooks, Limits
from nuwa.names import CAPABILITIES
from nuwa.process import run
from nuwa.render.container import hook_run, make_network, once_run, podman_run, rehearsal_run, warnings
from nuwa.render.facts import FactsError
from unit.render.sample import MEDIA, app, host


def options(app_, host_) -> list[str]:
    return [word for word in podman_run(app_, host_) if word.startswith("--")]


def test_the_image_is_the_last_word():
    assert podman_run(app(), host())[-1] == "ab" * 32


def test_only_the_machine_itself_reaches_the_port():
    published = [word for word in options(app(), host()) if word.startswith("--publish=")]
    assert published == ["--publish=127.0.0.1:18000:8000"]


def test_the_container_keeps_the_named_capabilities_and_no_others():
    words = options(app(), host())
    assert "--cap-drop=all" in words
    assert {word for word in words if word.startswith("--cap-add=")} == {
        f"--cap-add={name}" for name in CAPABILITIES
    }
    assert {"--read-only", "--security-opt=no-new-privileges"} <= set(words)


def test_secrets_are_mounted_and_never_an_argument():
    words = options(app(), host())
    assert "--volume=/srv/blog/volumes/secrets:/run/secrets:ro,nosuid,nodev" in words
    assert [word.split("=")[1] for word in words if word.startswith("--env=")] == [
        "S6_READ_ONLY_ROOT",
        "NUWA_SLOT",
        "NUWA_RUNTIME",
        "NUWA_SOCKET",
        "NUWA_HOST",
        "NUWA_DOMAINS",
    ]


def test_variables_of_the_host_reach_every_container_of_the_app():
    known = host(variables={"B": "1", "A": "two words"})
    hooked = app(hooks=Hooks(release=("x",)))
    for words in (podman_run(app(), known), hook_run(hooked, known), once_run(app(), known)):
        own = [word for word in words if word.startswith(("--env=A=", "--env=B="))]
        assert own == ["--env=A=two words", "--env=B=1"]


def test_a_one_off_command_is_no_slots_and_follows_the_image():
    words = once_run(app(), host())
    assert words[-2:] == ("--entrypoint=/usr/lib/nuwa/run-once", "ab" * 32)
    assert not [word for word in words if word.startswith(("--name", "--publish", "--env=NUWA_SLOT"))]
    assert "--volume=/srv/blog/volumes/secrets:/run/secrets:ro,nosuid,nodev" in words


@pytest.mark.parametrize(("selinux", "label"), [(False, ""), (True, ",z")])
def test_a_slot_sees_which_one_serves_and_shares_the_jobs_folder(selinux: bool, label: str):
    words = options(app(), host(selinux=selinux))
    folder = "/run/nuwa-app/blog"
    assert f"--volume={folder}:{folder}:ro,nosuid,nodev{label}" in words
    assert f"--volume={folder}/jobs:{folder}/jobs:rw,nosuid,nodev{label}" in words
    assert {"--env=NUWA_SLOT=blue", f"--env=NUWA_RUNTIME={folder}"} <= set(words)


def test_a_rehearsal_is_a_slot_that_never_serves():
    words = rehearsal_run(app(), host())
    assert "--env=NUWA_SLOT=rehearsal" in words
    assert not [word for word in words if "/run/nuwa-app" in word]


def test_the_socket_has_one_path_inside_and_outside_by_which_its_connections_are_counted():
    words = options(app(), host())
    folder = "/run/nuwa-app/blog/blue"
    assert f"--volume={folder}:{folder}:rw,nosuid,nodev" in words
    assert f"--env=NUWA_SOCKET={folder}/server.sock" in words


@pytest.mark.parametrize(
    ("policy", "selinux", "mounted"),
    [
        ("shared", False, "rw,nosuid,nodev"),
        ("shared", True, "rw,nosuid,nodev,z"),
        ("exclusive", True, "rw,nosuid,nodev,Z"),
        ("read-only", False, "ro,nosuid,nodev"),
    ],
)
def test_a_volume_is_mounted_by_its_policy(policy, selinux: bool, mounted: str):
    volume = Volume(name="media", path="/srv/media", policy=policy)
    words = options(app(volume=(volume,)), host(selinux=selinux))
    assert f"--volume=/srv/blog/volumes/media:/srv/media:{mounted}" in words


def test_limits_become_options():
    limits = Limits(
        memory_max=2**30, memory_low=2**27, memory_high=2**29, cpu=1.5, pids=99, open_files=4096, io_weight=7
    )
    assert options(app(limits=limits), host())[-8:] == [
        "--pids-limit=99",
        "--memory=1073741824",
        "--memory-swap=1073741824",
        "--memory-reservation=134217728",
        "--cgroup-conf=memory.high=536870912",
        "--cpus=1.5",
        "--cgroup-conf=io.weight=7",
        "--ulimit=nofile=4096:4096",
    ]


@pytest.mark.parametrize(("weight", "blkio"), [(1, 10), (100, 19), (10000, 1000)])
def test_the_share_of_the_disk_on_an_old_cgroup(weight: int, blkio: int):
    assert f"--blkio-weight={blkio}" in options(app(limits=Limits(io_weight=weight)), host(cgroup=1))


def test_what_the_host_cannot_do_is_left_out_and_said():
    wanting = app(limits=Limits(memory_high=2**29, io_weight=50))
    old = host(cgroup=1, io_weight=False, podman="4.2.0")
    words = " ".join(options(wanting, old))
    assert "memory.high" not in words
    assert "weight" not in words
    assert "health-on-failure" not in words
    assert len(warnings(wanting, old)) == 3
    assert warnings(wanting, host()) == []


def test_says_that_selinux_keeps_nginx_from_uploads():
    served = app(volume=(dataclasses.replace(MEDIA, url="/media/"),))
    assert warnings(served, host()) == []
    (said,) = warnings(served, host(selinux=True))
    assert "volume[0].url" in said


def test_no_limits_means_that_only_processes_are_limited():
    assert not [
        word for word in options(app(), host()) if "memory" in word or "cpus" in word or "ulimit" in word
    ]


def test_the_release_hook_sees_what_the_app_sees():
    hooked = app(volume=(MEDIA,), hooks=Hooks(release=("migrate",)), limits=Limits(memory_max=2**28))
    words = hook_run(hooked, host())
    shared = [
        word
        for word in podman_run(hooked, host())
        if word.startswith(("--volume=", "--env=", "--memory", "--cap"))
        and "/run/nuwa-app" not in word
        and not word.startswith("--env=NUWA_SLOT=")
    ]
    assert [word for word in words if word in shared] == shared
    assert words[-2:] == ("ab" * 32, "/usr/lib/nuwa/command/release")
    assert not [word for word in words if word.startswith("--publish=")]


def test_a_rehearsal_sees_what_the_app_sees_but_no_network():
    made = app(volume=(MEDIA,), limits=Limits(memory_max=2**28))
    words = rehearsal_run(made, host())
    shared = [
        word
        for word in podman_run(made, host())
        if word.startswith(("--volume=", "--env=", "--memory", "--cap"))
        and "/run/nuwa-app" not in word
        and not word.startswith("--env=NUWA_SLOT=")
    ]
    assert [word for word in words if word in shared] == shared
    assert "--network=none" in words
    assert not [word for word in words if word.startswith("--publish=")]
    assert "/run/nuwa-app" not in " ".join(words)


def test_without_a_release_hook_there_is_nothing_to_run():
    assert hook_run(app(), host()) == ()


def test_an_app_shares_its_network_with_no_other():
    facts = host(network="10.89.3.0/24")
    assert "--network=nuwa-blog" in podman_run(app(), facts)
    assert "--network=nuwa-blog" in hook_run(app(hooks=Hooks(release=("true",))), facts)
    assert "--network=none" in rehearsal_run(app(), facts)
    [_, _, script] = make_network(app(), facts)
    known, exists, made, *_ = script.split(" || ")
    assert known == "test -s /etc/containers/networks/nuwa-blog.json"
    assert exists == "podman network exists nuwa-blog"
    assert made.startswith("podman network create --disable-dns")
    assert "--opt=isolate=true --subnet=10.89.3.0/24 nuwa-blog" in script


def test_the_network_is_made_unless_podman_has_it_and_also_where_its_file_is_empty(tmp_path: Path) -> None:
    podman, file, said = tmp_path / "podman", tmp_path / "nuwa-blog.json", tmp_path / "said"
    podman.write_text(f'#!/bin/sh\necho "$2" >>{said}\n[ "$2" = create ]\n')
    podman.chmod(0o755)
    *sh, script = make_network(app(), host(network="10.89.3.0/24"))
    words = [*sh, script.replace("/etc/containers/networks", str(tmp_path))]
    for content in (None, ""):
        if content is not None:
            file.write_text(content)
        run(words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
        assert said.read_text().split() == ["exists", "create"]
        said.unlink()
    file.write_text("{}")
    run(words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert not said.exists()


def test_where_a_deployment_has_no_network_of_its_own_it_is_in_podmans():
    assert not any(word.startswith("--network") for word in podman_run(app(), host(network=None)))
    assert make_network(app(), host(network=None)) == ()


@pytest.mark.parametrize("subnet", ["10.89.0.0/33", "x; rm", 5])
def test_a_subnet_that_is_none_is_refused(subnet: object):
    with pytest.raises(FactsError, match="network"):
        host(network=subnet)


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        (Limits(), 256 * 2**20),
        (Limits(memory_max=2**30), 256 * 2**20),
        (Limits(memory_max=2**26), 64 * 2**20),
        (Limits(memory_max=2**30, tmp=2**20), 2**20),
    ],
)
def test_what_is_written_in_memory_has_a_size(limits: Limits, size: int):
    made = app(limits=limits, hooks=Hooks(release=("true",)))
    for words in (podman_run(made, host()), hook_run(made, host()), rehearsal_run(made, host())):
        mounts = [word for word in words if word.startswith("--tmpfs=")]
        assert len(mounts) == 2
        assert all(mount.endswith(f",size={size}") for mount in mounts)
