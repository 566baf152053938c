"""Run by an image's Python with `python -c`: compiles the renderer for that Python.

Reads the archive with modules as source, and prints it with their bytecode instead, which is never checked
against a source (PEP 552), since there is none. The same Python makes the same bytes from the same archive.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import sys
import zipfile

UNCHECKED_HASH = 1


def main() -> None:
    """Exits with 1 and a traceback if a module cannot be compiled."""
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
    """The content of a module's bytecode file; `name` is for tracebacks."""
    code = compile(source, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + bytes(8)
    return head + marshal.dumps(code)


if __name__ == "__main__":
    main()
