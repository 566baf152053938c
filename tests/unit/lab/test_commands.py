from nuwa.lab import commands
from nuwa.lab.model import Lab

HOST = Lab("e2e").host(2)
BOTH = [
    *("run", "--detach", "--pull=never", "--name", "nuwa-lab-e2e-2", "--hostname", "host2"),
    *("--label", "io.nuwa.lab=nuwa-lab-e2e", "--label", "io.nuwa.lab.host=2"),
    *("--network", "nuwa-lab-e2e", "--network-alias", "host2", "--network-alias", "host2.lab.test"),
    *("--privileged", "--cgroupns=private", "--stop-signal", "SIGRTMIN+3", "--pids-limit=-1"),
    *("--tmpfs", "/run:mode=755,exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:mode=1777,exec"),
]
END = [
    *("--volume", "nuwa-lab-e2e-2-containers:/var/lib/containers"),
    *("--publish", "127.0.0.1:8444:443", "--publish", "127.0.0.1:8081:80", "sha"),
]


def test_on_cgroup_v1_systemd_prepares_itself() -> None:
    argv = commands.create_host(HOST, "sha", {443: 8444, 80: 8081}, cgroup2=False)
    assert argv == [*BOTH, *commands.CGROUP1_OPTIONS, *END]
    assert "--systemd=false" in argv


def test_on_cgroup_v2_podman_prepares_systemd() -> None:
    argv = commands.create_host(HOST, "sha", {443: 8444, 80: 8081}, cgroup2=True)
    assert argv == [*BOTH, "--systemd=always", *END]


def test_everything_that_a_lab_makes_carries_its_label() -> None:
    made = [commands.create_network(Lab()), commands.create_volume(Lab().host(1))]
    assert all("io.nuwa.lab=nuwa-lab" in argv for argv in made)
    assert "label=io.nuwa.lab=nuwa-lab" in commands.list_volumes(Lab())
