"""Name what is wrong with a tag, so that a person can put it right.

A finding carries a code, never a sentence: the edge holds one sentence per code and language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHOWN_LENGTH = 60


class FindingCode(StrEnum):
    """Everything that can be wrong with the schedule tags of a resource."""

    EMPTY = "empty"  # no value, or only spaces
    TOO_LONG = "too_long"  # longer than any way of writing a time
    FULL_WIDTH = "full_width"  # a time, but not written in half-width characters
    SURROUNDED = "surrounded"  # a time with spaces or invisible characters before or after it
    NOT_HH_MM = "not_hh_mm"  # a time, but not two digits, a colon and two digits
    HOUR_24 = "hour_24"  # 24:00, which tags write as 00:00
    OUT_OF_RANGE = "out_of_range"  # no clock shows this: 25:00, 09:60
    HAS_ZONE = "has_zone"  # a time with a zone or an offset; tags are read in the account's zone
    NOT_A_TIME = "not_a_time"  # anything else
    SAME_TIME = "same_time"  # AutoStart and AutoStop name the same time
    TAG_NAME = "tag_name"  # a tag key that is almost AutoStart or AutoStop
    UNKNOWN_ZONE = "unknown_zone"  # the account's time zone does not exist
    UNKNOWN_SCHEDULE = "unknown_schedule"  # no published schedule has the name that the tag gives
    TOBAN_VALUE = "toban_value"  # the tag Toban says something other than never


@dataclass(frozen=True, slots=True)
class Finding:
    """Say what is wrong with one tag.

    tag: the key as found, "" when the fault is not in a tag. value: as found, safe to store and show.
    suggestion: the corrected value (for TAG_NAME the corrected key), None when there is no safe one.
    """

    code: FindingCode
    tag: str
    value: str
    suggestion: str | None = None


def shown(text: str) -> str:
    r"""Make any text safe to store and to show.

    Characters without a glyph (line ends, NUL, direction marks, lone surrogates) come out as escapes such as
    ``\u200f``, because PostgreSQL refuses some of them and a screen hides the rest; long text is cut.
    """
    clipped = text[:SHOWN_LENGTH]
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in clipped)
    return escaped + "…" if len(text) > SHOWN_LENGTH else escaped
