"""The sealed emergency right (非常時権限): how long it is open, and how it ended. Pure."""

from enum import StrEnum

#: The kind of operation by which it is opened.
OPEN = "emergency.open"
#: As what it stands among a person's roles while it is open, and so in every event of what he does meanwhile.
ROLE = "emergency"
#: Minutes, both allowed.
SHORTEST, LONGEST = 5, 240


class Closing(StrEnum):
    """How an emergency right ended: its time was over, or somebody gave it back."""

    TIME = "time"
    HAND = "hand"
