from django.apps import AppConfig

from medical_audit.domain.working_days import register_working_days


class InfraConfig(AppConfig):
    """What runs where, and when."""

    name = "infra"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from infra.operations.kinds import register_all  # noqa: PLC0415  models exist only now
        from infra.queries.calendars import TenantDays  # noqa: PLC0415  models exist only now

        register_working_days(TenantDays())
        register_all()
