from django.apps import AppConfig


class RedmineSyncConfig(AppConfig):
    """What the tickets say: nothing yet, the floor is laid so that imports keep pointing down."""

    name = "redmine_sync"
    default_auto_field = "django.db.models.BigAutoField"
