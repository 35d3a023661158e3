"""What people can be told of, and which ledger events tell it; a topic is what a person chooses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum


class Topic(StrEnum):
    """failed: an operation failed or nobody can find out whether it was done, an AWS account cannot be read, or a receiver of the ledger's stream lags. missed: a planned action was not done in time.
    waiting: an operation waits for this person's confirmation. brake: stops are held until a person decides. drift:
    something was changed outside Toban. review: the review of a month is overdue.
    emergency: an emergency right was opened, or an account that lies in a sealed envelope was used. expiry: what a database is trusted by ends soon.
    breaker: calls to an AWS account or to a receiver are paused."""

    FAILED = "failed"
    MISSED = "missed"
    WAITING = "waiting"
    BRAKE = "brake"
    DRIFT = "drift"
    REVIEW = "review"
    EMERGENCY = "emergency"
    EXPIRY = "expiry"
    BREAKER = "breaker"


#: News: what has happened. The other topics are of what waits now, and end by themselves when it does not any more.
NEWS: Mapping[str, Topic] = {
    "operation.failed": Topic.FAILED,
    "operation.unsettled": Topic.FAILED,
    "account.unreachable": Topic.FAILED,
    "operation.missed": Topic.MISSED,
    "schedule.long_outage": Topic.MISSED,
    "resource.drifted": Topic.DRIFT,
    "review.overdue": Topic.REVIEW,
    "ledger.stream_late": Topic.FAILED,
    "member.recertification_begun": Topic.REVIEW,
    "member.recertification_due": Topic.REVIEW,
    "emergency.opened": Topic.EMERGENCY,
    "emergency.account_used": Topic.EMERGENCY,
    "resource.certificate_ends": Topic.EXPIRY,
    "resource.certificate_ended": Topic.EXPIRY,
    "breaker.opened": Topic.BREAKER,
}
#: News that does not wait for the next mail that is due anyway.
URGENT = frozenset({"emergency.opened", "emergency.account_used"})
#: The kind of operation that stands for a brake; the floor above declares it.
BRAKE_KIND = "round.release"
#: What is older is no news to anybody; it stays in the ledger.
NEWS_FOR = timedelta(days=30)


def topics_of(given: Iterable[str]) -> list[str]:
    """Known topics of a list that came from outside or from a row, each once, in a fixed order."""
    chosen = set(given)
    return [str(topic) for topic in Topic if topic in chosen]


def news_kinds(topics: Iterable[str]) -> list[str]:
    """The kinds of events behind topics."""
    wanted = set(topics)
    return sorted(kind for kind, topic in NEWS.items() if topic in wanted)


def topic_of_operation(kind: str) -> Topic:
    """The topic of an operation that waits for a person."""
    return Topic.BRAKE if kind == BRAKE_KIND else Topic.WAITING
