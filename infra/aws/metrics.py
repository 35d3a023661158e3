"""Count what goes to AWS. Labels are few and fixed: never an account, a tenant or an id."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

CALLS = Counter("toban_aws_calls_total", "AWS calls by outcome", ["service", "action", "outcome"])
SECONDS = Histogram(
    "toban_aws_call_seconds",
    "Seconds until AWS answered or the call failed",
    ["service", "action"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40),
)
PACING_WAIT = Histogram(
    "toban_aws_pacing_wait_seconds",
    "Seconds a call waited for its turn",
    ["service", "action"],
    buckets=(0, 0.1, 0.5, 1, 2.5, 5, 10),
)
PACING_REFUSED = Counter(
    "toban_aws_pacing_refused_total", "Calls sent away: the queue was too long", ["service", "action"]
)
PACING_FALLBACK = Counter(
    "toban_aws_pacing_fallback_total", "Turns given without Redis, which did not answer"
)
