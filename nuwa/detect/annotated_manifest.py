"""The annotated `nuwa.toml`: what `nuwa init` writes, and the example of the documentation."""

from __future__ import annotations

from nuwa.detect.model import Environment, Project, Web
from nuwa.resources import TEMPLATES
from nuwa.templating import render

EXAMPLE = Project(
    "shop",
    web=Web(
        "Django",
        module="config.wsgi:application",
        kind="gunicorn",
        found="",
        static_directory="staticfiles",
        static_url="/static/",
        collect="python manage.py collectstatic --noinput",
        release="python manage.py migrate --noinput",
        checks="python manage.py check",
    ),
    environment=Environment(generated=("SECRET_KEY",), clear={"DJANGO_SETTINGS_MODULE": "config.settings"}),
)
"""The project of the documentation's example."""


def text(project: Project, *, family: str = "") -> str:
    """The manifest of a project whose application is known, with every key that can be set.

    Args:
        family: the family of images; empty: the default one, which then need not be named.
    """
    web = project.web
    assert web, "a manifest needs an application"
    django = web.framework == "Django"
    env = project.environment
    own = {name: value for name, value in vars(web).items() if name not in ("volumes", "database", "check")}
    values = {**own, **vars(project), "generated": env.generated, "secrets": env.secrets}
    values |= {"clear": env.clear or web.clear, "open": env.open, "optional": env.optional}
    left_out = ("web", "environment", "found", "check", "elsewhere", "keys", "framework", "without_address")
    return render(
        str(TEMPLATES),
        "nuwa.toml.j2",
        family=family,
        worker="python manage.py work" if django else "python -m worker",
        tidy="python manage.py clearsessions" if django else "python -m tidy",
        **{name: value for name, value in values.items() if name not in left_out},
    )
