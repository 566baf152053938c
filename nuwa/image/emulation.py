"""Builds for another processor run its programs by emulation: QEMU, which the kernel starts for them.

`/proc/sys/fs/binfmt_misc` shows which files the kernel passes to which interpreter ("Kernel Support for
miscellaneous Binary Formats" in its documentation).
"""

from __future__ import annotations

import platform
from pathlib import Path

from nuwa import architecture
from nuwa.errors import BuildError

REGISTERED = Path("/proc/sys/fs/binfmt_misc")
_HEADERS = {
    name: b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + number + b"\x00"
    for name, number in {"amd64": b"\x3e", "arm64": b"\xb7"}.items()
}
"""The first bytes of a program: ELF, 64-bit, little-endian, executable, and the number of its processor."""
_REGISTER = "systemctl restart systemd-binfmt"
_INSTALL = {
    # mmdebstrap, which makes the bare Debian, needs arch-test.
    "debian": f"apt-get install arch-test qemu-user-static && {_REGISTER}",
    "fedora": f"dnf install qemu-user-static && {_REGISTER}",
    "arch": f"pacman -S qemu-user-static qemu-user-static-binfmt && {_REGISTER}",
    "suse": f"zypper install qemu-linux-user && {_REGISTER}",
}


def check(wanted: str, registered: Path = REGISTERED) -> None:
    """Refuse to build for an architecture whose programs do not run here.

    Args:
        wanted: an architecture that is not this machine's.

    Raises:
        BuildError: the kernel has no interpreter for them that containers see too; the hint has the command.
    """
    what = f"this machine is {architecture.here()} and cannot run programs for {wanted}"
    if not (registered / "status").exists():
        raise BuildError(
            f"{what}: the kernel's binfmt_misc is not mounted",
            hint=f"As root: mount -t binfmt_misc binfmt_misc {registered}\n{_remedy(wanted)}",
        )
    found = [text for text in map(_read, sorted(registered.iterdir())) if _takes(text, _HEADERS[wanted])]
    if not found:
        raise BuildError(f"{what}: no emulator is registered", hint=_remedy(wanted))
    if not any("F" in _fields(text).get("flags:", "") for text in found):
        raise BuildError(
            f"{what} in containers: its emulator is registered without the flag F",
            hint=_remedy(wanted),
        )


def _remedy(wanted: str) -> str:
    command = next((_INSTALL[name] for name in _distributions() if name in _INSTALL), "")
    first = (
        f"As root: {command}"
        if command
        else "Install QEMU's static user emulation, and register it (systemd-binfmt)."
    )
    return f"{first}\nOr build on a machine of the architecture {wanted}: nuwa deploy --build-on HOST TARGET"


def _distributions() -> list[str]:
    """This machine's distribution, then those that it names in ID_LIKE."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return []
    names = [found.get("ID", ""), *found.get("ID_LIKE", "").split()]
    # Rocky Linux and its relatives have no such package, though they name Fedora in ID_LIKE.
    return [] if "rhel" in names else names


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name: value for name, _, value in pairs}


def _takes(text: str, header: bytes) -> bool:
    """Whether an entry is enabled, and matches a file that starts with this header."""
    fields = _fields(text)
    if not text.startswith("enabled") or fields.get("offset") != "0":
        return False
    magic = bytes.fromhex(fields.get("magic", ""))
    mask = bytes.fromhex(fields.get("mask", "")) or b"\xff" * len(magic)
    return (
        bool(magic)
        and len(magic) <= len(header)
        and all(have & keep == want & keep for have, want, keep in zip(header, magic, mask, strict=False))
    )
