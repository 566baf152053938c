"""What the server runs: `config.wsgi:application`."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# Without a key the site would start, and fail at the first login. Checked here, it does not start.
assert settings.SECRET_KEY
