"""nuwa_front for ASGI applications: the same answers, given without holding up the event loop."""

import asyncio

import nuwa_front


def asgi(application, front=None):
    """An ASGI application behind the front."""
    front = front or nuwa_front.load()

    async def called(scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return
        scope["headers"] = list(last_hops(scope["headers"]))
        headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        if scope["type"] == "websocket":
            await application(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        answer = front.answer(scope["method"], scope["path"], query, headers.get)
        if answer:
            await give(answer, scope, send)
            return
        limit = front.largest_body(scope["path"]) if "content-length" not in headers else None
        await application(scope, limited(receive, limit), completed(send, front, headers))

    return called


def last_hops(headers):
    """The headers with the last proxy's word alone in X-Forwarded-For."""
    for name, value in headers:
        if name.lower() == b"x-forwarded-for":
            value = nuwa_front.last_hop(value.decode("latin-1")).encode("latin-1")
        yield name, value


async def give(answer, scope, send):
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": int(answer.status.split()[0]), "headers": headers})
    if scope["method"] == "HEAD":
        answer.close()
    else:
        chunks, loop = answer.chunks(), asyncio.get_running_loop()
        while True:
            # The disk may be slow, and other requests are not to wait for it.
            chunk = await loop.run_in_executor(None, next, chunks, None)
            if chunk is None:
                break
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def limited(receive, limit):
    """The body of a request whose length is not known before: beyond the limit the client is gone."""
    if limit is None:
        return receive
    left = [limit]

    async def received():
        message = await receive()
        if message["type"] == "http.request":
            left[0] -= len(message.get("body", b""))
            if left[0] < 0:
                return {"type": "http.disconnect"}
        return message

    return received


def completed(send, front, headers):
    async def sent(message):
        if message["type"] == "http.response.start":
            there = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            full = front.completed(there, headers.get)
            message = {**message, "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in full]}
        await send(message)

    return sent
