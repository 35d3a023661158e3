"""All settings, from typed environment variables; a missing or dangerous one stops the start with its cure.

`TOBAN_ENV` is production unless said otherwise. See `.env.example` for every variable.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from accounts.domain.addresses import Network, read_networks
from accounts.domain.sealing_keys import read_keys
from config.environment import Environment, mail_settings
from infra.domain.reach import read_vpc_networks
from medical_audit.domain.clocks import read_address
from medical_audit.domain.notes import VerifierKey
from medical_audit.domain.seats import LIFETIME
from medical_audit.domain.streams import Destination, read_destinations

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
TOBAN_ENV = env.str("TOBAN_ENV", default="production")
LOCAL = TOBAN_ENV in {"development", "test"}


def _required(name: str, cure: str) -> str:
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: {cure}")
    return value


def trusted_proxies(texts: Sequence[str]) -> tuple[Network, ...]:
    """Whose X-Forwarded-For is believed; what is no network, or is everybody, stops the start."""
    try:
        return read_networks(texts)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TOBAN_TRUSTED_PROXIES: {error}. Name your proxies' networks, e.g. 127.0.0.1,10.0.0.0/24."
        ) from error


def secrets_keys(texts: Sequence[str]) -> dict[str, bytes]:
    """The keys that seal stored secrets, the first for new ones; what is no key stops the start."""
    try:
        return read_keys(texts)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TOBAN_SECRETS_KEYS: {error}. Make one with: "
            "python3 -c \"import base64, os; print('k1:' + base64.b64encode(os.urandom(32)).decode())\""
        ) from error


SECRET_KEY = _required("SECRET_KEY", "give at least 50 random characters, the same for every process.")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "testserver"] if LOCAL else [])

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "medical_audit",
    "accounts",
    "infra",
    "redmine_sync",
    "config",
]
MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.PlatformScopeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.TokenMiddleware",
    "config.middleware.PersonScopeMiddleware",
    "accounts.middleware.SeatMiddleware",
    "config.api.LimitMiddleware",
    "config.errors.DomainErrorMiddleware",
    "accounts.middleware.TenantMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "config.context.page",
            ],
            "builtins": ["config.templatetags.toban"],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                ),
            ],
        },
    }
]

_required(
    "DATABASE_URL",
    "e.g. postgres://toban_web@/toban?host=/var/run/postgresql (role per process, see .env.example).",
)
DATABASES = {"default": env.db_url("DATABASE_URL")}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        "DATABASE_URL must name PostgreSQL (postgres://...): Toban runs on nothing else."
    )
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
#: Which of Toban's processes this is (config.console.programs).
PROCESS = env.str("TOBAN_PROCESS", default="toban")
DATABASES["default"]["OPTIONS"]["application_name"] = PROCESS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = _required("REDIS_URL", "e.g. redis://127.0.0.1:6379/0 or unix:///run/valkey.sock?db=0.")


def _broker(url: str) -> str:
    """Celery's spelling of a redis-py unix socket URL."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


CELERY_BROKER_URL = _broker(REDIS_URL)

AWS_ENDPOINT_URL = env.str("AWS_ENDPOINT_URL", default="")
AWS_PRINCIPAL_ARN = env.str("TOBAN_AWS_PRINCIPAL_ARN", default="")
AWS_CONNECT_TIMEOUT_S = env.float("AWS_CONNECT_TIMEOUT_S", default=3.0)
AWS_READ_TIMEOUT_S = env.float("AWS_READ_TIMEOUT_S", default=20.0)


def seal_keys(texts: Sequence[str], setting: str = "TOBAN_SEAL_PUBLIC_KEYS") -> tuple[VerifierKey, ...]:
    """The public keys that signatures are believed by; one that cannot be read stops the start."""
    try:
        return tuple(VerifierKey.parse(text) for text in texts)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{setting}: {error}. `manage.py audit_key` makes a key and says its public half."
        ) from error


TOBAN_SEAL_PUBLIC_KEYS = seal_keys(env.list("TOBAN_SEAL_PUBLIC_KEYS", default=[]))
#: Of the people two of whom sign before the record goes on after a restore from backup (`audit_key --approver`).
TOBAN_APPROVER_KEYS = seal_keys(env.list("TOBAN_APPROVER_KEYS", default=[]), "TOBAN_APPROVER_KEYS")
TOBAN_SEAL_KEY_FILE = env.str("TOBAN_SEAL_KEY_FILE", default="")
TOBAN_ANCHOR_FILE = env.str("TOBAN_ANCHOR_FILE", default="")
TOBAN_ANCHOR_BUCKET = env.str("TOBAN_ANCHOR_BUCKET", default="")
TOBAN_ANCHOR_PREFIX = env.str("TOBAN_ANCHOR_PREFIX", default="toban/seals/")
TOBAN_ANCHOR_REGION = env.str("TOBAN_ANCHOR_REGION", default="")
TOBAN_ANCHOR_RETAIN_DAYS = env.int("TOBAN_ANCHOR_RETAIN_DAYS", default=5 * 366)
TOBAN_ANCHOR_ACCESS_KEY_ID = env.str("TOBAN_ANCHOR_ACCESS_KEY_ID", default="")
TOBAN_ANCHOR_SECRET_ACCESS_KEY = env.str("TOBAN_ANCHOR_SECRET_ACCESS_KEY", default="")


def streams(file: str) -> tuple[Destination, ...]:
    """The receivers to which the ledger goes as it grows; what cannot be read stops the start."""
    try:
        return read_destinations(Path(file).read_text(encoding="utf-8")) if file else ()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"TOBAN_STREAMS_FILE: {error}") from error


TOBAN_STREAMS = streams(env.str("TOBAN_STREAMS_FILE", default=""))
TOBAN_TSA_URL = env.str("TOBAN_TSA_URL", default="")
TOBAN_TSA_CA_FILE = env.str("TOBAN_TSA_CA_FILE", default="")
TOBAN_TSA_EVERY_S = env.float("TOBAN_TSA_EVERY_S", default=3600.0)
if TOBAN_TSA_URL and not TOBAN_TSA_CA_FILE:
    raise ImproperlyConfigured(
        "TOBAN_TSA_CA_FILE is not set: without the certificate of the time-stamping authority's root (PEM) no token of "
        "TOBAN_TSA_URL could be checked."
    )
# Without keys of one's own only a local portal seals, with one made of its SECRET_KEY; elsewhere nothing is sealed.
SECRETS_KEYS = secrets_keys(env.list("TOBAN_SECRETS_KEYS", default=[])) or (
    {"local": hashlib.sha256(f"toban-seal:{SECRET_KEY}".encode()).digest()} if LOCAL else {}
)
CA_BUNDLE = env.str("TOBAN_CA_BUNDLE", default="")
# Whom the certificate of a database is held against before a password goes there.
RDS_CA_BUNDLE = env.str("TOBAN_RDS_CA_BUNDLE", default="")
# Where workers keep their copies of git repositories, and under which path Redmine sees the same folder.
MIRRORS = env.str("TOBAN_MIRRORS", default="")
MIRRORS_IN_REDMINE = env.str("TOBAN_MIRRORS_IN_REDMINE", default=MIRRORS)


def time_source(text: str) -> tuple[str, int] | None:
    """The time server that clocks are held against; what is no address stops the start."""
    try:
        return read_address(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"TOBAN_TIME_SOURCE: {error}") from error


# Without one only this machine and the database are compared, and the pages say so.
TOBAN_TIME_SOURCE = time_source(env.str("TOBAN_TIME_SOURCE", default=""))
TOBAN_METRICS_TOKEN = env.str("TOBAN_METRICS_TOKEN", default="")
TOBAN_CLOCK_OFFSET = env.float("TOBAN_CLOCK_OFFSET", default=0.0)
LEASE_S = env.float("TOBAN_LEASE_S", default=60.0)
LANES_PER_ACCOUNT = env.int("TOBAN_LANES_PER_ACCOUNT", default=2)
BREAKER_AFTER = env.int("TOBAN_BREAKER_AFTER", default=3)
BREAKER_OPEN_S = env.float("TOBAN_BREAKER_OPEN_S", default=60.0)
BREAKER_OPEN_MAX_S = env.float("TOBAN_BREAKER_OPEN_MAX_S", default=900.0)
SETTLE_AFTER_S = env.float("TOBAN_SETTLE_AFTER_S", default=5.0)
RETRY_WAIT_MAX_S = env.float("TOBAN_RETRY_WAIT_MAX_S", default=60.0)
#: A volume that serves nothing for so many days is left over.
LEFT_OVER_DAYS = env.int("TOBAN_LEFT_OVER_DAYS", default=14)
INVENTORY_EVERY_S = env.float("TOBAN_INVENTORY_EVERY_S", default=300.0)
TICKET_RETRY_S = env.float("TOBAN_TICKET_RETRY_S", default=5.0)
REAUTHENTICATION_VALID_S = env.float("TOBAN_REAUTHENTICATION_VALID_S", default=120.0)

# Mail about what happened, to those who choose it. Without TOBAN_MAIL_URL none is sent and people are told so.
TOBAN_MAIL_URL = env.str("TOBAN_MAIL_URL", default="consolemail://" if TOBAN_ENV == "development" else "")
TOBAN_MAIL_DOMAINS = [one.lower() for one in env.list("TOBAN_MAIL_DOMAINS", default=[])]
TOBAN_URL = env.str("TOBAN_URL", default="http://127.0.0.1:8000" if LOCAL else "")
DEFAULT_FROM_EMAIL = env.str("TOBAN_MAIL_FROM", default="toban@localhost" if LOCAL else "")
EMAIL_TIMEOUT = 10
if TOBAN_MAIL_URL:
    globals().update(mail_settings(TOBAN_MAIL_URL, sender=DEFAULT_FROM_EMAIL, home=TOBAN_URL))


def networks(name: str, default: Sequence[str]) -> tuple[Network, ...]:
    """Networks of a variable; what is none, or everybody, stops the start."""
    try:
        return read_networks(env.list(name, default=list(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


# Which networks that are not public webhooks and chats may reach (none in production), and hosts of chats besides the known.
CHANNEL_NETWORKS = networks("TOBAN_CHANNEL_NETWORKS", ["127.0.0.0/8"] if LOCAL else [])
CHAT_HOSTS = [one.lower() for one in env.list("TOBAN_CHAT_HOSTS", default=["127.0.0.1"] if LOCAL else [])]

try:
    # In which VPCs databases are called at private addresses: their names lead there from anywhere, and Toban's own network may have the same.
    DATABASE_NETWORKS = read_vpc_networks(env.list("TOBAN_DATABASE_NETWORKS", default=[]))
except ValueError as error:
    raise ImproperlyConfigured(f"TOBAN_DATABASE_NETWORKS: {error}") from error

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000  # a review of many findings has two fields for each
# A good hash is slow on purpose; hundreds of tests that make six people each would do little else.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
    if TOBAN_ENV == "test"
    else "django.contrib.auth.hashers.Argon2PasswordHasher"
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "name", "email")},
    },
    {"NAME": "accounts.validators.LengthValidator"},
    {"NAME": "accounts.validators.ContextWordsValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.validators.BreachedValidator"},
]
# A file of breached passwords besides those that come with Toban: absolute path, or "" for none.
BREACHED_PASSWORDS = env.str("TOBAN_BREACHED_PASSWORDS", default="")
LOGIN_URL = "accounts:sign-in"
#: Answered without a database, a session or a transaction: a probe must not need what it probes.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
# Longer than a session holds, so that the browser can still be told how it ended.
SESSION_COOKIE_AGE = 2 * int(LIFETIME.total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if LOCAL else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("TOBAN_BEHIND_TLS_PROXY", default=False) else None
)
TRUSTED_PROXIES = trusted_proxies(env.list("TOBAN_TRUSTED_PROXIES", default=[]))
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

LANGUAGE_CODE = "ja"
LANGUAGES = [("ja", _("Japanese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Our own files only: no page uses those that Django's admin and other packages bring.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATIC_ROOT = Path(env.str("TOBAN_STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TOBAN_ENV == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if TOBAN_ENV == "production"
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = TOBAN_ENV == "test"

#: How many calls a token or a session, and how many an address without either, may make in a minute.
API_PER_MINUTE = env.int("TOBAN_API_PER_MINUTE", default=100_000 if TOBAN_ENV == "test" else 300)
API_UNKNOWN_PER_MINUTE = env.int(
    "TOBAN_API_UNKNOWN_PER_MINUTE", default=100_000 if TOBAN_ENV == "test" else 60
)
SPECTACULAR_SETTINGS = {
    "TITLE": "Toban API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["config.api.finish_schema"],
    "DESCRIPTION": (
        "Everything that a person can do in Toban, through the same operations: what is entered here waits for its confirmation as "
        "if it had been entered on a page.\n\n"
        "Send `Authorization: Bearer` with a token that you made in Toban; it acts for you, in one tenant. A token alone confirms "
        "nothing: confirming takes your password with the call. Errors are problem documents (RFC 9457) with a stable `code`, in "
        "the language of `Accept-Language` (ja or en). Times are ISO 8601 with their offset. Lists give a cursor `next` for "
        "`?after=`. Every answer says how many calls are left (`RateLimit-*`). What is not yours is not found (404)."
    ),
}
REST_FRAMEWORK = {
    "SCHEMA_COERCE_PATH_PK": False,
    "DEFAULT_SCHEMA_CLASS": "config.api.ApiSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsing.ShallowJSONParser"],
    "EXCEPTION_HANDLER": "config.errors.api_exception_handler",
    "UNAUTHENTICATED_USER": None,
}
LOGGING_CONFIG = "config.logs.configure"
SILENCED_SYSTEM_CHECKS: list[str] = []
