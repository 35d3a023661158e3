from django.apps import AppConfig

from medical_audit.domain.kinds import register_authority


class AccountsConfig(AppConfig):
    """Who may: tenants, people, roles."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.queries.people import still_authorised  # noqa: PLC0415  models exist only now

        register_authority(still_authorised)
