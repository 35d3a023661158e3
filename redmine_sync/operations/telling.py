"""The words of a ticket, from templates, in the language that was confirmed for the server."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from redmine_sync.domain.writing import one_line, with_mark
from redmine_sync.models import Entry, Ticket

#: So many things a ticket names one by one.
LISTED_MAX = 50


def subject_of(ticket: Ticket, entry: Entry) -> str:
    return one_line(_render("subject", ticket, entry))


def description_of(ticket: Ticket, entry: Entry, slug: str) -> str:
    """What a new issue says; it holds the entry's mark, as every note does."""
    return with_mark(_render("description", ticket, entry), link_of(ticket, slug), entry.id)


def note_of(ticket: Ticket, entry: Entry, slug: str) -> str:
    return with_mark(_render("note", ticket, entry), link_of(ticket, slug), entry.id)


def link_of(ticket: Ticket, slug: str) -> str:
    """The page in the portal of the operation or of what was found; nothing where nobody said under which address people
    reach it."""
    if not settings.TOBAN_URL:
        return ""
    path = _path_of(ticket, slug)
    return f"{settings.TOBAN_URL.rstrip('/')}{path}" if path else ""


def _path_of(ticket: Ticket, slug: str) -> str:
    if ticket.operation:
        return reverse("medical_audit:operation", kwargs={"slug": slug, "pk": ticket.operation})
    if ticket.target_type == "volume" and ticket.target_id:
        return reverse("infra:volume", kwargs={"slug": slug, "pk": ticket.target_id})
    if ticket.target_type == "volume":
        return reverse("infra:left-over", kwargs={"slug": slug})
    return reverse("medical_audit:reviews", kwargs={"slug": slug}) if ticket.kind == "review" else ""


def _render(name: str, ticket: Ticket, entry: Entry) -> str:
    event: dict[str, Any] = entry.event
    context = {"ticket": ticket, "verb": entry.verb, "event": event}
    if "items" in event:
        held = list(event["items"].values())
        context |= {"total": len(held), "gib": sum(one.get("gib", 0) for one in held)}
        for part in ("came", "went"):
            listed = list(event[part].values())
            context |= {part: listed[:LISTED_MAX], f"{part}_more": max(0, len(listed) - LISTED_MAX)}
    with translation.override(ticket.server.language):
        return render_to_string(f"redmine_sync/ticket/{name}.txt", context)
