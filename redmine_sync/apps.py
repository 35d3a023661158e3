from django.apps import AppConfig


class RedmineSyncConfig(AppConfig):
    """What the tickets say."""

    name = "redmine_sync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from redmine_sync.operations.kinds import register_all  # noqa: PLC0415  models exist only now

        register_all()
