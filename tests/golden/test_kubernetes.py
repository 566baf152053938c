"""Manifests and choices in, the objects of Kubernetes out: compared to the letter, and shown to schemas."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate.utils
import pytest
from kubernetes_case import CASES, Case

from nuwa.kubernetes import kustomize, yaml_text

OLDEST, NEWEST = "1.27", kubernetes_validate.latest_version()
"""The oldest has CronJobs with a time zone, and probes, as they are written here."""
SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/gateway-api.schema.json").read_text())

# Each object would read the same megabytes again.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

every_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: case.expected.parent.name + "-" + case.name
)
rendered = pytest.mark.parametrize(
    "case", [case for case in CASES if not case.text.startswith("# refused")], ids=lambda case: case.name
)


@every_case
def test_objects_are_what_they_were(case: Case, request: pytest.FixtureRequest):
    if request.config.getoption("update_golden"):
        case.expected.write_text(case.text)
    assert case.expected.read_text() == case.text


@rendered
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid_without_unknown_fields(case: Case, version: str):
    for made in yaml_text.read(case.text):
        if made["apiVersion"].startswith("gateway."):
            jsonschema.validate(made, {**SCHEMAS, "$ref": f"#/$defs/{made['kind']}"})
        else:
            kubernetes_validate.validate(made, version, strict=True)


def test_an_unknown_field_is_found():
    made = next(
        made for case in CASES if case.name == "full" for made in case.objects if made["kind"] == "Job"
    )
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**made, "spec": {**made["spec"], "retries": 1}}, NEWEST, strict=True)


@rendered
def test_what_is_written_is_read_back_as_it_was(case: Case):
    assert yaml_text.read(yaml_text.write(case.objects)) == case.objects


@rendered
def test_every_pod_passes_the_restricted_profile(case: Case):
    for made in case.objects:
        template = made.get("spec", {}).get("jobTemplate", made).get("spec", {}).get("template")
        if template is None:
            continue
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
        allowed = {"emptyDir", "secret", "persistentVolumeClaim", "projected"}
        assert {key for volume in spec["volumes"] for key in volume} <= {"name", *allowed}


def kubectl(*words: str | Path) -> str:
    found = shutil.which("kubectl")
    assert found, "kubectl is missing: apt-get install kubernetes-client (Debian 13 and newer)"
    done = subprocess.run([found, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.given or case.name == "hostile"],
    ids=lambda case: case.name,
)
def test_kustomize_builds_base_and_overlay(case: Case, tmp_path: Path):
    claims = [made["metadata"]["name"] for made in case.objects if made["kind"] == "PersistentVolumeClaim"]
    text = kustomize.overlay(case.app.name, claims)
    # With the examples of its comments.
    begin, _, examples = text.partition("\n# Where everything goes:\n")
    lines = [line[2:] for line in examples.splitlines() if line.startswith("# ") and not line.endswith(":\n")]
    taken_in = "\n".join(line for line in lines if not line.startswith("Changes to"))
    folders = {"base": kustomize.base(case.objects), "overlays/a": {kustomize.KUSTOMIZATION: text}}
    folders["overlays/b"] = {kustomize.KUSTOMIZATION: f"{begin}\n{taken_in}\n"}
    for folder, files in folders.items():
        (tmp_path / folder).mkdir(parents=True)
        for name, content in files.items():
            (tmp_path / folder / name).write_text(content)
    base = [tmp_path / "base" / name for name in folders["base"] if name != kustomize.KUSTOMIZATION]
    files = [word for file in base for word in ("-f", file)]
    # Read as kubectl reads what it applies, without a cluster.
    kubectl("annotate", "--local", "--dry-run=client", *files, "read=yes", "-o", "name")
    built = yaml_text.read(kubectl("kustomize", tmp_path / "overlays/a"))
    assert sorted(map(str, built)) == sorted(map(str, yaml_text.read(yaml_text.write(built))))
    key = lambda made: (made["kind"], made["metadata"]["name"])  # noqa: E731 - a key for two sorts
    assert sorted(built, key=key) == sorted(case.objects, key=key)
    if not case.options.podman:
        changed = yaml_text.read(kubectl("kustomize", tmp_path / "overlays/b"))
        assert {made["metadata"]["namespace"] for made in changed} == {case.app.name}
        jobs = [made["spec"].get("jobTemplate", made)["spec"] for made in changed if "spec" in made]
        templates = [spec["template"]["spec"] for spec in jobs if "template" in spec]
        assert templates
        assert [spec["imagePullSecrets"] for spec in templates] == [[{"name": "registry"}]] * len(templates)
