"""gunicorn's configuration in every image, for WSGI and (through uvicorn's worker) for ASGI.

What the manifest says comes from server.json; what only the container knows (workers, trusted proxies) is put
into the environment by `serve`. Works from Python 2.7 on.
"""

import io
import json
import logging
import os
import sys
import time

from gunicorn import glogging

sys.path.insert(0, "/usr/lib/nuwa")
try:
    import nuwa_allocator
    import nuwa_front

    if nuwa_front.is_wanted() and os.path.exists("/usr/lib/nuwa/nuwa_front_asgi.py"):
        import nuwa_front_asgi
finally:
    del sys.path[0]

PROBE = "nuwa-healthcheck"
SOCKET = "unix"
"""Stands for the address of a client that has none, because it came through the host's socket."""


def _settings():
    with io.open("/usr/lib/nuwa/server.json", encoding="utf-8") as file:
        return json.load(file)


def _writable(*folders):
    return next(folder for folder in folders if os.access(folder, os.W_OK))


_server = _settings()
_trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1").split(",")
# Who can reach the socket is the host's own nginx.
_trusted.append(SOCKET)

bind = ["0.0.0.0:" + os.environ.get("PORT", "8000")]
if os.environ.get("NUWA_SOCKET"):
    bind.append("unix:" + os.environ["NUWA_SOCKET"])
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "uvicorn_worker.UvicornWorker" if _server["kind"] == "uvicorn" else "gthread"
threads = _server["threads"]
timeout = _server["timeout"]
graceful_timeout = _server["graceful_timeout"]
keepalive = _server["keepalive"]
proc_name = _server["name"]
# Heartbeats go through a file: on a disk that stalls, workers would be taken for dead.
worker_tmp_dir = _writable("/dev/shm", "/run/app")
# gunicorn 25 and newer open one by default, in a folder that an image may not have.
control_socket_disable = True
accesslog = "-"
errorlog = "-"
# nginx is in front and says no first: see large_client_header_buffers there.
limit_request_line = 8190
limit_request_field_size = 8190
limit_request_fields = 1000
access_log_format = '%(h)s "%(r)s" %(s)s %(b)s %(L)ss "%(f)s" "%(a)s"'


def on_starting(server):
    """Wait for rsyslog, which starts at the same time: the app may log to it as soon as it is loaded.

    Where no init has made its folder, as on Kubernetes, there is none.
    """
    if not os.path.isdir("/run/nuwa"):
        return
    for _ in range(400):
        if os.path.exists("/run/syslog.sock"):
            return
        time.sleep(0.005)
    server.log.warning("rsyslog is not there")


def post_fork(_arbiter, _worker):
    nuwa_allocator.purge_in_background()


def post_worker_init(worker):
    """Set up what a worker has made of the configuration, before its first request."""
    if _server["kind"] == "uvicorn":
        believe_socket(worker)
    else:
        worker.wsgi = with_client(without_early_hints(worker.wsgi))
        if nuwa_front.is_wanted():
            worker.wsgi = nuwa_front.wsgi(worker.wsgi)


def without_early_hints(application):
    """nginx before 1.29 takes 103 for the answer, newer ones drop it: the app is not offered to send it."""

    def called(environ, start_response):
        environ.pop("wsgi.early_hints", None)
        return application(environ, start_response)

    return called


def believe_socket(worker):
    """Let uvicorn take client and scheme from a proxy that came through the socket, as gunicorn does."""
    config = worker.config
    config.app = worker.wsgi
    config.forwarded_allow_ips = "*" if "*" in _trusted else _trusted
    config.load()
    application = config.loaded_app

    def named(scope, receive, send):
        if scope["type"] != "lifespan" and not scope.get("client"):
            scope["client"] = (SOCKET, 0)
        return application(scope, receive, send)

    config.loaded_app = nuwa_front_asgi.asgi(named) if nuwa_front.is_wanted() else named


def with_client(application):
    """Let the app find the client where uvicorn and Apache have it, and not the proxy."""

    def called(environ, start_response):
        environ["REMOTE_ADDR"] = client(environ)
        return application(environ, start_response)

    return called


def client(environ):
    """The address that a request really came from: behind trusted proxies, what they say."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops = [environ.get("REMOTE_ADDR") or SOCKET]
    hops += [hop.strip() for hop in reversed(forwarded) if hop.strip()]
    for hop in hops:
        if hop not in _trusted and "*" not in _trusted:
            return hop
    return hops[-1] if hops[-1] != SOCKET else "127.0.0.1"


class Logger(glogging.Logger):
    """Logs the real client, and leaves out the health checks that succeeded."""

    def setup(self, cfg):
        glogging.Logger.setup(self, cfg)
        logging.getLogger("uvicorn.access").addFilter(NotProbes())

    def atoms(self, resp, req, environ, request_time):
        atoms = glogging.Logger.atoms(self, resp, req, environ, request_time)
        atoms["h"] = client(environ)
        return atoms

    def access(self, resp, req, environ, request_time):
        succeeded = int(str(resp.status).split(None, 1)[0]) < 400
        if not (succeeded and environ.get("HTTP_USER_AGENT") == PROBE):
            glogging.Logger.access(self, resp, req, environ, request_time)


class NotProbes(logging.Filter):
    """uvicorn's access lines do not name the user agent: a probe is what asks the health path from inside."""

    def filter(self, record):
        try:
            address, _, path, _, status = record.args
        except (TypeError, ValueError):
            return True
        inside = str(address).rsplit(":", 1)[0] in ("127.0.0.1", "")
        return not (inside and path == _server["health_path"] and int(status) < 400)


logger_class = Logger
