"""Variables of the environment, each of which may be a file instead: NAME_FILE names one that holds what NAME would."""

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class Variables(FileAwareMapping):
    """A secret in a file stands in no list of processes, no unit and no crash report; a key service writes files."""

    def __getitem__(self, name: str) -> str:
        """Without the end of the line that editors put there. Raises ImproperlyConfigured, KeyError."""
        try:
            return str(super().__getitem__(name)).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            file = self.env.get(f"{name}_FILE")
            raise ImproperlyConfigured(
                f"{name}_FILE names {file}, which cannot be read: {error}. Let this process's user read it, or unset it."
            ) from error


class Environment(environ.Env):
    """django-environ's, reading `Variables`."""

    ENVIRON = Variables()


def mail_settings(url: str, *, sender: str, home: str) -> dict[str, object]:
    """Django's settings of a mail server's address; an unreadable one, or one without sender and links, stops the start."""
    try:
        found = dict(Environment.email_url_config(url))
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(
            "TOBAN_MAIL_URL cannot be read: write smtp+tls://USER:PASSWORD@mail.example.jp:587, smtps://...:465 or "
            "smtp://127.0.0.1:25 (special characters in the password percent-encoded)."
        ) from error
    if found["EMAIL_BACKEND"].endswith("smtp.EmailBackend") and not found["EMAIL_HOST"]:
        raise ImproperlyConfigured("TOBAN_MAIL_URL names no mail server.")
    for name, value, example in (
        ("TOBAN_MAIL_FROM", sender, "toban@hospital.example.jp"),
        ("TOBAN_URL", home, "https://toban.example.jp"),
    ):
        if not value:
            raise ImproperlyConfigured(f"{name} is not set, and mails need it: e.g. {example}.")
    if url.startswith("smtps:"):
        found |= {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}
    return found
