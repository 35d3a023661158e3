"""What a ticket system tells of itself: people, projects, issues and their journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Me:
    id: int
    login: str
    admin: bool


@dataclass(frozen=True, slots=True)
class Status:
    id: int
    name: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Project:
    """`fields`: issue custom fields in use there, name -> id; `trackers`: id -> name. `open`: it can be written to.
    `tells_fields` is False at servers older than 4.2."""

    id: int
    identifier: str
    name: str
    open: bool
    issues: bool
    fields: Mapping[str, int]
    trackers: Mapping[int, str]
    tells_fields: bool = True


@dataclass(frozen=True, slots=True)
class Journal:
    """One change of an issue; `status` is where it moved the status to, or None."""

    id: int
    author_id: int
    author: str
    notes: str
    at: datetime
    status: int | None


@dataclass(frozen=True, slots=True)
class Issue:
    """`key` is the value of the field by which Toban finds it; journals only where they were asked for."""

    id: int
    project_id: int
    status_id: int
    status: str
    subject: str
    description: str
    author_id: int
    updated_on: datetime
    closed_on: datetime | None
    key: str
    journals: tuple[Journal, ...] = ()


@dataclass(frozen=True, slots=True)
class NewIssue:
    project_id: int
    tracker_id: int
    subject: str
    description: str
    key: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A page of issues that changed, oldest first; `total` over all pages."""

    issues: Sequence[Issue]
    total: int
