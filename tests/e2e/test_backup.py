"""Archives of the Django site with a real borg: made, rehearsed, damaged, and restored."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.conftest import Deployment, LabHost, eventually

REPOSITORY = "/root/e2e-borg"
WRITER = "e2e-backup"
MAKE_FILES = r"""set -e
mkdir -p volumes/media/e2e/inner; cd volumes/media/e2e
head -c 8000000 /dev/urandom >random
ln random hard; ln -s ../e2e/random soft; ln -s /nowhere dangling; truncate -s 5M sparse
printf 'Grüße' >'a name, with ü'; printf n >$'new\nline "q" -> x'; printf x >$'\xff\xfe bad'; printf d >-dash
ln $'new\nline "q" -> x' also; printf closed >inner/closed; touch -d 2001-02-03T04:05:06 inner/closed
chown -hR 10001:10001 .; chown 0:10001 inner/closed; chmod 0640 inner/closed; chmod 2750 inner
setfattr -n user.colour -v blue random; setfacl -m u:10002:r random"""
TREE = r"""set -e; cd volumes/media/e2e
{
  find . -printf '%P %M %U:%G %n %s %T@ %l\n' | sort
  find . -type f -exec sha256sum {} + | sort
  getfacl -Rnp . | sort; getfattr -Rdh . | sort
} | cat -v"""
"""All that must come back: names, kinds, modes, owners, links, times, bytes, ACLs, attributes."""
LEFT = "podman ps --all --format '{{.Names}}' | sort; ls -A volumes volumes/.nuwa /etc/systemd/system"
DAMAGE = f"""set -e
segment=$(find {REPOSITORY}/data -type f -printf '%s %p\\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
cp -a "$segment" /root/e2e-segment; printf %s "$segment" >/root/e2e-segment.name
middle=$(($(stat -c %s "$segment") / 2))
printf 'not what was here' | dd of="$segment" bs=1 seek=$middle conv=notrunc status=none"""
MEND = 'cp -a /root/e2e-segment "$(</root/e2e-segment.name)"; rm /root/e2e-segment*'
FORGET_CARDS = f"from postcards.models import Card; Card.objects.filter(name='{WRITER}').delete()"
FORGET = f"""set -e
rm -rf volumes/media/e2e {REPOSITORY}* volumes/.nuwa/former
rm -f volumes/.nuwa/{{repository,repository.used,archives.tsv,rehearsals.tsv,rehearsal.seconds}}
rm -f volumes/.nuwa/private/BORG_PASSPHRASE"""


@dataclass(frozen=True)
class Archived:
    """The site with data that is in an archive."""

    site: Deployment
    tree: str

    def sh(self, script: str) -> str:
        return in_folder(self.site, script)

    def archive(self, words: str, *, code: int = 0) -> str:
        """bin/archive_volumes, and all that it says."""
        return self.script(f"archive_volumes {words}", code=code)

    def script(self, words: str, *, code: int = 0) -> str:
        result = self.site.bin(words, check=False)
        said = result.stdout + result.stderr
        assert result.code == code, said
        return said

    def record(self, name: str) -> str:
        """What the last line of archives.tsv or rehearsals.tsv says of how it ended."""
        return self.sh(f"tail -n 1 volumes/.nuwa/{name}.tsv | cut -f 3")


def in_folder(site: Deployment, script: str) -> str:
    return site.host.out(f"cd {site.directory}\n{script}")


def write_card(site: Deployment, text: str) -> None:
    visitor = site.site
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', visitor.get("/").text)
    assert token
    answer = visitor.post_form("/", {"csrfmiddlewaretoken": token[1], "text": text, "name": WRITER})
    assert answer.status == 302, answer.text


def forget_cards(site: Deployment) -> None:
    site.bin(f'shell python manage.py shell -c "{FORGET_CARDS}"')


@pytest.fixture(scope="module")
def archived(postcards: Deployment) -> Iterator[Archived]:
    in_folder(postcards, MAKE_FILES)
    write_card(postcards, "in the archive")
    made = Archived(postcards, in_folder(postcards, TREE))
    said = made.archive(f"--repository {REPOSITORY}")
    assert "creating a new, encrypted repository" in said
    assert "KEEP A COPY" in said
    assert made.record("archives") == "ok"
    yield made
    forget_cards(postcards)
    in_folder(postcards, FORGET)


def serving(site: Deployment, ended: threading.Event, answers: list[int]) -> None:
    visitor = site.site
    while not ended.wait(0.2):
        answers.append(visitor.get("/").status)


def test_a_rehearsal_finds_a_good_archive_while_the_site_serves(archived: Archived) -> None:
    before, ended, answers = archived.sh(LEFT), threading.Event(), list[int]()
    visitor = threading.Thread(target=serving, args=(archived.site, ended, answers))
    visitor.start()
    try:
        said = archived.archive("--rehearse")
    finally:
        ended.set()
        visitor.join()
    assert "can be restored: the app was started from it and is healthy" in said
    assert archived.record("rehearsals") == "ok"
    assert set(answers) == {200}
    kept = {"rehearsal.seconds", "rehearsals.tsv", "lock.rehearsal"}
    assert set(archived.sh(LEFT).splitlines()) - kept == set(before.splitlines()) - kept


def test_what_was_changed_and_deleted_is_restored_byte_for_byte(archived: Archived) -> None:
    archived.sh(
        "cd volumes/media/e2e && rm -r inner soft && printf other >random && chmod 0777 sparse && echo >new"
    )
    forget_cards(archived.site)
    write_card(archived.site, "younger than the archive")
    assert archived.sh(TREE) != archived.tree
    # What an operator gave the folder for all that is made in it is nothing that the archive has.
    archived.sh("setfacl -d -m u:10003:rwx volumes/.nuwa")
    said = archived.script("restore_volumes --yes")
    archived.sh("setfacl -k volumes/.nuwa")
    assert "volumes/.nuwa/restore loses its ACL" in said
    assert "every restored file has the bytes, owner, mode and time of the archive" in said
    assert "is restored, and the app is healthy with it" in said
    assert archived.sh(TREE) == archived.tree
    page = eventually(lambda: (got := archived.site.site.get("/")).status == 200 and got.text, "the page")
    assert "in the archive" in str(page)
    assert "younger than the archive" not in str(page)
    # What was live is not lost either.
    assert archived.sh("cat volumes/.nuwa/former/volumes/media/e2e/random") == "other"


def test_a_repository_that_was_put_back_is_read_and_taken_when_somebody_says_so(archived: Archived) -> None:
    archived.sh(f"cp -a {REPOSITORY} {REPOSITORY}.before; sleep 1")
    archived.archive("")
    archived.sh(f"rm -r {REPOSITORY}; mv {REPOSITORY}.before {REPOSITORY}")
    for words in ("--list", "--check", "--rehearse"):
        assert "reset to an earlier state. It is only read here" in archived.archive(words)
    said = archived.archive("--yes", code=1)
    assert "reset to an earlier state. If you did this yourself: bin/archive_volumes --yes --accept" in said
    archived.archive("--yes --accept")
    assert "reset to an earlier state" not in archived.archive("--list")


def test_a_repository_that_was_moved_is_taken_by_the_printed_command(archived: Archived) -> None:
    archived.sh(f"mv {REPOSITORY} {REPOSITORY}.moved")
    said = archived.archive(f"--repository {REPOSITORY}.moved", code=1)
    assert "was moved" in said
    archived.sh(said.split("If you did this yourself: ")[1].splitlines()[0])
    archived.sh(f"mv {REPOSITORY}.moved {REPOSITORY}")
    archived.archive(f"--repository {REPOSITORY} --accept")


COMPARE = r"""set -e
cat >bin/compare <<'END'
set -euo pipefail
for part in common host undo secrets database; do source "${BASH_SOURCE[0]%/*}/lib/$part"; done
begin
use_parts prepare
mkdir "$TEMPORARY/new"
for name in pipe link same other; do echo new >"$TEMPORARY/new/$name"; done
printf '%s\0' pipe link same other gone/x | show_initial_changes media "$TEMPORARY/new"
END
cd volumes/media; rm -f pipe link; mkfifo pipe; ln -s ../.nuwa/private/BORG_PASSPHRASE link
echo new >same; printf '\033[31mmine\n' >other; chown -h 10001:10001 pipe link same other
cd ../..; timeout 100 bash bin/compare; rm bin/compare volumes/media/{pipe,link,same,other}
"""


def test_what_the_app_leaves_in_the_place_of_a_file_holds_nobody_up(archived: Archived) -> None:
    said = archived.sh(COMPARE)
    assert "the image has pipe for volumes/media, where it is not a readable file: left unchanged" in said
    assert "the image has link for volumes/media, where it is not a readable file: left unchanged" in said
    assert "other for volumes/media has changed since; yours is kept" in said
    assert "same" not in said
    assert "\033" not in said.encode("unicode_escape").decode()
    assert "[31mmine" in said


def test_a_damaged_repository_is_told_and_touches_nothing(archived: Archived) -> None:
    started = archived.sh(f"podman inspect -f '{{{{.State.StartedAt}}}}' {archived.site.container}")
    archived.sh(DAMAGE)
    try:
        assert f"{REPOSITORY} is damaged" in archived.archive("--check", code=1)
        assert f"{REPOSITORY} is damaged" in archived.archive("--rehearse", code=1)
        assert f"{REPOSITORY} is damaged" in archived.record("rehearsals")
        assert f"{REPOSITORY} is damaged" in archived.script("restore_volumes --yes", code=1)
    finally:
        archived.sh(MEND)
    assert archived.sh(TREE) == archived.tree
    again = archived.sh(f"podman inspect -f '{{{{.State.StartedAt}}}}' {archived.site.container}")
    assert again == started, "the site was restarted"
    assert archived.site.is_healthy()
    assert "is intact" in archived.archive("--check")


def test_a_full_disk_is_told_and_touches_nothing(archived: Archived) -> None:
    small = f"{REPOSITORY}-small"
    archived.sh(f"mkdir {small} && mount -t tmpfs -o size=5m tmpfs {small}")
    try:
        said = archived.archive(f"--repository {small}/borg", code=1)
        assert f"no space is left for {small}/borg" in said
        assert "no space is left" in archived.record("archives")
        archived.sh(f"mkdir {small}/out")
        said = archived.script(f"restore_volumes --repository {REPOSITORY} --to {small}/out", code=1)
        assert f"no space in {small}/out" in said
    finally:
        archived.sh(f"umount {small}")
    assert archived.sh("ls -A volumes/.nuwa/archive 2>/dev/null || true") == ""
    assert archived.sh(TREE) == archived.tree
    assert archived.site.is_healthy()


@pytest.fixture
def own_key(host: LabHost) -> Iterator[None]:
    """Root of the host may log in at the host itself."""
    host.sh(
        "set -e; mkdir -p -m 0700 /root/.ssh; cp -a /root/.ssh /root/e2e-ssh; cd /root/.ssh\n"
        "[[ -e id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -f id_ed25519\n"
        "cat id_ed25519.pub >>authorized_keys; ssh-keyscan localhost >>known_hosts 2>/dev/null"
    )
    yield
    host.sh("rm -rf /root/.ssh && mv /root/e2e-ssh /root/.ssh")


def test_an_archive_goes_over_ssh(archived: Archived, own_key: None) -> None:
    there = f"ssh://root@localhost{REPOSITORY}-far"
    assert f"creating a new, encrypted repository: {there}" in archived.archive(f"--repository {there}")
    name = archived.archive("--list").split()[0]
    archived.sh(f"mkdir {REPOSITORY}-out")
    archived.script(f"restore_volumes --to {REPOSITORY}-out {name}")
    far = archived.sh(f"diff -r --no-dereference volumes/media {REPOSITORY}-out/volumes/media && echo same")
    assert far == "same"


@pytest.fixture
def flood(archived: Archived) -> Iterator[str]:
    """A file that takes borg some seconds."""
    name = "volumes/media/flood"
    archived.sh("rm -rf /root/e2e-{code,said,stop,out}; mkdir /root/e2e-out")
    archived.sh(f"head -c 400M /dev/urandom >{name}")
    yield name
    archived.sh(f"touch /root/e2e-stop; rm -rf {name} /root/e2e-out {REPOSITORY}-cut")


def test_an_archive_that_is_cut_off_on_its_way_is_told_and_the_next_one_is_whole(
    archived: Archived, own_key: None, flood: str
) -> None:
    there = f"ssh://root@localhost{REPOSITORY}-cut"
    making = f"bin/archive_volumes --repository {there} >/root/e2e-said 2>&1; echo $? >/root/e2e-code"
    archived.sh(f"nohup bash -c '{making}' >/dev/null 2>&1 </dev/null &")
    size = f"du -sm {REPOSITORY}-cut 2>/dev/null | cut -f 1"
    eventually(lambda: int(archived.sh(size) or 0) > 50, "a part of it has arrived")
    archived.sh("pkill -9 -f '^ssh .* borg serve'")
    eventually(lambda: archived.sh("cat /root/e2e-code") == "1", "the archive has failed")
    assert f"no connection to {there}, or it was lost" in archived.sh("cat /root/e2e-said")
    assert "no connection to" in archived.record("archives")
    assert archived.sh("ls volumes/.nuwa/archive 2>/dev/null || true") == ""
    archived.archive("")
    assert archived.record("archives") == "ok"
    assert f"{there} is intact" in archived.archive("--check")


def test_a_file_that_changes_while_it_is_read_is_named_and_the_archive_can_be_restored(
    archived: Archived, flood: str
) -> None:
    append = f"until [[ -e /root/e2e-stop ]]; do printf x >>{flood}; sleep 0.02; done"
    archived.sh(f"nohup bash -c '{append}' >/dev/null 2>&1 </dev/null &")
    said = archived.archive(f"--repository {REPOSITORY}")
    assert f"{flood}: file changed while we backed it up" in said
    assert archived.record("archives") == "ok"
    archived.script("restore_volumes --to /root/e2e-out")
    assert archived.sh(f"cmp -n 400000000 {flood} /root/e2e-out/{flood} && echo same") == "same"
