"""The server as a WSGI application; :mod:`dovetail.server.web` runs it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dovetail.server.settings")
application = get_wsgi_application()
