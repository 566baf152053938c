"""What `nuwa init` recognises in a Django project."""

from __future__ import annotations

import textwrap

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import CONFIG_MANAGE, SETTINGS, django


def test_recognises_django(project):
    found = detect(project(django()))
    web, env = found.web, found.environment
    assert (web.framework, web.kind, web.module) == ("Django", "gunicorn", "config.wsgi:application")
    assert (web.static_directory, web.static_url) == ("staticfiles", "/static/")
    assert web.collect == "python manage.py collectstatic --noinput"
    assert web.release == "python manage.py migrate --noinput"
    assert web.checks == "python manage.py check"
    assert web.database == "postgresql"
    assert env.clear == {"DJANGO_SETTINGS_MODULE": "config.settings"}
    assert env.generated == ("SECRET_KEY",)
    assert [variable.name for variable in env.optional] == ["MAIL_TOKEN"]


def test_django_with_channels_is_served_by_uvicorn(project):
    settings = SETTINGS + 'ASGI_APPLICATION = "config.asgi.application"\n'
    files = django(**{"config/settings.py": settings, "config/asgi.py": ""})
    web = detect(project({**files, "requirements.txt": "channels[daphne]\n"})).web
    assert (web.kind, web.module, web.websocket) == ("uvicorn", "config.asgi:application", True)


def test_django_that_names_asgi_by_habit_is_served_as_the_project_serves_it(project):
    settings = SETTINGS + 'ASGI_APPLICATION = "config.asgi.application"\n'
    files = django(
        **{"config/settings.py": settings, "config/asgi.py": "", "Procfile": "web: gunicorn config.wsgi\n"}
    )
    web = detect(project(files)).web
    assert (web.kind, web.module, web.websocket) == ("gunicorn", "config.wsgi:application", False)


def test_django_settings_may_be_a_package(project):
    files = {
        "manage.py": CONFIG_MANAGE.replace("config.settings", "config.settings.production"),
        "config/settings/production.py": "from .base import *\n",
        "config/settings/base.py": SETTINGS.replace("parent.parent", "parents[2]"),
        "config/wsgi.py": "",
    }
    web = detect(project(files)).web
    assert (web.static_directory, web.module) == ("staticfiles", "config.wsgi:application")
    assert web.clear == {"DJANGO_SETTINGS_MODULE": "config.settings.production"}


@pytest.mark.parametrize(
    ("expression", "folder"),
    [
        ('BASE_DIR / "var" / "static"', "var/static"),
        ('BASE_DIR.joinpath("static")', "static"),
        ('os.path.join(BASE_DIR, "static")', "static"),
        ('str(BASE_DIR / "static")', "static"),
        ('os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "s")', "s"),
        ('Path(__file__).parents[1] / "s"', "s"),
        ('Path(__file__).parent / "s"', "config/s"),
        ('"static"', "static"),
        ('PUBLIC / "s"\nPUBLIC = BASE_DIR / "public"', "public/s"),
        ('"/var/www/static"', ""),
        ("BASE_DIR", ""),
        ('BASE_DIR.parent / "x"', ""),
        ("None", ""),
        ('env("STATIC_ROOT")', ""),
        ("BASE_DIR / name()", ""),
        ("STATIC_ROOT", ""),
    ],
)
def test_follows_how_django_settings_name_the_static_root(project, expression, folder):
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', expression)
    found = detect(project(django(**{"config/settings.py": settings})))
    assert found.web.static_directory == folder
    assert bool(found.web.collect) == bool(folder)
    assert any("STATIC_ROOT" in sentence for sentence in found.check) == (not folder)


def test_a_missing_wsgi_module_is_something_to_check(project):
    files = django()
    del files["config/wsgi.py"]
    assert any("config.wsgi:application was not found" in line for line in detect(project(files)).check)


PRODUCTION = "from .base import *\nimport os\nDEBUG = False\nSECRET_KEY = os.environ['SECRET_KEY']\n"


@pytest.mark.parametrize(
    ("last", "content", "chosen"),
    [
        ("local", "from .base import *\nDEBUG = True\n", "config.settings.cloud"),
        ("docker", "from .local import *\n", "config.settings.cloud"),
        ("docker", PRODUCTION, "config.settings.docker"),
    ],
)
def test_settings_with_debug_on_give_way_to_the_ones_that_switch_it_off(project, last, content, chosen):
    files = {
        "manage.py": CONFIG_MANAGE.replace("config.settings", f"config.settings.{last}"),
        "config/settings/__init__.py": "",
        "config/settings/base.py": SETTINGS,
        "config/settings/local.py": "from .base import *\nDEBUG = True\n",
        "config/settings/cloud.py": PRODUCTION,
        "config/settings/pipeline.py": "from .base import *\nDEBUG = False\n",
        "config/wsgi.py": "application = 1\n",
    }
    files[f"config/settings/{last}.py"] = content
    web = detect(project(files)).web
    assert web.clear["DJANGO_SETTINGS_MODULE"] == chosen


def test_the_settings_are_those_of_the_application_that_is_served(project):
    worker = (
        'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "worker.settings")\napplication = 1\n'
    )
    files = django(
        **{
            "worker/wsgi.py": worker,
            "worker/settings.py": SETTINGS,
            "Procfile": "web: gunicorn config.wsgi\n",
        }
    )
    assert detect(project(files)).web.clear["DJANGO_SETTINGS_MODULE"] == "config.settings"


def test_settings_that_manage_py_does_not_name_are_the_base_of_their_package(project):
    files = {
        "manage.py": "from django.core.management import execute_from_command_line\n",
        "site1/settings/__init__.py": "",
        "site1/settings/base.py": "INSTALLED_APPS = []\n" + textwrap.dedent(SETTINGS),
        "site1/wsgi.py": "application = 1\n",
        "Procfile": "web: gunicorn site1.wsgi:application\n",
    }
    web = detect(project(files)).web
    assert (web.framework, web.clear["DJANGO_SETTINGS_MODULE"]) == ("Django", "site1.settings.base")


def test_the_default_of_an_address_that_the_environment_may_give_counts(project):
    settings = SETTINGS + 'MEDIA_URL = os.getenv("MEDIA_URL", "/uploads/")\nMEDIA_ROOT = BASE_DIR / "media"\n'
    assert [volume.url for volume in detect(project(django(**{"config/settings.py": settings}))).volumes] == [
        "/uploads/"
    ]


@pytest.mark.parametrize(
    ("hosts", "value"),
    [
        ("os.environ.get('DJANGO_ALLOWED_HOSTS').split(',')", "*"),
        ("os.environ.get('DJANGO_ALLOWED_HOSTS', '.localhost').split(',')", "*"),
        ("os.environ.get('DJANGO_ALLOWED_HOSTS', '*').split(',')", None),
    ],
)
def test_hosts_of_a_variable_do_not_refuse_the_site(project, hosts, value):
    found = detect(project(django(**{"config/settings.py": f"{SETTINGS}ALLOWED_HOSTS = {hosts}\n"})))
    assert found.environment.clear.get("DJANGO_ALLOWED_HOSTS") == value
    assert any("nginx passes on" in line for line in found.check) is (value is not None)


def test_uploads_outside_the_project_are_a_volume_with_their_address(project):
    settings = (
        SETTINGS + 'MEDIA_URL = "/media/"\nMEDIA_ROOT = BASE_DIR / "m" if DEBUG else Path("/data/media")\n'
    )
    volumes = detect(project(django(**{"config/settings.py": settings}))).volumes
    assert [(volume.path, volume.url) for volume in volumes] == [("/data/media", "/media/")]


def test_static_files_that_a_variable_leads_outside_the_project_are_brought_into_it(project):
    base = (
        SETTINGS.replace("STATIC_ROOT", "#")
        + 'STATIC_ROOT = BASE_DIR / "other"\nMEDIA_ROOT = BASE_DIR / "up"\n'
    )
    settings = (
        "import os\nfrom config.base import *\n"
        'STATIC_ROOT = os.environ.get("STATIC_FILES", "/home/shop/static")\nMEDIA_ROOT = "/home/shop/media"\n'
    )
    files = {"config/settings.py": settings, "config/base.py": base, "config/__init__.py": ""}
    found = detect(project(django(**files)))
    assert found.web.static_directory == "static"
    assert found.environment.clear["STATIC_FILES"] == "/srv/app/static"
    assert [volume.path for volume in found.volumes] == ["/home/shop/media"]


@pytest.mark.parametrize("read", [False, True])
def test_a_django_setting_is_no_variable_unless_the_code_reads_one_of_its_name(project, read):
    compose = "services: {web: {build: ., volumes: ['m:/data'], environment: {MEDIA_ROOT: /data}}}\n"
    settings = SETTINGS + ('import os\nMEDIA_ROOT = os.environ.get("MEDIA_ROOT")\n' if read else "")
    found = detect(project(django(**{"config/settings.py": settings, "compose.yml": compose})))
    assert found.environment.clear.get("MEDIA_ROOT") == ("/data" if read else None)


def test_a_route_below_a_prefix_that_may_be_empty_is_one_of_the_top(project):
    urls = (
        "from django.urls import include, path\nfrom django.conf import settings\n"
        "prefix = ''\nif settings.PATH:\n    prefix = settings.PATH\n"
        "urlpatterns = [path(prefix, include('front.urls'))]\n"
    )
    front = "from django.urls import path\nurlpatterns = [path('', home)]\n"
    settings = SETTINGS + 'ROOT_URLCONF = "config.urls"\n'
    files = {"config/settings.py": settings, "config/urls.py": urls, "front/urls.py": front}
    assert not any("no route for /" in line for line in detect(project(django(**files))).check)


@pytest.mark.parametrize(
    ("condition", "told"), [("'DYNO' in os.environ", True), ("'DATABASE_URL' in os.environ", False)]
)
def test_an_address_that_is_read_on_a_platform_alone_makes_no_database(project, condition, told):
    settings = SETTINGS.partition("DATABASES")[0] + textwrap.dedent(f"""
        import dj_database_url
        HOSTED = {condition}
        if HOSTED:
            DATABASES = {{"default": dj_database_url.config(env="DATABASE_URL")}}
        else:
            FILE = BASE_DIR / "db.sqlite3"
            DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": FILE}}}}
    """)
    files = django(**{"config/settings.py": settings})
    found = detect(project(files))
    assert (found.database is None) is told
    assert any("read DATABASE_URL only if HOSTED" in line for line in found.check) is told


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ("'DYNO' in os.environ and 'CI' not in os.environ", {"DYNO": "web.1"}),
        ("'HOSTED' in os.environ", {"HOSTED": "1"}),
        ("os.name == 'posix'", {}),
    ],
)
def test_a_platforms_variable_is_set_where_only_then_the_address_is_read(project, condition, given):
    settings = SETTINGS.partition("DATABASES")[0] + textwrap.dedent(f"""
        import dj_database_url
        if {condition}:
            DATABASES = {{"default": dj_database_url.config()}}
        else:
            DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db"}}}}
    """)
    files = django(**{"config/settings.py": settings, "requirements.txt": "psycopg[binary]\n"})
    found = detect(project(files))
    del found.environment.clear["DJANGO_SETTINGS_MODULE"]
    assert found.environment.clear == given
    assert (found.database.engine if found.database else "") == ("postgresql" if given else "")
