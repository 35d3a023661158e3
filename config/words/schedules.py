"""Schedules in words: why something is on or off, what kind of day it is, what is wrong with a tag."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# Why a resource is on or off, or why a planned start or stop is not carried out (infra.domain.reasons).
REASONS: Final[Mapping[str, Promise | str]] = {
    "not_scheduled": _("It has no schedule: there is neither an AutoStart nor an AutoStop tag."),
    "unreadable": _("Its schedule tags cannot be read, so Toban does nothing until they are corrected."),
    "working_day": _("%(day)s is a working day."),
    "weekend": _("On %(day)s it is not started, because the schedule leaves this day of the week out."),
    "holiday": _("On %(day)s it is not started, because that day is a holiday (%(name)s)."),
    "before_start": _("It is before its start on %(day)s at %(start)s."),
    "within": _("On %(day)s it runs from %(start)s to %(stop)s."),
    "after_stop": _("Its stop on %(day)s at %(stop)s has passed."),
    "start_only_waiting": _(
        "It is before its start on %(day)s at %(start)s. After that Toban leaves it as it is."
    ),
    "start_only_fired": _("Its start on %(day)s at %(start)s has passed. Toban leaves it as it is."),
    "stop_only_waiting": _(
        "It is before its stop on %(day)s at %(stop)s. Until then Toban leaves it as it is."
    ),
    "stop_only_fired": _("Its stop on %(day)s at %(stop)s has passed. Toban leaves it as it is."),
}

# The same reasons in a few words, for a table cell.
REASONS_SHORT: Final[Mapping[str, Promise | str]] = {
    "not_scheduled": _("No schedule"),
    "unreadable": _("Tag to correct"),
    "working_day": _("Working day"),
    "weekend": _("Day without a start"),
    "holiday": _("Holiday: %(name)s"),
    "before_start": _("Before its start at %(start)s"),
    "within": _("Runs %(start)s to %(stop)s"),
    "after_stop": _("After its stop at %(stop)s"),
    "start_only_waiting": _("Before its start at %(start)s"),
    "start_only_fired": _("Started at %(start)s, no stop"),
    "stop_only_waiting": _("Before its stop at %(stop)s"),
    "stop_only_fired": _("Stopped at %(stop)s, no start"),
}

DAY_SENTENCES: Final[Mapping[str, Promise | str]] = {
    "working_day": _("A working day. Servers start and stop as planned."),
    "weekend": _("Not a working day. Nothing is started by schedule, stops are still done."),
    "holiday": _("A holiday (%(name)s). Nothing is started by schedule, stops are still done."),
}

DAY_KINDS: Final[Mapping[str, Promise | str]] = {
    "working_day": pgettext_lazy("day", "Working day"),
    "weekend": pgettext_lazy("day", "Weekend"),
    "holiday": pgettext_lazy("day", "Holiday: %(name)s"),
}

# What is wrong with a tag (infra.domain.findings).
FINDINGS: Final[Mapping[str, Promise | str]] = {
    "empty": _("The tag %(tag)s has no value."),
    "too_long": _("The value of the tag %(tag)s is too long for a time: %(value)s"),
    "full_width": _("The tag %(tag)s is written in full-width characters: %(value)s"),
    "surrounded": _("The tag %(tag)s has spaces or invisible characters round its time: %(value)s"),
    "not_hh_mm": _("The tag %(tag)s is not two digits, a colon and two digits: %(value)s"),
    "hour_24": _("The tag %(tag)s says 24:00. Midnight is written 00:00."),
    "out_of_range": _("The tag %(tag)s names a time that no clock shows: %(value)s"),
    "has_zone": _(
        "The tag %(tag)s names a time zone: %(value)s. Tags are read in the zone of the AWS account."
    ),
    "not_a_time": _("The tag %(tag)s is not a time: %(value)s"),
    "same_time": _("AutoStart and AutoStop name the same time: %(value)s"),
    "tag_name": _("The tag name %(tag)s is almost right, but not quite."),
    "unknown_zone": _("The time zone of the AWS account does not exist: %(value)s"),
}

# The standing rule of a resource, by (has a start, has a stop).
SCHEDULES: Final[Mapping[tuple[bool, bool], Promise | str]] = {
    (True, True): _("Starts at %(start)s on %(days)s and stops at %(stop)s."),
    (True, False): _("Starts at %(start)s on %(days)s. Toban does not stop it."),
    (False, True): _("Stops at %(stop)s every day. Toban does not start it."),
}

EVERY_DAY = _("every day")

WORKING_DAYS = _("working days")
