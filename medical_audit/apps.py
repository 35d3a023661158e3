from django.apps import AppConfig


class MedicalAuditConfig(AppConfig):
    """Who did what, on whose authority: the ground floor."""

    name = "medical_audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from medical_audit.domain.personal import register_people_reader  # noqa: PLC0415  with it
        from medical_audit.operations.own_kinds import register_own  # noqa: PLC0415  models exist only now
        from medical_audit.queries.people import people_in  # noqa: PLC0415  with it

        register_own()
        register_people_reader(people_in)
