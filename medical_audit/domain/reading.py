"""Which events are looks into the record by who reads it for others; one's own history is not among them."""

from typing import Final

READING: Final = frozenset(
    {
        "ledger.viewed",
        "ledger.searched",
        "ledger.event_viewed",
        "ledger.window_viewed",
        "ledger.sessions_viewed",
    }
)
