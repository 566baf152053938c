"""An ASGI app with a websocket and a lifespan, for the runtime tests."""

import json
import os

if os.environ.get("BREAK_APP"):
    raise RuntimeError("asked to break")

STATE = {"lifespan": "not started"}


async def application(scope, receive, send):
    handlers = {"lifespan": _lifespan, "websocket": _websocket, "http": _http}
    await handlers[scope["type"]](scope, receive, send)


async def _lifespan(scope, receive, send):
    while True:
        message = await receive()
        STATE["lifespan"] = message["type"]
        print(message["type"])
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _websocket(scope, receive, send):
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "echo " + message["text"]})
        else:
            return


async def _http(scope, receive, send):
    answer = {"client": scope["client"][0], "scheme": scope["scheme"], **STATE}
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
