"""What an event is called outside: the codes of DICOM PS3.15 A.5 and of FHIR for the kinds of Toban.

DICOM knows codes for sign-ins, alerts and the audit log itself. What an operations portal does beyond them has no code of
DICOM's, so those events carry codes of our own ("99TOBAN"), as the standard allows; the event's kind always stands beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from medical_audit.domain.recorded import Recorded

DCM: Final = "DCM"
OWN: Final = "99TOBAN"


@dataclass(frozen=True, slots=True)
class Code:
    code: str
    system: str
    meaning: str


_AUTHENTICATION = Code("110114", DCM, "User Authentication")
_ALERT = Code("110113", DCM, "Security Alert")
LOG_USED: Final = Code("110101", DCM, "Audit Log Used")
_EXPORT = Code("110106", DCM, "Export")
_LOGIN = Code("110122", DCM, "Login")
_LOGOUT = Code("110123", DCM, "Logout")
_ROLES = Code("110136", DCM, "Security Roles Changed")
_CONFIGURATION = Code("110129", DCM, "Security Configuration")
_ATTRIBUTES = Code("110137", DCM, "User Security Attributes Changed")
_OVERRIDE_STARTED = Code("110127", DCM, "Emergency Override Started")
_OVERRIDE_STOPPED = Code("110138", DCM, "Emergency Override Stopped")
_RECORDING_STARTED = Code("110134", DCM, "Audit Recording Started")
SOURCE_ROLE: Final = Code("110153", DCM, "Source Role ID")
DESTINATION_ROLE: Final = Code("110152", DCM, "Destination Role ID")
_LOGOUTS = frozenset(
    f"session.{end}" for end in ("signed_out", "idle", "left_seat", "forced", "expired", "cut_off")
)
_LOGINS = frozenset({"session.signed_in", "session.entered", "session.unlocked", "session.failed"})
_KINDS: Final[Mapping[str, tuple[Code, Code | None]]] = {
    "session.reauthentication_failed": (_AUTHENTICATION, None),
    "session.parallel": (_ALERT, None),
    "session.elsewhere": (_ALERT, None),
    "token.refused": (_ALERT, None),
    "session.shut_out": (_ALERT, _ATTRIBUTES),
    "emergency.opened": (_ALERT, _OVERRIDE_STARTED),
    "emergency.closed": (_ALERT, _OVERRIDE_STOPPED),
    "window.exported": (_EXPORT, None),
    "member.granted": (_ALERT, _ROLES),
    "user.created": (_ALERT, _ATTRIBUTES),
    "ledger.exported": (_EXPORT, None),
    "report.exported": (_EXPORT, None),
    "ledger.catalogue_changed": (_ALERT, _CONFIGURATION),
    "ledger.maintenance_opened": (_ALERT, _CONFIGURATION),
    "ledger.sealing_resumed": (_ALERT, _RECORDING_STARTED),
    "ledger.transaction_held": (_ALERT, None),
    "ledger.purged": (_ALERT, _CONFIGURATION),
    "ledger.restored": (_ALERT, _RECORDING_STARTED),
    "ledger.restored_with_loss": (_ALERT, _RECORDING_STARTED),
}
#: Create, read, update, delete, execute; what is not listed is executed.
_ACTIONS: Final[Mapping[str, str]] = {
    "operation.entered": "C",
    "user.created": "C",
    "tenant.founded": "C",
    "schedule.drafted": "C",
    "account.registered": "C",
    "price.removed": "D",
    "ledger.purged": "D",
    "schedule.draft_discarded": "D",
    "ledger.viewed": "R",
    "ledger.searched": "R",
    "ledger.event_viewed": "R",
    "ledger.window_viewed": "R",
    "ledger.own_viewed": "R",
    "ledger.sessions_viewed": "R",
    "ledger.exported": "R",
    "report.exported": "R",
    "window.exported": "R",
    "inventory.synced": "R",
}
_UPDATES = ("member.", "price.", "calendar.", "volume.", "redmine.", "operation.confirmed", "operation.rejected",
            "operation.withdrawn", "operation.cancelled", "operation.expired", "operation.half_confirmed")  # fmt: skip


def event_codes(event: Recorded) -> tuple[Code, tuple[Code, ...]]:
    """What kind of event it is, and more exactly; our own kind is always the last."""
    own = Code(event.kind, OWN, event.kind)
    if event.kind in _LOGINS or event.kind in _LOGOUTS:
        return _AUTHENTICATION, (_LOGIN if event.kind in _LOGINS else _LOGOUT, own)
    if event.kind in _KINDS:
        first, second = _KINDS[event.kind]
        return first, (own,) if second is None else (second, own)
    if event.family == "ledger":
        return LOG_USED, (own,)
    if event.family == "operation" and str(event.detail.get("kind", "")).startswith("member."):
        return _ALERT, (_ROLES, own)
    return Code(event.family, OWN, event.family), (own,)


def action_code(event: Recorded) -> str:
    """C, R, U, D or E."""
    if event.kind in _ACTIONS:
        return _ACTIONS[event.kind]
    return "U" if event.kind.startswith(_UPDATES) else "E"


def part_of_actor(event: Recorded) -> str:
    """enterer or verifier (FHIR's provenance-participant-type), where confirming is what is told; else empty."""
    return {"operation.entered": "enterer", "operation.confirmed": "verifier", "operation.half_confirmed": "verifier"}.get(
        event.kind, ""
    )  # fmt: skip
