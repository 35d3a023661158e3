from django.apps import AppConfig


class InfraConfig(AppConfig):
    """What runs where, and when."""

    name = "infra"
    default_auto_field = "django.db.models.BigAutoField"
