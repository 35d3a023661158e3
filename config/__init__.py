"""The top floor: settings, URLs, the Celery app with its beat table, and what starts a local stack."""
