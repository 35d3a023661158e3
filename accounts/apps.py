from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may: tenants, people, roles."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.queries.people import still_authorised  # noqa: PLC0415  models exist only now
        from medical_audit.domain.kinds import register_authority  # noqa: PLC0415

        register_authority(still_authorised)
