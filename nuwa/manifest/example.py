"""The annotated `nuwa.toml`: what `nuwa init` writes, and the example of the documentation."""

from __future__ import annotations

from nuwa.manifest.detect import Project
from nuwa.manifest.frameworks import Web
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
        clear={"DJANGO_SETTINGS_MODULE": "config.settings"},
        generated=("SECRET_KEY",),
    ),
)
"""The project of the documentation's example."""


def text(project: Project, *, family: str = "") -> str:
    """The manifest of a project whose application is known, with all that may be set.

    Args:
        family: the family of images; empty: the default one, which then need not be named.
    """
    web = project.web
    assert web, "a manifest needs an application"
    django = web.framework == "Django"
    return render(
        str(TEMPLATES),
        "nuwa.toml.j2",
        family=family,
        name=project.name,
        python=project.python,
        requirements=project.requirements,
        worker="python manage.py work" if django else "python -m worker",
        tidy="python manage.py clearsessions" if django else "python -m tidy",
        **{key: value for key, value in vars(web).items() if key not in ("framework", "found", "check")},
    )
