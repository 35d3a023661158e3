"""The Celery app and the whole beat table.

A message is never the action: rows are the queue, messages only wake workers (design §2). So nothing here is
acknowledged late, retried or stored, and a lost message costs one beat of the sweep.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_ready, worker_shutting_down

from config.logs import configure
from infra.aws.gateway import current
from infra.aws.sessions import EC2
from medical_audit.operations import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("toban")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_default_queue="control",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 2, "socket_connect_timeout": 1, "visibility_timeout": 3600},
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
    timezone="UTC",
    beat_schedule={
        "tick": {"task": "infra.tasks.tick", "schedule": 2.0, "options": {"expires": 10}},
        "sweep": {"task": "medical_audit.tasks.sweep", "schedule": 10.0, "options": {"expires": 20}},
        "sessions": {
            "task": "medical_audit.tasks.close_sessions",
            "schedule": 30.0,
            "options": {"expires": 60},
        },
        "answers": {
            "task": "medical_audit.tasks.forget_answers",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "clocks": {"task": "medical_audit.tasks.read_clocks", "schedule": 60.0, "options": {"expires": 60}},
        "anomalies": {"task": "medical_audit.tasks.watch", "schedule": 60.0, "options": {"expires": 60}},
        "inventory": {"task": "infra.tasks.kick_inventories", "schedule": 30.0, "options": {"expires": 60}},
        "terms": {"task": "accounts.tasks.end_terms", "schedule": 60.0, "options": {"expires": 60}},
        "rights": {
            "task": "accounts.tasks.look_after_rights",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
        "digests": {"task": "accounts.tasks.send_digests", "schedule": 60.0, "options": {"expires": 60}},
        "feeds": {"task": "infra.tasks.kick_feeds", "schedule": 300.0, "options": {"expires": 300}},
        "exports": {"task": "medical_audit.tasks.kick_exports", "schedule": 15.0, "options": {"expires": 15}},
        "clearing": {"task": "accounts.tasks.clear_channels", "schedule": 60.0, "options": {"expires": 60}},
        "channels": {"task": "accounts.tasks.kick_channels", "schedule": 5.0, "options": {"expires": 10}},
        "tickets": {"task": "redmine_sync.tasks.kick", "schedule": 15.0, "options": {"expires": 15}},
        "repositories": {
            "task": "redmine_sync.tasks.kick_repositories",
            "schedule": 20.0,
            "options": {"expires": 20},
        },
        "partitions": {
            "task": "medical_audit.tasks.ensure_partitions",
            "schedule": 86400.0,
            "options": {"expires": 3600},
        },
    },
    task_routes={
        "medical_audit.tasks.drain_lane": {"queue": "aws"},
        "medical_audit.tasks.make_exports": {"queue": "inventory"},
        "infra.tasks.take_inventory": {"queue": "inventory"},
        "infra.tasks.prove_account": {"queue": "inventory"},
        "infra.tasks.list_organization": {"queue": "inventory"},
        # A time server that does not answer keeps one background worker waiting, never the clock.
        "medical_audit.tasks.read_clocks": {"queue": "inventory"},
        # A mail server that does not answer keeps one background worker busy, never the clock.
        "accounts.tasks.send_digests": {"queue": "inventory"},
        # Whoever receives messages may be slow: that holds up nothing but messages, and one tenant not another's.
        "accounts.tasks.clear_channels": {"queue": "channels"},
        "accounts.tasks.follow_channels": {"queue": "channels"},
        "accounts.tasks.visit_channel": {"queue": "channels"},
        "infra.tasks.refresh_feed": {"queue": "inventory"},
        "redmine_sync.tasks.visit": {"queue": "tickets"},
        # A git server that hangs holds up neither tickets nor the clock.
        "redmine_sync.tasks.visit_repository": {"queue": "commits"},
        "redmine_sync.tasks.note_refused": {"queue": "commits"},
    },
)
app.autodiscover_tasks()


@beat_init.connect
def ask_at_once(**_: object) -> None:
    """A beat that has just started asks for every duty once, instead of letting each interval pass first."""
    for entry in app.conf.beat_schedule.values():
        app.send_task(entry["task"], **entry["options"])


@worker_ready.connect
def warm_up(sender: Any, **_: object) -> None:
    """The first client of a process costs a third of a second of CPU: better now than when all lanes are due."""
    if {"aws", "inventory"} & set(sender.app.amqp.queues.consume_from):
        clients, region = current().clients, current().config.sts_region
        clients.own_sts()
        clients.in_role(EC2, region)


@worker_shutting_down.connect
def end_what_is_in_hand(**_: object) -> None:
    """A worker asked to stop would serve its lanes to their end, however long; this lets it end its batches only."""
    stopping.ask()


@setup_logging.connect
def one_log_format(**_: object) -> None:
    """Workers and beat write the same JSON lines as the web server; Celery sets nothing up of its own."""
    configure({})
