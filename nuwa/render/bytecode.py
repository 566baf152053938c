"""Run by the Python of an image as `python -c`: it compiles the renderer for itself.

Reads the archive with its modules as source and prints it with bytecode in their place, which is not checked
against a source (PEP 552): there is none. One Python makes the same bytes of the same archive.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import sys
import zipfile

UNCHECKED_HASH = 1


def main() -> None:
    """Exit code 1 with a traceback where a module cannot be compiled."""
    made = io.BytesIO()
    sources = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
    with sources, zipfile.ZipFile(made, "w") as archive:
        for entry in sources.infolist():
            content = sources.read(entry)
            if entry.filename.endswith(".py"):
                content = compiled(content, entry.filename)
                entry.filename += "c"
            archive.writestr(entry, content, compresslevel=9)
    sys.stdout.buffer.write(made.getvalue())


def compiled(source: bytes, name: str) -> bytes:
    """What a file with the bytecode of a module holds; `name` is for tracebacks."""
    code = compile(source, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + bytes(8)
    return head + marshal.dumps(code)


if __name__ == "__main__":
    main()
