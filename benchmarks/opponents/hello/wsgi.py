"""The smallest application, so that only its server's startup is measured."""


def application(_environ, start_response):  # type: ignore[no-untyped-def]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]
