"""The second factor: which codes count, when, and how often."""

from __future__ import annotations

import re
from pathlib import Path

import pyotp
import pytest

from nuwa.access import second_factor
from nuwa.access.token_file import TokenFile
from nuwa.dashboard.access import Access
from nuwa.dashboard.second_factor import TICKET_S, SecondFactor

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY = ["a1b2c-3d4e5", "00000-11111"]


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Door:
    def __init__(self, root: Path) -> None:
        self.clock, self._root = Clock(), root
        self.file = TokenFile(root / "tokens.json", root / "lock")
        self.token = self.file.add("ada", "configure", ())
        self.enrol(SECRET)
        self.restart()

    def enrol(self, secret: str) -> None:
        digests = tuple(map(second_factor.digest_of, RECOVERY))
        self.file.update("ada", totp=secret, recovery=digests)

    def restart(self) -> None:
        self.access = Access(self._root / "token", self._root / "tokens.json")
        self.factor = SecondFactor(self.access, self._root / "used.json", self.clock)

    def code(self, offset: int = 0, secret: str = SECRET) -> str:
        return pyotp.TOTP(secret).at(int(self.clock.now) + offset * 30)

    def accept(self, code: str) -> str:
        return self.factor.accept("ada", code)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_a_code_of_now_counts_and_those_next_to_it(door: Door) -> None:
    for offset in (-1, 0, 1):
        assert door.accept(door.code(offset)) == "code"
    for offset in (-2, 2, 20):
        assert door.accept(door.code(offset)) == ""


def test_a_code_counts_once_also_after_a_restart(door: Door) -> None:
    code = door.code()
    assert door.accept(f" {code[:3]} {code[3:]}") == "code"
    assert door.accept(code) == ""
    door.restart()
    assert door.accept(code) == ""
    assert door.accept(door.code(-1)) == "", "nor does one that is older than the one that was used"
    door.clock.now += 30
    assert door.accept(door.code()) == "code"


def test_a_recovery_code_counts_once_however_it_is_typed(door: Door) -> None:
    assert door.accept("A1B2C 3D4E5") == "recovery"
    assert door.accept("a1b2c-3d4e5") == ""
    door.restart()
    assert door.accept("a1b2c3d4e5") == ""
    assert door.accept("00000-11111") == "recovery"


@pytest.mark.parametrize(
    "code",
    ["", "0", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "\ud800", "0" * 5000],
)
def test_what_is_no_code_is_refused(door: Door, code: str) -> None:
    assert door.accept(code) == ""


def test_a_new_enrolment_has_codes_of_its_own(door: Door) -> None:
    door.accept(RECOVERY[0])
    other = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
    door.enrol(other)
    assert door.accept(door.code()) == ""
    assert door.accept(door.code(secret=other)) == "code"
    assert door.accept(RECOVERY[0]) == "recovery"


def test_without_an_enrolment_no_code_counts(door: Door) -> None:
    door.file.update("ada", totp="", recovery=())
    assert door.accept(door.code()) == ""
    assert door.accept(RECOVERY[0]) == ""
    assert door.factor.accept("host", door.code()) == ""


def test_a_ticket_is_for_one_token_and_five_minutes(door: Door) -> None:
    ticket = door.factor.ticket("ada")
    assert door.factor.name_of(ticket) == "ada"
    door.file.add("bob", "see", ())
    assert door.factor.name_of(ticket.replace("ada", "bob")) is None
    assert door.factor.name_of(ticket[:-1] + ("0" if ticket[-1] != "0" else "1")) is None
    assert door.factor.name_of("") is None
    door.clock.now += TICKET_S
    assert door.factor.name_of(ticket) is None


def test_a_ticket_ends_with_its_token(door: Door) -> None:
    ticket = door.factor.ticket("ada")
    door.file.remove("ada")
    assert door.factor.name_of(ticket) is None


def test_an_app_gets_what_it_has_to_know() -> None:
    uri = second_factor.uri(SECRET, "ada", "web1")
    assert uri == f"otpauth://totp/nuwa:ada%40web1?secret={SECRET}&issuer=nuwa"
    assert len(second_factor.new_secret()) == 32
    codes = second_factor.new_recovery_codes()
    assert len(set(codes)) == 8


def test_recovery_codes_can_be_typed_where_a_phone_offers_digits_alone() -> None:
    for code in second_factor.new_recovery_codes():
        assert re.fullmatch(r"[0-9]{6}-[0-9]{6}", code)
        assert second_factor.digest_of(code) == second_factor.digest_of(code.replace("-", ""))
