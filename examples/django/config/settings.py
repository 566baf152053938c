"""Settings of the site. Everything that differs between places comes from the environment:

    SECRET_KEY            signs sessions; nuwa makes one at the first bin/run and keeps it on the host
    ALLOWED_HOSTS         names that the site answers to, separated by commas
    CSRF_TRUSTED_ORIGINS  further origins that may post forms, such as https://www.example.com:8443
    DATA_DIR, MEDIA_DIR   where the database and the pictures lie: volumes in the container, var/ elsewhere
    DEBUG                 1 while developing

While nuwa builds the image, SECRET_KEY holds a placeholder, so that collectstatic and the checks run as they are.
Without any key Django fails where something is signed; config/wsgi.py has it fail at the start.
"""

import os
from pathlib import Path


def listed(name):
    """The items of an environment variable that holds a comma-separated list."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var/data"))
MEDIA_ROOT = Path(os.environ.get("MEDIA_DIR", BASE_DIR / "var/media"))

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "for development only" if DEBUG else "")

if DEBUG:
    DATA_DIR.mkdir(parents=True, exist_ok=True)

# nuwa passes the domains to the container; until there are any, the health check inside sends Host: localhost.
ALLOWED_HOSTS = listed("ALLOWED_HOSTS") or [*os.environ.get("NUWA_DOMAINS", "").split(), "localhost"]
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")

# nginx terminates TLS and says so in this header, which it sets itself on every request.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "postcards",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# With a write-ahead log, readers and one writer do not block each other, even across processes and
# across two containers on one host. IMMEDIATE takes the write lock first, so no transaction fails half-way.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# File names with a hash of the content, so that nginx can let browsers keep the files.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

USE_TZ = True
TIME_ZONE = "UTC"

# By default Django would mail errors to nobody: write them to the container's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
