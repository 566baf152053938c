"""What a host's nginx does in front of the app, done by the app's own server on Kubernetes.

Static files and uploads with the same headers, redirects to the site's address, the limit of a body, and
headers that the app leaves out. For WSGI; nuwa_front_asgi has the same for ASGI. On in pods alone, where
NUWA_FRONT is set. Works from Python 2.7 on.
"""

import io
import json
import os
import posixpath
import re
from email.utils import formatdate

LIB = "/usr/lib/nuwa"
CHUNK_BYTES = 65536
FOR_EVER = "public, max-age=31536000, immutable"
CHECKED = "public, no-cache"
HSTS = "max-age=63072000"
DEFAULTS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
)
# An uploaded page runs without rights: no script, forms or origin. Older browsers show no PDF in a sandbox.
UPLOADS_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "form-action 'none'; base-uri 'none'"
)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def is_wanted():
    return bool(os.environ.get("NUWA_FRONT"))


def load():
    """The front of this image's app."""
    with io.open(LIB + "/server.json", encoding="utf-8") as file:
        settings = json.load(file)["front"]
    index = {}
    if os.path.exists(LIB + "/static.json"):
        with io.open(LIB + "/static.json", encoding="utf-8") as file:
            index = json.load(file)
    return Front(settings, index, os.environ.get("NUWA_DOMAINS", "").split())


class Answer(object):
    """A response that the app is not asked for: status, headers, and a text or a part of an open file."""

    def __init__(self, status, headers=(), text=b"", file=None, length=0):
        self.status = status
        self.file = file
        self.text = text
        self.length = length if file else len(text)
        self.headers = list(headers)
        if not status.startswith("304"):
            self.headers.append(("Content-Length", str(self.length)))
        if text:
            self.headers.append(("Content-Type", "text/plain"))

    def chunks(self):
        if not self.file:
            yield self.text
            return
        with self.file as file:
            left = self.length
            while left:
                chunk = file.read(min(left, CHUNK_BYTES))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    def close(self):
        if self.file:
            self.file.close()


class Front(object):
    """What is answered without the app, for one app."""

    def __init__(self, settings, index, domains):
        self.max_body = settings["max_body"]
        self.bodies = settings.get("bodies", ())
        self.static_url = settings["static_url"]
        self.static_folder = settings["static_folder"]
        self.uploads = settings["uploads"]
        self.types = settings["types"]
        self.hsts = settings["hsts"]
        self.index = index
        self.domains = domains

    def answer(self, method, path, query, header):
        """The response, or None where the app is to give it.

        Args:
            path: decoded, as text.
            query: what follows the question mark, as it was sent.
            header: gives a header of the request by its name in small letters, None where there is none.
        """
        moved = self._moved(path, query, header)
        if moved:
            return moved
        length = header("content-length") or ""
        if length.isdigit() and int(length) > self.largest_body(path):
            return Answer("413 Content Too Large", text=b"The request is too large.\n")
        if self.static_url and path.startswith(self.static_url):
            return self._static(method, path[len(self.static_url) :], header)
        for prefix, folder in self.uploads:
            if path.startswith(prefix):
                return self._upload(method, path[len(prefix) :], folder, header)
        return None

    def largest_body(self, path):
        """In bytes; of the paths with a limit of their own, the deepest comes first."""
        for prefix, size in self.bodies:
            if (path + "/").startswith(prefix.rstrip("/") + "/"):
                return size
        return self.max_body

    def completed(self, headers, header):
        """The app's headers and those that it leaves out."""
        there = {name.lower() for name, _ in headers}
        wanted = list(DEFAULTS)
        if self.hsts and (header("x-forwarded-proto") or "").lower() == "https":
            wanted.append(("Strict-Transport-Security", HSTS))
        return list(headers) + [(name, value) for name, value in wanted if name.lower() not in there]

    def _moved(self, path, query, header):
        """To HTTPS, and from the other domains to the first. A request within the cluster names no scheme."""
        host = (header("host") or "").lower().rsplit(":", 1)[0]
        scheme = (header("x-forwarded-proto") or "").lower()
        below = "*." + host.partition(".")[2]
        is_served = host in self.domains[:1] or below in self.domains
        if scheme not in ("http", "https") or not (is_served or host in self.domains):
            return None
        if scheme == "https" and is_served:
            return None
        site = host if is_served else self.domains[0]
        where = "https://" + site + quoted(path) + ("?" + query if query else "")
        return Answer("301 Moved Permanently", [("Location", where)])

    def _static(self, method, name, header):
        if name + "/index.html" in self.index:
            return Answer("301 Moved Permanently", [("Location", quoted(self.static_url + name + "/"))])
        name = page_of(name)
        known = self.index.get(name)
        if not known:
            return Answer("404 Not Found", text=b"Not found.\n")
        headers = [
            ("Cache-Control", FOR_EVER if known["immutable"] else CHECKED),
            ("X-Content-Type-Options", "nosniff"),
        ]
        file = posixpath.join(self.static_folder, name)
        if known["gzip"]:
            headers.append(("Vary", "Accept-Encoding"))
            if accepts_gzip(header("accept-encoding") or ""):
                headers.append(("Content-Encoding", "gzip"))
                file += ".gz"
        return self._file(method, file, known["type"], '"' + known["etag"] + '"', headers, header)

    def _upload(self, method, name, folder, header):
        """What visitors have uploaded: nothing of it runs, and no link leads out of the folder."""
        name = page_of(name)
        file = posixpath.join(os.path.realpath(folder), name)
        plain = "\0" not in name and not name.startswith("/") and posixpath.normpath(file) == file
        if not plain or os.path.realpath(file) != file or not os.path.isfile(file):
            return Answer("404 Not Found", text=b"Not found.\n")
        status = os.stat(file)
        ending = posixpath.splitext(name)[1].lower()
        policy = UPLOADS_POLICY + ("" if ending == ".pdf" else "; sandbox")
        headers = [
            ("Cache-Control", CHECKED),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", policy),
            ("Last-Modified", formatdate(status.st_mtime, usegmt=True)),
        ]
        etag = '"%x-%x"' % (int(status.st_mtime), status.st_size)
        kind = self.types.get(ending, "application/octet-stream")
        return self._file(method, file, kind, etag, headers, header)

    def _file(self, method, path, kind, etag, headers, header):
        if method not in ("GET", "HEAD"):
            return Answer("405 Method Not Allowed", [("Allow", "GET, HEAD")], b"Use GET.\n")
        headers.extend([("ETag", etag), ("Accept-Ranges", "bytes")])
        if knows(header("if-none-match"), etag):
            return Answer("304 Not Modified", headers)
        size = os.path.getsize(path)
        first, last = 0, size - 1
        status = "200 OK"
        asked = _RANGE.match(header("range") or "")
        if asked and (header("if-range") or etag) == etag and (asked.group(1) or asked.group(2)):
            first, last = part(asked, size)
            if first > last:
                return Answer("416 Range Not Satisfiable", [("Content-Range", "bytes */%d" % size)])
            status = "206 Partial Content"
            headers.append(("Content-Range", "bytes %d-%d/%d" % (first, last, size)))
        headers.append(("Content-Type", kind))
        file = io.open(path, "rb")  # noqa: SIM115 - `chunks` closes it
        file.seek(first)
        return Answer(status, headers, file=file, length=last - first + 1)


def page_of(name):
    """The file of a name: that of a folder is its page."""
    return name + "index.html" if not name or name.endswith("/") else name


def part(asked, size):
    """First and last byte of a range; the first is the larger one where there is no such part."""
    begin, end = asked.groups()
    if not begin:
        return max(0, size - int(end)), size - 1
    return int(begin), min(int(end), size - 1) if end else size - 1


def knows(tags, etag):
    if not tags:
        return False
    return tags.strip() == "*" or etag in [tag.strip().replace("W/", "", 1) for tag in tags.split(",")]


def accepts_gzip(text):
    for item in text.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def quoted(path):
    """A path in its sent form: every byte that is more than a plain sign as %XX."""
    raw = path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")
    return "".join(
        chr(byte) if re.match(r"[A-Za-z0-9_.~/!$&'()*+,;=:@-]", chr(byte)) else "%%%02X" % byte
        for byte in bytearray(raw)
    )


def last_hop(forwarded):
    """Who came to the proxy in front of this server: what the client itself put before it proves nothing."""
    return forwarded.rsplit(",", 1)[-1].strip()


class Limited(object):
    """The body of a request whose length is not known before: it stops at the limit."""

    def __init__(self, body, left):
        self._body = body
        self._left = left

    def read(self, size=-1):
        return self._counted(self._body.read() if size is None or size < 0 else self._body.read(size))

    def readline(self, size=-1):
        return self._counted(self._body.readline() if size is None or size < 0 else self._body.readline(size))

    def readlines(self, _hint=-1):
        return list(self)

    def __iter__(self):
        for line in self._body:
            yield self._counted(line)

    def _counted(self, data):
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("the request is larger than max_body")
        return data


def wsgi(application, front=None):
    """A WSGI application behind the front."""
    front = front or load()

    def called(environ, start_response):
        def header(name):
            if name in ("content-length", "content-type"):
                return environ.get(name.upper().replace("-", "_"))
            return environ.get("HTTP_" + name.upper().replace("-", "_"))

        if environ.get("HTTP_X_FORWARDED_FOR"):
            environ["HTTP_X_FORWARDED_FOR"] = last_hop(environ["HTTP_X_FORWARDED_FOR"])
        path = environ.get("PATH_INFO", "")
        if not isinstance(path, bytes):
            path = path.encode("latin-1")
        text = path.decode("utf-8", "replace")
        answer = front.answer(environ["REQUEST_METHOD"], text, environ.get("QUERY_STRING", ""), header)
        if answer:
            start_response(answer.status, answer.headers)
            if environ["REQUEST_METHOD"] == "HEAD":
                answer.close()
                return [b""]
            return answer.chunks()
        if not environ.get("CONTENT_LENGTH"):
            environ["wsgi.input"] = Limited(environ["wsgi.input"], front.largest_body(text))

        def started(status, headers, failure=None):
            return start_response(status, front.completed(headers, header), failure)

        return application(environ, started)

    return called
