"""Settings of the site. Everything that differs between places comes from the environment:

SECRET_KEY    signs sessions; bin/run generates it
DATABASE_URL  PostgreSQL, by [database] in nuwa.toml
REDIS_URL     Valkey, by [[service]] in nuwa.toml: Celery's queue
DEBUG         1 while developing, with `npm run dev` in frontend/
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "for development only" if DEBUG else "")

ALLOWED_HOSTS = [*os.environ.get("NUWA_DOMAINS", "").split(), "localhost"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

INSTALLED_APPS = ["django.contrib.staticfiles", "django_vite", "words"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

address = urlsplit(os.environ.get("DATABASE_URL", "postgresql://words:words@localhost:5432/words"))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": address.hostname,
        "PORT": address.port,
        "USER": address.username,
        "PASSWORD": unquote(address.password or ""),
        "NAME": address.path.lstrip("/"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
CELERY_TASK_IGNORE_RESULT = True

# What Vite builds; nuwa builds it before static files are collected.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "frontend/dist"]
DJANGO_VITE = {"default": {"dev_mode": DEBUG, "manifest_path": BASE_DIR / "frontend/dist/manifest.json"}}
