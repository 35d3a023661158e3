"""Measurements: `./toban bench NAME` runs `python -m tests.bench.NAME` in a stack of its own.

Each prints a table on stderr and one JSON object on stdout. Nothing here is asserted by the suite but counts.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
