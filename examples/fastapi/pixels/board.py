"""The board: one byte per pixel, an index into the palette; and how it survives the process."""

import os
import tempfile
from pathlib import Path

WIDTH, HEIGHT = 48, 32
COLOURS = 12


class Board:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.changed = False
        self.cells = bytearray(WIDTH * HEIGHT)
        if path.exists() and len(saved := path.read_bytes()) == len(self.cells):
            self.cells[:] = saved

    def paint(self, change: bytes) -> bool:
        """Apply one change: x, y and colour, a byte each. False if it is not a valid one."""
        if len(change) != 3 or change[0] >= WIDTH or change[1] >= HEIGHT or change[2] >= COLOURS:
            return False
        self.cells[change[1] * WIDTH + change[0]] = change[2]
        self.changed = True
        return True

    def save(self) -> None:
        """Write the board next to the file, then replace the file: a crash leaves the old one intact."""
        if not self.changed:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as file:
            file.write(self.cells)
            os.fsync(file.fileno())
        os.replace(file.name, self.path)
        self.changed = False
