"""The smallest application: what is left is the start of what runs it."""


def application(_environ, start_response):  # type: ignore[no-untyped-def]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]
