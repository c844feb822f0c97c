"""Django settings. What an operator may change comes from the environment; `dovetail serve` sets it from its options.

``DOVETAIL_DATA``      directory of the database and the secret key (default: the user's data directory)
``DOVETAIL_BASE_URL``  the public address, e.g. ``https://book.example.org``; links in mails start with it
``DOVETAIL_DATABASE_URL`` ``postgresql://user:password@host:port/name``; without it one SQLite file in that directory
``DOVETAIL_XMPP_PORTS`` of real-time sync as connectors see them, STARTTLS then direct TLS, 0 for none: ``5222 5223``;
                       unset: no real time
``DOVETAIL_REALTIME``  ``here`` (default): this process has the connectors' sessions; ``elsewhere``: another process of
                       the same database has them
``DOVETAIL_XMPP_COMPONENT`` ``xmpp-component://hints.book.example.org:secret@127.0.0.1:5347``: Prosody or ejabberd has
                       the sessions, and this process is its component (docs/realtime.md)
``DOVETAIL_XMPP_DOMAIN`` of the connectors' JIDs (default: the name in the public address), and
``DOVETAIL_XMPP_HOST``  the name at which its ports are open (default: the domain)
``DOVETAIL_XMPP_WEBSOCKET`` where connectors find XMPP over WebSocket: a path at the public address, or ``wss://…``
``DOVETAIL_XMPP_KEYS_SECRET`` what Prosody or ejabberd shows to be told SCRAM verifiers; unset: nobody is told
``DOVETAIL_EMAIL_URL`` ``smtp://user:password@host:port``, ``smtps://…`` or
                       ``smtp+tls://…``; without it mails go to the log
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from dovetail.server.database import database_settings
from dovetail.server.mail import email_settings
from dovetail.server.secret_key import secret_key
from dovetail.server.xmpp_server import component_account, keys_secret, websocket_address

DATA = Path(os.environ.get("DOVETAIL_DATA") or platformdirs.user_data_dir("dovetail-server", appauthor=False))
DATA.mkdir(parents=True, exist_ok=True)

BASE_URL = os.environ.get("DOVETAIL_BASE_URL", "https://localhost").rstrip("/")
ALLOWED_HOSTS = list({urlsplit(BASE_URL).hostname or "localhost", *os.environ.get("DOVETAIL_HOSTS", "").split()})
CSRF_TRUSTED_ORIGINS = [BASE_URL]

REALTIME = os.environ.get("DOVETAIL_REALTIME") or "here"
XMPP_PORTS = [int(port) for port in os.environ.get("DOVETAIL_XMPP_PORTS", "").split()]
XMPP_COMPONENT = component_account(os.environ.get("DOVETAIL_XMPP_COMPONENT", ""))
XMPP_DOMAIN = (os.environ.get("DOVETAIL_XMPP_DOMAIN") or urlsplit(BASE_URL).hostname or "localhost").lower()
XMPP_HOST = os.environ.get("DOVETAIL_XMPP_HOST") or XMPP_DOMAIN
XMPP_WEBSOCKET = websocket_address(os.environ.get("DOVETAIL_XMPP_WEBSOCKET") or "/xmpp-websocket")
XMPP_KEYS_SECRET = keys_secret(os.environ.get("DOVETAIL_XMPP_KEYS_SECRET", ""))

SECRET_KEY = secret_key(DATA)
DEBUG = False
ROOT_URLCONF = "dovetail.server.urls"
WSGI_APPLICATION = "dovetail.server.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "dovetail.server.accounts",
    "dovetail.server.activity",
    "dovetail.server.pages",
    "dovetail.server.connections",
    "dovetail.server.bookings",
    "dovetail.server.notifications",
    "dovetail.server.realtime",
    "dovetail.server.jobs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dovetail.server.headers.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database_settings(os.environ.get("DOVETAIL_DATABASE_URL", ""), DATA)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English")]  # what our pages are written in: dates and form errors must not be in another
STATIC_URL = "static/"
STATICFILES_DIRS = [Path(__file__).parent / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "dovetail.server.accounts.forms.SignUp"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = True
# A browser applies it to every port of a name, so on a trial's localhost it must not outlast the trial by much.
SECURE_HSTS_SECONDS = 3600 if urlsplit(BASE_URL).hostname == "localhost" else 365 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

globals().update(email_settings(os.environ.get("DOVETAIL_EMAIL_URL", "")))
DEFAULT_FROM_EMAIL = os.environ.get("DOVETAIL_EMAIL_FROM", f"Dovetail <no-reply@{urlsplit(BASE_URL).hostname}>")

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Below ERROR it logs each 401, and the first half of every sign-in is one; and addresses: a link to a booking is a
    # secret.
    "loggers": {"django.request": {"level": "ERROR"}},
}
