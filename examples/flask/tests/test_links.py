import os
import tempfile
import unittest

from links import create_app


class LinksTest(unittest.TestCase):
    def setUp(self):
        os.environ["DATA_DIR"] = self.enterContext(tempfile.TemporaryDirectory())
        self.app = create_app()
        self.run_command("prepare")
        self.client = self.app.test_client()

    def run_command(self, *words):
        result = self.app.test_cli_runner().invoke(args=words)
        self.assertEqual(result.exit_code, 0, result.output)
        return result.output

    def add(self, target):
        return self.client.post("/", data={"target": target})

    def code(self, target="https://example.com/long"):
        return self.add(target).location.partition("made=")[2]

    def test_a_short_link_leads_to_the_long_one_and_counts(self):
        code = self.code()
        self.assertEqual(self.client.get(f"/{code}").location, "https://example.com/long")
        self.assertIn('<td class="number">1</td>', self.client.get("/").text)

    def test_the_same_address_keeps_its_code(self):
        self.assertEqual(self.code(), self.code())

    def test_the_short_link_is_shown_as_the_visitor_reaches_it(self):
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "go.example.org"}
        self.assertIn("https://go.example.org/abc", self.client.get("/?made=abc", headers=headers).text)

    def test_only_web_addresses_are_taken(self):
        for target in ("javascript:alert(1)", "example.com", "https://", "https://[", "https://e.com/" + "a" * 2000):
            self.assertEqual(self.add(target).status_code, 400, target)

    def test_an_unknown_code_is_404(self):
        self.assertEqual(self.client.get("/zzzzz").status_code, 404)

    def test_forget_keeps_what_is_used(self):
        self.code()
        self.assertEqual(self.run_command("forget"), "forgot 0 links\n")
        self.assertEqual(self.run_command("forget", "--days=-1"), "forgot 1 links\n")

    def test_health_needs_the_table(self):
        self.assertEqual(self.client.get("/health/").status_code, 200)
        os.environ["DATA_DIR"] += "/elsewhere"
        self.assertEqual(create_app().test_client().get("/health/").status_code, 503)
