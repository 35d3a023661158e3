"""When what can be read as a person's may go, and the signed note that it went (ADR 19)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from medical_audit.domain.canonical import utc_text
from medical_audit.domain.notes import BadNote

#: For how many months after his last act a person stays readable: at least, without a decision, at most.
LEAST_PERSON_MONTHS: Final = 12
PERSON_MONTHS: Final = 60
MOST_PERSON_MONTHS: Final = 360
FORM: Final = "toban-erasure-1"
_ZONE: Final = ZoneInfo("Asia/Tokyo")


def erasable_from(last_act: datetime | None, months: int) -> datetime | None:
    """The day (JST) from which on he may be erased; None: at once, for he never did anything."""
    if last_act is None:
        return None
    local = last_act.astimezone(_ZONE)
    years, month = divmod(local.month - 1 + max(months, LEAST_PERSON_MONTHS), 12)
    day = min(local.day, 28)
    # Up to three days later than the calendar's own month end: never earlier than the database allows.
    later = local.day - day
    first = local.replace(year=local.year + years, month=month + 1, day=day)
    return datetime.fromtimestamp(first.timestamp() + later * 86_400, tz=UTC)


@dataclass(frozen=True, slots=True)
class Erased:
    """What the sealer signs: whose key was destroyed when, on whose word; no name. `key`: SHA-256 of the sealed key."""

    tenant_id: UUID
    person: str
    operation: UUID
    key: str
    count: int
    at: datetime

    def text(self) -> str:
        lines = (
            FORM,
            str(self.tenant_id),
            self.person,
            str(self.operation),
            self.key,
            str(self.count),
            utc_text(self.at),
        )
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Erased":
        """Raises BadNote."""
        lines = text.split("\n")
        if len(lines) != 8 or lines[0] != FORM or lines[7]:
            raise BadNote("this is no erasure")
        try:
            return cls(
                UUID(lines[1]),
                lines[2],
                UUID(lines[3]),
                lines[4],
                int(lines[5]),
                datetime.fromisoformat(lines[6]),
            )
        except ValueError as error:
            raise BadNote(f"this is no erasure: {error}") from error
