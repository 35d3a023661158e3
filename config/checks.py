"""Settings proven at the start: what is missing or dangerous stops every process with a sentence and its cure.

`manage.py check --deploy --database default` runs them as Django's system checks, `prove_settings` runs them where the
web server and the workers begin. Commands that need the tables' owner (migrate) run neither.
"""

import ipaddress
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery.signals import celeryd_init
from cryptography.x509 import load_pem_x509_certificates
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection

from accounts import breached

SECRET_KEY_LENGTH = 50
METRICS_TOKEN_LENGTH = 16
#: What gunicorn takes as "this worker cannot begin", so that it ends instead of trying forever.
CANNOT_BEGIN = 3
UNREACHABLE = "toban.E010"
#: The one process that may do without the keys of people's names: it seals references (ADR 19).
SEALER = "sealer"
#: The web server, and whatever is begun by hand; workers set no password and need no such file.
SETS_PASSWORDS = frozenset({"web", "toban"})

_ROLE = """
SELECT current_user, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
       EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname IN ('public', 'ledger', 'queue') AND c.relkind IN ('r', 'p')
                 AND pg_has_role(current_user, c.relowner, 'MEMBER'))
FROM pg_roles r WHERE r.rolname = current_user
"""


def prove_settings() -> None:
    """Say everything on stderr; with an error, end the process. A database that is away for a moment is no error here:
    it must not take down a web server whose processes are just being renewed."""
    found = [*check_settings(), *check_database_role()]
    for message in found:
        sys.stderr.write(f"{message.id}: {message.msg}\n")
    if any(isinstance(message, Error) and message.id != UNREACHABLE for message in found):
        raise SystemExit(CANNOT_BEGIN)


@celeryd_init.connect
def _prove_worker(**_signal: Any) -> None:
    prove_settings()


@register(Tags.security, deploy=True)
def check_settings(app_configs: object = None, **_options: Any) -> list[CheckMessage]:
    """What the environment says; most of it binds production only, where real servers are started and stopped."""
    found = [*_everywhere()]
    return found if settings.LOCAL else [*found, *_production()]


@register(Tags.database, deploy=True)
def check_database_role(
    app_configs: object = None, databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """The role must be bound by the walls between tenants: it owns nothing and may bypass nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ROLE)
            name, superuser, bypasses, makes_roles, owner = cursor.fetchone()
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        return [
            Error(
                f"DATABASE_URL: the database does not answer ({reason}). Check host, port and password.",
                id=UNREACHABLE,
            )
        ]
    wrong = {
        "is a superuser": superuser,
        "may bypass row-level security": bypasses,
        "may make roles": makes_roles,
        "owns tables, or is a member of the role that does": owner and not superuser,
    }
    return [
        Error(
            f"DATABASE_URL: the role {name} {what}, so the walls between tenants would not bind it. "
            "Connect as the role of this process from config/roles.sql (toban_web, toban_worker, toban_scheduler).",
            id="toban.E011",
        )
        for what, is_so in wrong.items()
        if is_so
    ]


def _everywhere() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SECRET_KEY_LENGTH or len(set(settings.SECRET_KEY)) < 10:
        found.append(
            Error(
                f"SECRET_KEY is too weak: give at least {SECRET_KEY_LENGTH} random characters, the same for every process "
                '(python3 -c "import secrets; print(secrets.token_urlsafe(50))").',
                id="toban.E001",
            )
        )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS is empty or has '*': list the host names that people type, separated by commas.",
                id="toban.E002",
            )
        )
    if settings.TOBAN_METRICS_TOKEN and len(settings.TOBAN_METRICS_TOKEN) < METRICS_TOKEN_LENGTH:
        found.append(
            Error(
                f"TOBAN_METRICS_TOKEN is too short: give at least {METRICS_TOKEN_LENGTH} random characters, or none.",
                id="toban.E003",
            )
        )
    if settings.BREACHED_PASSWORDS and settings.PROCESS in SETS_PASSWORDS:
        try:
            breached.prove_file(settings.BREACHED_PASSWORDS)
        except breached.Unreadable as problem:
            found.append(
                Error(
                    f"TOBAN_BREACHED_PASSWORDS: {problem}. Name the downloaded list of SHA-1 hashes, ordered by hash, that this "
                    "process may read, or take the setting away: then only the list that comes with Toban is asked.",
                    id="toban.E012",
                )
            )
    if settings.RDS_CA_BUNDLE and (trouble := _unreadable(settings.RDS_CA_BUNDLE)):
        found.append(
            Error(
                f"TOBAN_RDS_CA_BUNDLE names {settings.RDS_CA_BUNDLE}, which cannot be read as certificates (PEM): {trouble}. Lay AWS's "
                "bundle there (https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem).",
                id="toban.E009",
            )
        )
    return found


def _unreadable(file: str) -> str:
    """Why a file holds no certificates, or ""."""
    try:
        load_pem_x509_certificates(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _production() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(
            Error("DEBUG is on: it shows settings and data to anybody. Switch it off.", id="toban.E004")
        )
    if settings.TOBAN_CLOCK_OFFSET:
        found.append(
            Error(
                "TOBAN_CLOCK_OFFSET is set: servers would start and stop at other times than planned. Remove it.",
                id="toban.E005",
            )
        )
    if settings.AWS_ENDPOINT_URL:
        found.append(
            Error(
                "AWS_ENDPOINT_URL is set: calls would go to a simulator instead of AWS. Remove it.",
                id="toban.E006",
            )
        )
    if not settings.SECRETS_KEYS and settings.PROCESS != SEALER:
        found.append(
            Error(
                "TOBAN_SECRETS_KEYS is not set: nothing that people do could be recorded, so nothing would happen, and nobody "
                "could sign in. Make a key as .env.example says, the same for every process, and keep a copy elsewhere.",
                id="toban.E008",
            )
        )
    if settings.SECURE_PROXY_SSL_HEADER and not settings.TRUSTED_PROXIES:
        found.append(
            Warning(
                "TRUSTED_PROXIES is empty behind a TLS proxy: the ledger keeps the proxy's address for everybody. Set "
                "TOBAN_TRUSTED_PROXIES to the networks of your proxies.",
                id="toban.W002",
            )
        )
    if settings.TOBAN_MAIL_URL and not settings.TOBAN_MAIL_URL.startswith(("smtp:", "smtps:", "smtp+")):
        found.append(
            Error(
                "TOBAN_MAIL_URL names no mail server: mails would be written to a log or a file. Write smtp+tls://... or "
                "leave it out.",
                id="toban.E007",
            )
        )
    mail = urlsplit(settings.TOBAN_MAIL_URL)
    if mail.scheme == "smtp" and not _is_loopback(mail.hostname or ""):
        found.append(
            Warning(
                "TOBAN_MAIL_URL sends mails in the clear to another machine: names of servers and people can be read on the "
                "way. Write smtp+tls:// or smtps://.",
                id="toban.W003",
            )
        )
    broker = urlsplit(settings.REDIS_URL)
    if broker.scheme != "unix" and not broker.password and not _is_loopback(broker.hostname or ""):
        found.append(
            Warning(
                "REDIS_URL names another machine without a password: whoever reaches it can wake or delay workers. "
                "Set requirepass there and write redis://:PASSWORD@host:port/0 here.",
                id="toban.W001",
            )
        )
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
