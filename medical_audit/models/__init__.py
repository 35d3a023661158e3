from medical_audit.models.event import Event, Link
from medical_audit.models.heartbeat import Heartbeat
from medical_audit.models.lane import Lane
from medical_audit.models.operation import Operation

__all__ = ["Event", "Heartbeat", "Lane", "Link", "Operation"]
