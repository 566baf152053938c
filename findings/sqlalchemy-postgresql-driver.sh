#!/usr/bin/env bash
# SQLAlchemy 2.1 looks for psycopg 3 where a URL says `postgresql:`, even if psycopg2 is the only driver that is installed.
#
# A good guess: as for twenty years, `postgresql://` means psycopg2; a program that has psycopg2 and no upper limit for
# SQLAlchemy goes on as before, or is told that the default changed.
#
# Seen: `create_engine("postgresql://…")` fails with "No module named 'psycopg'" before anything connects, and says nothing of
# the psycopg2 that is there. 2.0 takes psycopg2. `mysql:` still means mysqldb in both. A URL that names the driver works in
# both, so a tool that hands out a DATABASE_URL has to know the SQLAlchemy of each app.
#
# Versions: SQLAlchemy 2.1.9 and 2.0.58, psycopg2-binary 2.9.12.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

ask() {
  "$WORK/venv/bin/python" - "$1" <<'PYTHON' 2>&1 | tail -n 1
import sys
from sqlalchemy import create_engine

print(create_engine(sys.argv[1]).dialect.driver)
PYTHON
}

main() {
  python_with SQLAlchemy==2.1.9 psycopg2-binary==2.9.12
  expect '2.1, postgresql:' "ModuleNotFoundError: No module named 'psycopg'" "$(ask postgresql://u:p@127.0.0.1/d)"
  expect '2.1, postgresql+psycopg2:' psycopg2 "$(ask postgresql+psycopg2://u:p@127.0.0.1/d)"
  expect '2.1, mysql:' "ModuleNotFoundError: No module named 'MySQLdb'" "$(ask mysql://u:p@127.0.0.1/d)"
  python_with SQLAlchemy==2.0.58 psycopg2-binary==2.9.12
  expect '2.0, postgresql:' psycopg2 "$(ask postgresql://u:p@127.0.0.1/d)"
  finish
}

main "$@"
