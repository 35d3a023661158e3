"""The only way out to a mail server: one connection a run, bounded in time, and an error for each mail that did not go."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from accounts.domain.mailboxes import is_mailbox


@dataclass(frozen=True, slots=True)
class Letter:
    """One plain-text mail."""

    to: str
    subject: str
    text: str


def is_set_up() -> bool:
    """Whether this installation has a mail server at all."""
    return bool(settings.TOBAN_MAIL_URL)


def deliver(letters: Iterable[Letter]) -> Iterator[str]:
    """Send one after the other; yields for each "" or what went wrong, in words without any secret.

    A server that cannot be reached is asked once a run, not once a mail. The time of each step is bounded by EMAIL_TIMEOUT.
    """
    server = get_connection()
    down, opened = "", False
    try:
        for letter in letters:
            if not opened:
                down, opened = _open(server), True
            yield down or _send(server, letter)
    finally:
        _hang_up(server)


def _open(server: BaseEmailBackend) -> str:
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        return _words(error)
    return ""


def _send(server: BaseEmailBackend, letter: Letter) -> str:
    """A subject in one line: whatever a name holds, no header can be added. What goes wrong with one letter is its own trouble."""
    if not is_mailbox(letter.to):
        return "bad_mail"
    subject = " ".join(letter.subject.split())
    headers = {"Auto-Submitted": "auto-generated"}
    message = EmailMessage(
        subject, letter.text, settings.DEFAULT_FROM_EMAIL, [letter.to], connection=server, headers=headers
    )
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        return _words(error)
    except Exception as error:  # noqa: BLE001  whatever cannot be written is this letter's problem
        # It may have been in the middle of its talk with the server: the next one begins anew.
        _hang_up(server)
        return _words(error)
    return ""


def _hang_up(server: BaseEmailBackend) -> None:
    with suppress(OSError, smtplib.SMTPException):
        server.close()


def _words(error: Exception) -> str:
    """The kind of error and the server's code; its text may repeat what we sent."""
    code = getattr(error, "smtp_code", None) or getattr(error, "errno", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
