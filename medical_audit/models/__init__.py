from medical_audit.models.anomaly import Anomaly, AnomalyRules, AnomalyWatch
from medical_audit.models.answer import StoredAnswer
from medical_audit.models.authority import Confirmation, ConfirmPolicy, Delegation, Deputy
from medical_audit.models.clock import ClockReading
from medical_audit.models.emergency import Emergency
from medical_audit.models.event import Event, Link
from medical_audit.models.export import Export, ExportPart
from medical_audit.models.heartbeat import Heartbeat
from medical_audit.models.lane import Lane
from medical_audit.models.operation import Operation
from medical_audit.models.person import Erasure, PersonKey, PersonValue
from medical_audit.models.retention import Retention
from medical_audit.models.review import AccessReview, ReviewItem
from medical_audit.models.saved_search import SavedSearch
from medical_audit.models.seal import Seal
from medical_audit.models.session import FailedSignIn, Session, TenantPolicy, Visit
from medical_audit.models.verification import VerificationRun

__all__ = [
    "AccessReview",
    "Anomaly",
    "AnomalyRules",
    "AnomalyWatch",
    "ClockReading",
    "ConfirmPolicy",
    "Confirmation",
    "Delegation",
    "Deputy",
    "Emergency",
    "Erasure",
    "Event",
    "Export",
    "ExportPart",
    "FailedSignIn",
    "Heartbeat",
    "Lane",
    "Link",
    "Operation",
    "PersonKey",
    "PersonValue",
    "Retention",
    "ReviewItem",
    "SavedSearch",
    "Seal",
    "Session",
    "StoredAnswer",
    "TenantPolicy",
    "VerificationRun",
    "Visit",
]
