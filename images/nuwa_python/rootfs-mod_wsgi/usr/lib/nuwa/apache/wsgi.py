"""What mod_wsgi loads in each of its processes: the app that server.json names. Works from Python 2.7 on."""

import importlib
import io
import json
import os
import signal
import sys
import time
import traceback

try:
    from urllib.parse import unquote_to_bytes
except ImportError:  # Python 2.7, where text is bytes
    from urllib import unquote
else:

    def unquote(text):
        """As WSGI wants text: a character for each byte."""
        return unquote_to_bytes(text.encode("latin-1")).decode("latin-1")


sys.path.insert(0, "/usr/lib/nuwa")
try:
    import nuwa_allocator
    import nuwa_front
finally:
    del sys.path[0]


def load(spec):
    """`module:object`, or `module:factory()`, as gunicorn takes them."""
    module, _, name = spec.partition(":")
    target = importlib.import_module(module)
    is_factory = name.endswith("()")
    for part in (name[:-2] if is_factory else name).split("."):
        target = getattr(target, part)
    return target() if is_factory else target


def wait_for_rsyslog():
    """It starts at the same time, and the app may log to it as soon as it is loaded.

    Where no init has made its folder, as on Kubernetes, there is none.
    """
    if not os.path.isdir("/run/nuwa"):
        return
    for _ in range(100):
        if os.path.exists("/run/syslog.sock"):
            return
        time.sleep(0.02)


def as_sent(application):
    """The path as it was sent, as gunicorn and uvicorn have it: Apache merges slashes and resolves dots."""

    def sent(environ, start_response):
        path = environ.get("REQUEST_URI", "").partition("?")[0]
        if path.startswith("/"):
            environ["PATH_INFO"] = unquote(path)
        return application(environ, start_response)

    return sent


def with_client(application):
    """The client's address from the proxy in front: mod_remoteip is off where there is the front."""

    def called(environ, start_response):
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR") or environ["REMOTE_ADDR"]
        return application(environ, start_response)

    return called


nuwa_allocator.purge_in_background()
wait_for_rsyslog()
try:
    with io.open("/usr/lib/nuwa/server.json", encoding="utf-8") as file:
        application = load(json.load(file)["module"])
    if nuwa_front.is_wanted():
        application = nuwa_front.wsgi(with_client(application))
    application = as_sent(application)
except BaseException:
    # Apache would go on answering 500 forever. gunicorn ends when the app cannot be loaded; so does this.
    traceback.print_exc()
    os.killpg(os.getpgrp(), signal.SIGKILL)
