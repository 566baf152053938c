"""A link shortener: paste a long address, get a short one, see how often it was followed."""

import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from links.store import Store

LONGEST = 2000


def create_app() -> Flask:
    app = Flask(__name__)
    store = Store(Path(os.environ.get("DATA_DIR", "var")) / "links.sqlite3")
    # nginx passes on how the visitor connected: with this, short addresses are shown with https and the right host.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    add_pages(app, store)
    add_commands(app, store)
    return app


def problem(target: str) -> str:
    """What is wrong with an address; empty if it is valid."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "This is not an address."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "An address begins with https:// or http://."
    return "" if len(target) <= LONGEST else f"An address has at most {LONGEST} characters."


def add_pages(app: Flask, store: Store) -> None:
    @app.get("/")
    def index():
        return page(made=request.args.get("made", ""))

    @app.post("/")
    def add():
        target = request.form.get("target", "").strip()
        if error := problem(target):
            return page(error=error, target=target), 400
        return redirect(url_for("index", made=store.add(target)), 303)

    @app.get("/<code>")
    def follow(code: str):
        return redirect(store.follow(code) or abort(404))

    @app.errorhandler(404)
    def missing(_error):
        return page(error="There is no such link."), 404

    @app.get("/health/")
    def health():
        try:
            store.newest(1)
        except sqlite3.Error as error:
            return f"database: {error}\n", 503, {"Content-Type": "text/plain"}
        return "ok\n", {"Content-Type": "text/plain"}

    def page(**values: str) -> str:
        return render_template("index.html", links=store.newest(), **values)


def add_commands(app: Flask, store: Store) -> None:
    @app.cli.command("prepare")
    def prepare() -> None:
        """Create the database, or bring it up to date."""
        store.prepare()

    @app.cli.command("forget")
    @click.option("--days", default=365, show_default=True)
    def forget(days: int) -> None:
        """Remove links that nobody has followed for a long time."""
        click.echo(f"forgot {store.forget(days)} links")
