from django.apps import AppConfig

from medical_audit.domain.people import register_directory


class AccountsConfig(AppConfig):
    """Who may: tenants, people, roles."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.operations.kinds import register_all  # noqa: PLC0415  models exist only now
        from accounts.queries.people import People  # noqa: PLC0415  models exist only now
        from accounts.queries.recertifying import report_rows  # noqa: PLC0415  models exist only now
        from medical_audit.queries.reports import register_report  # noqa: PLC0415  models exist only now

        register_directory(People())
        register_report("recertification", report_rows)
        register_all()
