"""A board of pixels that all visitors paint together, over websockets."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from pixels.board import Board

HERE = Path(__file__).parent
SAVE_EVERY = 2.0
"""Seconds between two checks whether the board has to be saved."""
SLOWEST = 5.0
"""Seconds that a visitor's connection may take for one message before it is closed."""

board = Board(Path(os.environ.get("DATA_DIR", "var")) / "board")
visitors: set[WebSocket] = set()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    saving = asyncio.create_task(keep_saving())
    yield
    saving.cancel()
    board.save()


async def keep_saving() -> None:
    while True:
        await asyncio.sleep(SAVE_EVERY)
        board.save()


app = FastAPI(title="Pixels", lifespan=lifespan)
# nginx serves these files from the host's disk; this is for development.
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")


PAGE = (HERE / "index.html").read_text()


@app.get("/", response_class=HTMLResponse)
def index() -> str:
    return PAGE


@app.get("/health/", response_class=PlainTextResponse)
def health() -> str:
    return "ok\n"


@app.websocket("/paint")
async def paint(visitor: WebSocket) -> None:
    """Binary messages carry pixels, text messages the number of visitors."""
    await visitor.accept()
    visitors.add(visitor)
    try:
        await visitor.send_bytes(bytes(board.cells))
        await tell_all(str(len(visitors)))
        while True:
            change = await visitor.receive_bytes()
            if board.paint(change):
                await tell_all(change)
    except (WebSocketDisconnect, KeyError):  # disconnected, or it sent text
        pass
    finally:
        visitors.discard(visitor)
        await tell_all(str(len(visitors)))


async def tell_all(message: str | bytes) -> None:
    await asyncio.gather(*(tell(visitor, message) for visitor in list(visitors)))


async def tell(visitor: WebSocket, message: str | bytes) -> None:
    """Send to one visitor, and drop one that does not receive, so that nobody waits for the slowest."""
    send = visitor.send_text if isinstance(message, str) else visitor.send_bytes
    try:
        await asyncio.wait_for(send(message), SLOWEST)  # type: ignore[arg-type]
    except Exception:
        visitors.discard(visitor)
        with suppress(Exception):
            await visitor.close()
