"""What serves an app, where the app pins older versions of it than the ones that nuwa brings."""

from __future__ import annotations

from pathlib import Path

from building import project

from nuwa.engine import Engine

VERSIONS = "import gunicorn, uvicorn, setuptools; print(gunicorn.__version__, uvicorn.__version__)"


def test_older_versions_of_the_server_that_an_app_pins_load_and_stay(engine: Engine, tmp_path: Path) -> None:
    with project(engine, tmp_path / "shop", "server") as shop:
        shop.replace("nuwa.toml", "[server]", '[server]\nkind = "uvicorn"')
        shop.write("requirements.txt", "gunicorn==20.1.0\nuvicorn==0.20.0\n")
        shop.build()
        loaded = shop.sh(f'/opt/nuwa/venv/bin/python -c "{VERSIONS}; import uvicorn_worker"', user="app")
        assert loaded == "20.1.0 0.20.0\n"
        serving = "gunicorn --check-config -k uvicorn_worker.UvicornWorker shop:application"
        assert shop.sh(f"cd /srv/app && /opt/nuwa/venv/bin/{serving} && echo loads", user="app") == "loads\n"
