import tempfile
import unittest
from pathlib import Path

from fastapi.testclient import TestClient

from pixels import main
from pixels.board import HEIGHT, WIDTH, Board


class PixelsTest(unittest.TestCase):
    def setUp(self):
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "volume" / "board"
        main.board = Board(self.file)
        main.visitors.clear()

    def test_one_paints_and_the_other_sees_it(self):
        with TestClient(main.app) as client, client.websocket_connect("/paint") as ada:
            self.assertEqual(ada.receive_bytes(), bytes(WIDTH * HEIGHT))
            self.assertEqual(ada.receive_text(), "1")
            with client.websocket_connect("/paint") as bob:
                bob.receive_bytes()
                self.assertEqual((ada.receive_text(), bob.receive_text()), ("2", "2"))
                ada.send_bytes(bytes([3, 4, 5]))
                self.assertEqual(bob.receive_bytes(), bytes([3, 4, 5]))
                ada.receive_bytes()
                bob.close()
                self.assertEqual(ada.receive_text(), "1")

    def test_the_board_outlives_the_process(self):
        with TestClient(main.app) as client, client.websocket_connect("/paint") as ada:
            ada.receive_bytes()
            ada.receive_text()
            ada.send_bytes(bytes([1, 2, 3]))
            ada.receive_bytes()
        self.assertEqual(Board(self.file).cells[2 * WIDTH + 1], 3)

    def test_what_is_no_pixel_is_ignored(self):
        board = Board(self.file)
        for change in (b"", b"12", bytes([WIDTH, 0, 0]), bytes([0, HEIGHT, 0]), bytes([0, 0, 200])):
            self.assertFalse(board.paint(change))
        self.assertFalse(board.changed)

    def test_a_visitor_who_sends_text_is_let_go_and_nobody_else(self):
        with TestClient(main.app) as client, client.websocket_connect("/paint") as ada:
            ada.receive_bytes()
            ada.receive_text()
            with client.websocket_connect("/paint") as bob:
                bob.receive_bytes()
                ada.receive_text()
                bob.send_text("hello")
                self.assertEqual(ada.receive_text(), "1")

    def test_a_damaged_file_gives_an_empty_board(self):
        self.file.parent.mkdir()
        self.file.write_bytes(b"short")
        self.assertEqual(bytes(Board(self.file).cells), bytes(WIDTH * HEIGHT))

    def test_the_page_and_its_files_are_there(self):
        with TestClient(main.app) as client:
            page = client.get("/")
            self.assertIn("/static/pixels.js", page.text)
            self.assertEqual(client.get("/static/pixels.js").status_code, 200)
            self.assertEqual(client.get("/health/").text, "ok\n")
