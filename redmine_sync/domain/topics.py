"""What may become tickets, as a table: which events begin it, which move it on, which end it, and how its ticket is found.

A new operation that people want to follow in their tickets is one more kind in the `operations` of a topic; a new finding is
one more line, with its words in config.words.tickets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ENTERED, MISSED, FAILED = "operation.entered", "operation.missed", "operation.failed"
CONFIRMED, SUCCEEDED = "operation.confirmed", "operation.succeeded"
#: Nobody could find out for long whether it was done.
UNSETTLED = "operation.unsettled"
VOLUME_ASKED = "volume.ticket_asked"
#: Nothing comes of it any more, and nothing happened.
_DROPPED = frozenset(
    {"operation.rejected", "operation.withdrawn", "operation.expired", "operation.cancelled"}
)


class How(StrEnum):
    """How a rule tells of a topic: not, one ticket each, or one ticket for all of a project."""

    NOT = ""
    EACH = "each"
    DIGEST = "digest"


class By(StrEnum):
    """What makes two events speak of the same ticket."""

    ACTION = "action"  # the same kind of operation at the same target
    OPERATION = "operation"
    SUBJECT = "subject"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Topic:
    """`code` (at most 10 letters) stands in rules and tickets.

    `operations`: the kinds of operations it is about; empty for all, or where no operation begins it. `notes`: events that
    are told and change nothing. `ended_by`: a success of one of these kinds, whose subject is of the type `ended_on`,
    ends it. `asked`: a person wants a ticket of its own, whatever the rule tells of this topic. `standing`: it goes on until something ends it, so its ticket is opened again after a snooze, and a new
    rule finds what stands already. `digest`: it may be told in one ticket per project.
    """

    code: str
    by: By
    opens: frozenset[str]
    asked: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    closes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    ended_by: frozenset[str] = frozenset()
    ended_on: str = ""
    standing: bool = False
    digest: bool = False

    @property
    def watched(self) -> frozenset[str]:
        return (
            self.opens
            | self.asked
            | self.notes
            | self.closes
            | ({SUCCEEDED} if self.ended_by else frozenset())
        )

    def verb(self, body: Mapping[str, Any]) -> str:
        """What an event (its canonical body) asks for: "open", "close", or "" where it is not about this topic."""
        kind, detail = str(body.get("kind", "")), body.get("detail") or {}
        operation_kind = str(detail.get("kind", ""))
        if kind == SUCCEEDED and operation_kind in self.ended_by:
            return "close"
        if self.operations and operation_kind not in self.operations:
            return ""
        if kind.startswith("operation.") and not body.get("operation"):
            return ""
        if kind in self.opens | self.asked | self.notes:
            # Entries of the clock come confirmed; only what stands at ENTERED waits for somebody.
            return "" if self is APPROVAL and detail.get("state") != "ENTERED" else "open"
        return "close" if kind in self.closes else ""

    @property
    def rare(self) -> frozenset[str]:
        """Events that begin or end it and are few over the years, so that they can be looked up."""
        return frozenset(kind for kind in self.opens | self.closes if not kind.startswith("operation."))

    def key(self, tenant: str, body: Mapping[str, Any]) -> str:
        """By which the ticket of an event is found; the tenant is in it, because several may share one Redmine."""
        detail, subject = body.get("detail") or {}, body.get("subject") or {}
        told = {
            By.ACTION: f"{detail.get('kind', '')}:{subject.get('type', '')}:{subject.get('id', '')}",
            By.OPERATION: str(body.get("operation", "")),
            By.SUBJECT: f"{subject.get('type', '')}:{subject.get('id', '')}",
            By.NAME: str(subject.get("name", "")),
        }[self.by]
        return f"{tenant}:{self.code}:{told}"[:200]

    def digest_key(self, tenant: str, project: str) -> str:
        name = hashlib.sha256(project.encode("utf-8")).hexdigest()[:24]
        return f"{tenant}:{self.code}:all:{name}"


#: An operation that is told from its entry to its end.
_FOLLOWED: dict[str, Any] = {
    "opens": frozenset({ENTERED}), "notes": frozenset({CONFIRMED, FAILED, MISSED, UNSETTLED}), "closes": _DROPPED | {SUCCEEDED},
}  # fmt: skip
FAILURE = Topic(
    "failure", By.ACTION, opens=frozenset({FAILED, MISSED, UNSETTLED}), closes=frozenset({SUCCEEDED})
)
APPROVAL = Topic(
    "approval", By.OPERATION, opens=frozenset({ENTERED}), closes=_DROPPED | {CONFIRMED}, standing=True
)
TOPICS = {
    one.code: one
    for one in (
        FAILURE,
        APPROVAL,
        Topic(
            "volume", By.SUBJECT, opens=frozenset({"volume.left_over"}), asked=frozenset({VOLUME_ASKED}),
            closes=frozenset({"volume.taken_up", "volume.snoozed"}),
            standing=True, digest=True,
        ),
        Topic(
            "review", By.NAME, opens=frozenset({"review.overdue"}), ended_by=frozenset({"review.sign"}),
            ended_on="review", standing=True,
        ),
        Topic("deletion", By.OPERATION, operations=frozenset({"volume.delete"}), **_FOLLOWED),
        Topic("restore", By.OPERATION, operations=frozenset({"volume.restore", "rds.restore"}), **_FOLLOWED),
        # A campaign is planned long before: each of its databases is told from the beginning of its wave on, and what one
        # campaign missed is over when another one has done it.
        Topic("rotation", By.ACTION, operations=frozenset({"rds.certificate"}), **_FOLLOWED),
    )
}  # fmt: skip
#: Those that a rule holds in `topics`; the first two have columns of their own.
CHOSEN = tuple(one for one in TOPICS.values() if one not in (FAILURE, APPROVAL))
#: What the reader looks at; everything else is passed by.
WATCHED = frozenset().union(*(one.watched for one in TOPICS.values()))


def read_choice(given: Mapping[str, Any]) -> dict[str, str] | None:
    """The chosen topics and how each is told, those that are not told left out; None where that cannot be."""
    chosen = {str(code): str(how) for code, how in given.items() if how}
    for code, how in chosen.items():
        topic = TOPICS.get(code)
        if topic not in CHOSEN or how not in ((How.EACH, How.DIGEST) if topic.digest else (How.EACH,)):
            return None
    return dict(sorted(chosen.items()))
