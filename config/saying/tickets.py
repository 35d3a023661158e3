"""Tickets in words."""

from collections.abc import Mapping
from typing import Any

from config.saying.fields import field
from config.saying.operations import sentence_of
from config.words import sentence, tickets


def look_words(check: Mapping[str, Any]) -> str:
    """One finding of a look at a Redmine; what the server itself said stands behind it."""
    params = dict(check.get("params", {}))
    text = sentence(tickets.CHECKS, str(check.get("code", "")), params)
    return f"{text} ({params['detail']})" if params.get("detail") else text


def diverged_words(code: object) -> str:
    return sentence(tickets.DIVERGED, str(code), {}) if code else ""


def entry_words(entry: object) -> str:
    """How an entry ended, or why it waits, with what Redmine said."""
    code, detail = str(field(entry, "outcome")), field(entry, "detail")
    text = sentence(tickets.ENTRY_OUTCOMES, code, {}) if code else ""
    return f"{text} ({detail})" if detail else text


def ticket_sentence(ticket: object) -> str:
    """What the ticket is about, as an operation's sentence."""
    return sentence_of(
        field(ticket, "operation_kind"), field(ticket, "target_name"), field(ticket, "target_id")
    )
