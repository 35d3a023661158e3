from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may: tenants, people, roles."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
