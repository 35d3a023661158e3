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


def topic_word(code: object) -> str:
    return sentence(tickets.TOPICS, str(code), {})


def topic_words(chosen: Mapping[str, str] | None) -> list[str]:
    """What a rule tells of besides, and how."""
    return [
        str(tickets.FOR_ALL) % {"topic": topic_word(code)} if how == "digest" else topic_word(code)
        for code, how in (chosen or {}).items()
    ]


def ticket_sentence(ticket: object) -> str:
    """What the ticket is about: a finding's own words, or an operation's sentence."""
    kind, project, target = (str(field(ticket, name) or "") for name in ("kind", "project", "target_name"))
    if kind in tickets.FINDINGS_FOR_ALL and not target:
        words = tickets.FINDINGS_FOR_ALL if project else tickets.FINDINGS_WITHOUT_PROJECT
        return sentence(words, kind, {"project": project})
    if kind in tickets.FINDINGS:
        return sentence(tickets.FINDINGS, kind, {"target": target})
    return sentence_of(
        field(ticket, "operation_kind"), field(ticket, "target_name"), field(ticket, "target_id")
    )
