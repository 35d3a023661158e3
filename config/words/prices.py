"""Prices in words: what is wrong with a line that a person sent."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What is wrong (infra.domain.prices.PriceProblem).
PROBLEMS: Final[Mapping[str, Promise | str]] = {
    "bad_kind": _("The kind is ec2, rds, cluster, asg, volume or volume_snapshot, not %(value)s."),
    "bad_region": _("The region is written like ap-northeast-1, not %(value)s. Empty means any."),
    "bad_type": _("The type is missing or longer than 60 characters: %(value)s"),
    "bad_price": _(
        "The price is a number like 0.124 with at most 6 decimals, without thousands separators, not %(value)s."
    ),
    "bad_currency": _("The currency is one of JPY, USD, EUR, GBP, CNY, KRW, SGD and AUD, not %(value)s."),
    "bad_unit": _(
        "The unit of this kind is %(value)s: prices of servers are for one hour, those of volumes for one GiB a month."
    ),
    "no_source": _("Say where the price was taken from, in at most 300 characters."),
    "bad_date": _("Say as of which day the price holds, like 2026-11-01."),
    "future_date": _("The day lies in the future: %(value)s. Enter the day on which you read the price."),
    "named_twice": _("%(value)s stands in the table twice."),
    "too_many_cells": _(
        "The line has more cells than the heading. Put a text that has commas in quotation marks."
    ),
    "table_too_large": _("The table is larger than 200,000 characters."),
    "table_too_long": _("The table has %(value)s lines; at most 500 are taken at once."),
    "table_empty": _("There is no line in the table."),
    "table_encoding": _("The file is neither UTF-8 nor Shift_JIS."),
    "bad_table": _("The table cannot be read: %(value)s"),
    "columns_missing": _("The heading lacks: %(value)s"),
}
LINE = _("Line %(line)s: %(problem)s")
UNITS: Final[Mapping[str, Promise | str]] = {"hour": _("an hour"), "gib-month": _("a GiB a month")}
MONEY = _("%(amount)s %(currency)s")
#: What to do with a left-over volume, before anybody has looked.
ADVICE: Final[Mapping[str, Promise | str]] = {
    "delete": _("Nobody has missed it for 90 days: delete it; the snapshot is enough."),
    "ask": _("Ask whether anybody still wants it."),
    "keep": _("It says that it must stay."),
}
