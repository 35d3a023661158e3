"""Drafts of named schedules: written by planners, without effect until a publication is confirmed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Max

from accounts.domain.permissions import Permission
from infra.domain.content import Content, FieldProblem, read_content
from infra.models import NamedSchedule, Revision
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

NAME_MAX, NOTE_MAX = 100, 1000


class BadContent(Refused):
    """The content cannot be read; `problems` names every field."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__("bad_content", field=problems[0].path, problem=problems[0].code)
        self.problems = problems


def create_schedule(
    name: str,
    content: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    description: str = "",
    note: str = "",
) -> Revision:
    """Make a schedule with its first draft. Raises NotPermitted, BadContent, Refused (bad_name, name_taken)."""
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    clean = _name(name)
    read = _read(content)
    try:
        with tenant_scope(actor.tenant_id):
            if any(
                _alike(clean) == _alike(one) for one in NamedSchedule.objects.values_list("name", flat=True)
            ):
                raise Refused("name_taken", name=clean)
            schedule = NamedSchedule.objects.create(
                tenant_id=actor.tenant_id, name=clean, description=description[:NOTE_MAX], created_at=now
            )
            return _new_draft(schedule, read, note, actor=actor, now=now)
    except IntegrityError as error:
        if "schedule_name_once" in str(error) or "schedule_name_alike_once" in str(error):
            raise Refused("name_taken", name=clean) from error
        raise


def save_draft(
    schedule_id: UUID,
    content: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    note: str = "",
    seen: str | None = None,
) -> Revision:
    """Write the one draft of a schedule, making it if there is none.

    seen: the digest of the draft that was edited, "" for none; another one means that somebody else saved meanwhile.
    Raises NotPermitted, NotFound, BadContent, StaleContent.
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    read = _read(content)
    with tenant_scope(actor.tenant_id):
        schedule = schedule_locked(schedule_id)
        draft: Revision | None = Revision.objects.filter(schedule=schedule, published_at__isnull=True).first()
        if seen is not None and seen != (draft.digest if draft else ""):
            raise StaleContent("draft_changed", name=schedule.name)
        if draft is None:
            return _new_draft(schedule, read, note, actor=actor, now=now)
        draft.content, draft.digest, draft.note = read.canonical, digest(read.canonical), note[:NOTE_MAX]
        draft.created_by_id, draft.created_by_name, draft.updated_at = actor.id, actor.name, now
        draft.save()
        _tell("schedule.drafted", schedule, actor, now, number=draft.number, digest=draft.digest)
    return draft


def discard_draft(schedule_id: UUID, *, seen: str, actor: Actor, now: datetime) -> None:
    """Throw the draft away that was seen (its digest). Raises NotPermitted, NotFound (also where there is no draft), StaleContent."""
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        schedule = schedule_locked(schedule_id)
        draft = Revision.objects.filter(schedule=schedule, published_at__isnull=True).first()
        if draft is None:
            raise NotFound(type="draft", id=str(schedule_id))
        if seen != draft.digest:
            raise StaleContent("draft_changed", name=schedule.name)
        _tell("schedule.draft_discarded", schedule, actor, now, number=draft.number, digest=draft.digest)
        draft.delete()


def schedule_locked(schedule_id: UUID) -> NamedSchedule:
    """The schedule's row, held until commit; raises NotFound."""
    found: NamedSchedule | None = (
        NamedSchedule.objects.filter(id=schedule_id, archived_at__isnull=True).select_for_update().first()
    )
    if found is None:
        raise NotFound(type="schedule", id=str(schedule_id))
    return found


def _new_draft(schedule: NamedSchedule, read: Content, note: str, *, actor: Actor, now: datetime) -> Revision:
    newest = Revision.objects.filter(schedule=schedule).aggregate(newest=Max("number"))["newest"] or 0
    draft = Revision(
        tenant_id=actor.tenant_id, schedule=schedule, number=newest + 1, content=read.canonical,
        digest=digest(read.canonical), note=note[:NOTE_MAX], created_by_id=actor.id, created_by_name=actor.name,
        created_at=now, updated_at=now,
    )  # fmt: skip
    draft.save(force_insert=True)
    _tell("schedule.drafted", schedule, actor, now, number=draft.number, digest=draft.digest)
    return draft


def _read(content: Mapping[str, Any]) -> Content:
    read = read_content(content)
    if isinstance(read, tuple):
        raise BadContent(read)
    return read


def _name(name: str) -> str:
    clean = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(clean) <= NAME_MAX or not clean.isprintable():
        raise Refused("bad_name", name=name[:NAME_MAX])
    return clean


def _alike(name: str) -> str:
    """Names that people take for the same: width, case and spaces apart."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _tell(kind: str, schedule: NamedSchedule, actor: Actor, now: datetime, **detail: object) -> None:
    record(
        kind,
        actor=actor,
        subject=Subject("schedule", str(schedule.id), schedule.name),
        now=now,
        detail=detail,
    )
