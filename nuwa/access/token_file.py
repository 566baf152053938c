"""Named tokens: a file of digests, which only root writes and the dashboard reads."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nuwa import files
from nuwa.access.rights import RESERVED, RIGHTS, Grant, Right
from nuwa.errors import NuwaError, UsageError
from nuwa.lock import only_one

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
MAX_TOKENS = 200


@dataclass(frozen=True)
class Token:
    """A stored token. Only its digest is stored: the token's 32 random bytes cannot be derived from it.

    Args:
        digest: SHA-256 of the token.
        key: signs the sessions that were opened with the token; not derived from it, but valid as long.
        created: Unix seconds.
        totp: the secret of the second factor; empty: there is none.
        recovery: digests of the recovery codes, each of which replaces it once.
    """

    name: str
    right: Right
    apps: tuple[str, ...]
    digest: str
    key: str
    created: float
    totp: str = ""
    recovery: tuple[str, ...] = ()

    @property
    def grant(self) -> Grant:
        return Grant(self.name, self.right, self.apps, bool(self.totp))


class Tokens:
    """The tokens of a host, reread when their file changes.

    Args:
        path: the file; while it is missing or damaged, there are no tokens.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}
        self._fault = ""

    def find(self, name: str) -> Token | None:
        """The token of that name."""
        return self.all().get(name)

    def match(self, offered: str) -> Token | None:
        """The token whose digest matches an offered one."""
        digest = digest_of(offered)
        found = [token for token in self.all().values() if hmac.compare_digest(token.digest, digest)]
        return found[0] if found else None

    def all(self) -> Mapping[str, Token]:
        """Every token, by name."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen != self._seen:
                self._tokens, self._seen, self._fault = read(self._path), seen, ""
        except FileNotFoundError:
            self._tokens, self._seen = {}, None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if self._fault != str(error):
                log.warning("named tokens are rejected, since %s cannot be read: %s", self._path, error)
            self._tokens, self._seen, self._fault = {}, None, str(error)
        return self._tokens


def read(path: Path) -> dict[str, Token]:
    """What the file holds.

    Raises:
        OSError, ValueError, KeyError, TypeError: it cannot be read, or is not what `TokenFile` writes.
    """
    items = json.loads(path.read_bytes())["tokens"]
    lists = ("apps", "recovery")
    tokens = [Token(**{**item, **{key: tuple(item.get(key, ())) for key in lists}}) for item in items]
    if any(token.right not in RIGHTS for token in tokens):
        raise ValueError("a right is unknown")
    return {token.name: token for token in tokens}


def stored(path: Path) -> dict[str, Token]:
    """What the file holds; empty if it does not exist.

    Raises:
        NuwaError: it is damaged.
        OSError: this user may not read it.
    """
    try:
        return read(path)
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        hint = f"Restore it, or revoke all tokens: rm {path}"
        raise NuwaError(f"{path} is damaged: {error}", hint=hint) from None


def digest_of(offered: str) -> str:
    return hashlib.sha256(offered.strip().encode("utf-8", "surrogateescape")).hexdigest()


class TokenFile:
    """Changes the file of tokens, one change at a time.

    Args:
        lock: the file of the lock.
        like: a file whose group may read the file of tokens when it is created.
    """

    def __init__(self, path: Path, lock: Path, like: Path | None = None) -> None:
        self._path, self._lock, self._like = path, lock, like

    def add(self, name: str, right: Right, apps: tuple[str, ...]) -> str:
        """Create a token and return it; it is stored nowhere.

        Raises:
            UsageError: the name is invalid or already in use, or there are `MAX_TOKENS` tokens.
        """
        if not NAME.fullmatch(name) or name in RESERVED:
            hint = "Use up to 32 lower-case letters, digits and dashes, beginning with a letter."
            raise UsageError(f"{name!r} is not a valid name for a token", hint=hint)
        made = secrets.token_urlsafe(32)
        token = Token(name, right, apps, digest_of(made), secrets.token_hex(32), time.time())

        def change(tokens: dict[str, Token]) -> None:
            if name in tokens:
                hint = f"Remove it first: nuwa token remove {name}"
                raise UsageError(f"the token {name} already exists", hint=hint)
            if len(tokens) >= MAX_TOKENS:
                raise UsageError(
                    f"there are already {MAX_TOKENS} tokens", hint="Remove one: nuwa token remove NAME"
                )
            tokens[name] = token

        self._change(change)
        return made

    def remove(self, name: str) -> None:
        """Revoke a token; its sessions end.

        Raises:
            UsageError: there is none of that name.
        """
        self._change(lambda tokens: tokens.pop(_known(tokens, name)))

    def update(self, name: str, **values: Any) -> None:
        """Change what is stored of a token; its sessions end, since its key changes.

        Raises:
            UsageError: there is none of that name.
        """

        def change(tokens: dict[str, Token]) -> None:
            tokens[name] = replace(tokens[_known(tokens, name)], key=secrets.token_hex(32), **values)

        self._change(change)

    def _change(self, change: Any) -> None:
        with only_one("tokens", "the tokens are being changed", self._lock):
            tokens = stored(self._path)
            change(tokens)
            value = {"tokens": [asdict(token) for token in tokens.values()]}
            files.write_json(self._path, value, mode=0o640, group=self._group())

    def _group(self) -> int:
        """The dashboard's group, which is that of the files that it reads."""
        known = [path for path in (self._path, self._like) if path and path.exists()]
        return known[0].stat().st_gid if known else -1


def _known(tokens: Mapping[str, Token], name: str) -> str:
    if name not in tokens:
        raise UsageError(f"there is no token {name!r}", hint="nuwa token list shows them")
    return name
