"""The rights that this floor asks for, by name; accounts.domain.permissions says which role holds which."""

from typing import Final

OPERATION_VIEW: Final = "operation.view"
OPERATION_REJECT: Final = "operation.reject"
OPERATION_CANCEL: Final = "operation.cancel"
OWN_CHANGE: Final = "own.change"
LEDGER_VIEW: Final = "ledger.view"
SESSION_END: Final = "session.end"
POLICY_EDIT: Final = "policy.edit"
POLICY_CONFIRM: Final = "policy.confirm"
DELEGATE: Final = "delegation.give"
EMERGENCY_ASK: Final = "emergency.ask"
EMERGENCY_OPEN: Final = "emergency.open"
REVIEW: Final = "review.write"
RECORD_CORRECT: Final = "record.correct"
