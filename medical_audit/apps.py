from django.apps import AppConfig


class MedicalAuditConfig(AppConfig):
    """Who did what, on whose authority: the ground floor."""

    name = "medical_audit"
    default_auto_field = "django.db.models.BigAutoField"
