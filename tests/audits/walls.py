"""Reviewed: who may do what with the tables of the auditors. tests/test_walls.py compares."""

from __future__ import annotations

READ, WORK = "SELECT", "INSERT, SELECT, UPDATE"
READERS = dict.fromkeys(("toban_worker", "toban_scheduler", "toban_audit"), READ)

AUDIT_PRIVILEGES: dict[str, dict[str, str]] = {
    "public.medical_audit_deputy": {"toban_web": "DELETE, INSERT, SELECT", **READERS},
    "public.medical_audit_delegation": {"toban_web": WORK, **READERS},
    "public.medical_audit_confirmpolicy": {"toban_web": WORK, **READERS},
    "public.medical_audit_confirmation": {"toban_web": "INSERT, SELECT", **READERS},
    "public.medical_audit_anomaly": {
        "toban_web": READ,
        "toban_scheduler": "INSERT, SELECT",
        "toban_audit": READ,
    },
    "public.medical_audit_anomalywatch": {"toban_web": READ, "toban_scheduler": WORK, "toban_audit": READ},
    "public.medical_audit_anomalyrules": {"toban_web": WORK, **READERS},
    "public.medical_audit_clockreading": {
        "toban_web": READ,
        "toban_worker": "DELETE, INSERT, SELECT",
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.medical_audit_emergency": {
        "toban_web": WORK,
        "toban_worker": READ,
        "toban_scheduler": "SELECT, UPDATE (closed_at, closing)",
        "toban_audit": READ,
        "toban_queue": "SELECT (closed_at, closes_at, tenant_id)",
    },
    "public.medical_audit_accessreview": {"toban_web": WORK, "toban_scheduler": READ, "toban_audit": READ},
    "public.medical_audit_reviewitem": {"toban_web": WORK, "toban_audit": READ},
}
