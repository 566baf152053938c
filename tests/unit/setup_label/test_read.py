"""A Setup label is told apart without being run: what it holds, and whether it is nuwa's own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import lzma
import tarfile

import pytest

from nuwa.engine import Image
from nuwa.errors import NuwaError
from nuwa.image.inspection import Inspection, LayerSize, layers
from nuwa.image.signatures import policy_for
from nuwa.manifest.model import App, AppSection, Cron, Process, Server, from_json, to_json
from nuwa.setup_label import read, write

APP = App(
    AppSection("shop", "1"),
    Server("a:b"),
    process=(Process("worker", ("python", "work.py")),),
    cron=(Cron("tidy", "@daily", ("true",)),),
)
SCRIPT = write.setup_script(APP)


def test_reads_what_a_label_would_write():
    label = read.read(SCRIPT)
    assert label.app == "shop"
    assert {name: text.decode() for name, text in label.files.items()} == {
        f"bin/{name}": text for name, text in write.bin_files(APP).items()
    }
    assert label.genuine
    assert label.sha256 == hashlib.sha256(SCRIPT.encode()).hexdigest()


def test_a_label_holds_nothing_that_podman_changes_on_its_way_into_an_image():
    for label in (SCRIPT, write.run_setup()):
        assert label.isascii()
        assert label.isprintable(), "version 5 spells line breaks and other controls out"
        assert "$" not in label, "version 5 expands variables"


def text(**files):
    return lzma.compress(b"".join(b"\x1e755 %s\n%s" % (name.encode(), files[name]) for name in files))


def tar(**files):
    """As labels of earlier releases have it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz") as opened:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("set -euo pipefail", "set -euo pipefail; touch /evil"),
        lambda text: text + "touch /evil\n",
        lambda text: text.replace("exec bash", "touch /evil; exec bash"),
    ],
)
def test_a_changed_script_is_not_taken_for_nuwas_own(change):
    assert not read.read(change(SCRIPT)).genuine


def test_a_changed_script_inside_is_not_taken_for_nuwas_own():
    packed = next(word for word in SCRIPT.split() if word.startswith("packed="))
    inner = gzip.decompress(base64.b64decode(packed.removeprefix("packed="))).decode()
    changed = inner.replace('main "$@"', 'touch /evil; main "$@"')
    assert changed != inner
    again = base64.b64encode(gzip.compress(changed.encode())).decode()
    sums = [hashlib.sha256(text.encode()).hexdigest() for text in (inner, changed)]
    label = read.read(SCRIPT.replace(packed, f"packed={again}").replace(*sums))
    assert not label.genuine


def test_other_compression_of_the_same_is_still_nuwas_own():
    same = write.framed(
        "shop", text(**{f"bin/{name}": text.encode() for name, text in write.bin_files(APP).items()})
    )
    assert same != SCRIPT
    assert read.read(same).genuine


@pytest.mark.parametrize(
    "script",
    [
        "",
        "#!/bin/sh\necho hello\n",
        "packed=!!!\n",
        "packed=aGVsbG8=\n",
        SCRIPT.replace("packed=", "packed=AAAA", 1),
        "packed=" + base64.b64encode(gzip.compress(b"0" * 5_000_000)).decode() + "\n",
    ],
)
def test_what_is_no_label_of_nuwa_is_refused(script):
    with pytest.raises(NuwaError, match="cannot be read"):
        read.read(script)


def test_a_wrong_checksum_is_refused():
    packed = next(word for word in SCRIPT.split() if word.startswith("packed="))
    other = next(
        word for word in write.framed("shop", text(**{"bin/run": b"x"})).split() if word.startswith("packed=")
    )
    with pytest.raises(NuwaError, match="checksum"):
        read.read(SCRIPT.replace(packed, other))


@pytest.mark.parametrize("pack", [text, tar])
@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "bin/../x", "bin/a/b", "bin/-x", "etc/x", "bin/a b"])
def test_files_outside_bin_are_refused(name, pack):
    with pytest.raises(NuwaError, match="it would write"):
        read.read(write.framed("shop", pack(**{name: b"x"})))


def test_a_label_of_an_earlier_release_is_read():
    label = read.read(write.framed("shop", tar(**{"bin/run": b"x\n", "bin/lib/app": b"y\n"})))
    assert label.files == {"bin/run": b"x\n", "bin/lib/app": b"y\n"}


def test_links_are_refused():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz") as opened:
        link = tarfile.TarInfo("bin/run")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    with pytest.raises(NuwaError, match="it would write 'bin/run'"):
        read.read(write.framed("shop", made.getvalue()))


def inspection(script):
    label = read.read(script)
    app = from_json(App, json.loads(json.dumps(to_json(APP))))
    return Inspection(Image("x", (), {}, 1, (), {}), app, label, ())


def test_says_which_scripts_this_version_would_write_otherwise():
    assert inspection(SCRIPT).changed_scripts == ()
    files = {f"bin/{name}": text.encode() for name, text in write.bin_files(APP).items()}
    changed = {**files, "bin/run": b"evil", "bin/more": b"x"}
    del changed["bin/logs"]
    found = inspection(write.framed("shop", text(**changed)))
    assert found.changed_scripts == ("bin/logs", "bin/more", "bin/run")
    assert found.setup.genuine


def test_names_the_services_of_an_app():
    assert inspection(SCRIPT).services == {
        "server": "gunicorn, a:b",
        "rsyslogd": "log",
        "cron": "tidy (@daily)",
        "process-worker": "python work.py",
    }


def test_reads_the_layers_from_the_history():
    history = [
        {"CreatedBy": "nuwa app", "size": 300},
        {"CreatedBy": '/bin/sh -c #(nop) LABEL "io.nuwa.layer"="base"', "size": 200},
        {"CreatedBy": "/bin/sh -c #(nop) ENV X=y", "size": 0},
        {"CreatedBy": "", "size": 100},
        {"size": 0},
    ]
    assert layers(history) == (LayerSize("", 100), LayerSize("base", 200), LayerSize("app", 300))


def test_reads_the_layers_where_podman_kept_each_step():
    history = [
        {"CreatedBy": "/bin/sh -c #(nop) LABEL x=y", "size": 0},
        {"CreatedBy": '/bin/sh -c #(nop) LABEL "io.nuwa.layer"="app"', "size": 0},
        {"CreatedBy": "/bin/sh -c #(nop) COPY file:x in /", "size": 300},
        {"CreatedBy": '/bin/sh -c #(nop) LABEL "io.nuwa.layer"="base"', "size": 0},
        {"CreatedBy": "/bin/sh -c #(nop) ADD file:x in /", "size": 200},
        {"CreatedBy": "", "size": 100},
        {"size": 0},
    ]
    assert layers(history) == (LayerSize("", 100), LayerSize("base", 200), LayerSize("app", 300))
    assert layers([]) == ()


ACCEPT, REJECT = {"type": "insecureAcceptAnything"}, {"type": "reject"}
SIGNED = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/key.gpg"}


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        ({}, "anything is accepted"),
        ({"": [REJECT]}, "nothing from there is accepted"),
        ({"r.example": [SIGNED]}, "a GPG signature is required by /etc/key.gpg"),
        ({"r.example": [REJECT], "r.example/team": [SIGNED]}, "a GPG signature is required"),
        ({"r.example/team": [REJECT], "r.example/team/shop:1": [SIGNED]}, "a GPG signature is required"),
        ({"r.example/other": [REJECT]}, "anything is accepted"),
        ({"*.example": [REJECT]}, "nothing from there is accepted"),
    ],
)
def test_says_what_the_signature_policy_demands(tmp_path, scopes, words):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"default": [ACCEPT], "transports": {"docker": scopes}}))
    assert policy_for("r.example/team/shop:1", file).startswith(words)


def test_a_missing_or_broken_policy_is_said(tmp_path):
    file = tmp_path / "policy.json"
    assert "podman pulls nothing" in policy_for("x", file)
    file.write_text("{")
    with pytest.raises(NuwaError, match="cannot be read"):
        policy_for("x", file)
