from django.apps import AppConfig


class InfraConfig(AppConfig):
    """What runs where, and when."""

    name = "infra"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from infra.operations.kinds import register_all  # noqa: PLC0415  models exist only now

        register_all()
