"""The configuration's file, and its applied revisions."""

from __future__ import annotations

import contextlib
import time

from nuwa.agent.config.resolved import EMPTY, revision
from nuwa.agent.database import Database
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Revision
from nuwa.errors import NuwaError

KEPT_REVISIONS = 200


class Configurations:
    """Stores configurations."""

    def __init__(self, paths: Paths, database: Database) -> None:
        self._paths = paths
        self._database = database

    def content(self) -> bytes:
        """The file's content; an empty configuration if there is none."""
        try:
            return self._paths.config.read_bytes()
        except FileNotFoundError:
            return EMPTY.encode()

    def revision(self) -> str:
        """The revision of the file's content."""
        return revision(self.content().decode("utf-8-sig", "replace"))

    def remember(self, who: str) -> None:
        """Store the present content as an applied revision; if it cannot be stored, that is not an error."""
        content = self.content().decode("utf-8-sig")
        insert = "insert or replace into configurations values (?, ?, ?, ?)"
        kept = "select revision from configurations order by rowid desc limit ?"
        with contextlib.suppress(NuwaError), self._database.change() as change:
            change.execute(insert, (revision(content), time.time(), who, content))
            change.execute(
                f"delete from configurations where revision not in ({kept})",  # noqa: S608 - it is above
                (KEPT_REVISIONS,),
            )

    def history(self) -> list[Revision]:
        """The applied revisions, the newest first."""
        rows = self._database.rows("select revision, time, who from configurations order by rowid desc")
        return [{"revision": row["revision"], "time": row["time"], "who": row["who"]} for row in rows]

    def find(self, name: str) -> str | None:
        """The content of a revision."""
        row = self._database.row("select content from configurations where revision = ?", name)
        return str(row["content"]) if row else None
