from django.apps import AppConfig

from config.celery import app as celery_app
from medical_audit.domain.event_kinds import declare_event_kinds

__all__ = ["ConfigConfig", "celery_app"]


class ConfigConfig(AppConfig):
    """The top floor as a Django app; loading it makes the Celery app current for every `shared_task`."""

    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415  registers itself, once the models exist
        from config.words.events import EVENT_KINDS  # noqa: PLC0415  words of apps that are loaded by now

        declare_event_kinds(EVENT_KINDS)
