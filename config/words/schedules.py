"""Schedules in words: why something is on or off, what kind of day it is, what is wrong with a tag."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# Why a resource is on or off, or why a planned start or stop is not carried out (infra.domain.reasons).
REASONS: Final[Mapping[str, Promise | str]] = {
    "not_scheduled": _("It has no schedule: no tag and no assignment gives it one."),
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
    "start_only_fired": _("It was started on %(day)s at %(start)s. Toban does not stop it."),
    "stop_only_waiting": _(
        "It is before its stop on %(day)s at %(stop)s. Until then Toban leaves it as it is."
    ),
    "stop_only_fired": _("It was stopped on %(day)s at %(stop)s. Toban does not start it."),
    "all_day": _("On %(day)s it runs all day."),
    "no_period": _("Its schedule has no hours in which it runs."),
    "closure": _("On %(day)s it is not started, because the company is closed (%(name)s)."),
    "override_running": _("It is kept running until %(until)s, as %(person)s confirmed."),
    "override_stopped": _("It is kept stopped until %(until)s, as %(person)s confirmed."),
    "override_alone": _("It is left alone until %(until)s, as %(person)s confirmed."),
    "skipped_once": _("One start or stop is left out until %(until)s, as %(person)s confirmed."),
    "freeze": _("Nothing is done by schedule until %(until)s, as %(person)s confirmed."),
    "maintenance": _("It is kept running until %(until)s for the maintenance window %(name)s."),
    "never_touch": _("Its tag Toban=never tells Toban to leave it alone."),
    "enforced": _("Its schedule is enforced, and it was found otherwise (%(state)s)."),
    "newly_found": _("It was found running for the first time, outside its hours."),
    "auto_restart": _("AWS restarted it by itself after seven days stopped (running since %(since)s)."),
    "started_outside": _(
        "It runs since %(since)s although Toban stopped it: an automatic restart by AWS, or a start outside Toban."
    ),
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
    "all_day": _("Runs all day"),
    "no_period": _("No hours"),
    "closure": _("Closed: %(name)s"),
    "override_running": _("Kept running until %(until)s"),
    "override_stopped": _("Kept stopped until %(until)s"),
    "override_alone": _("Left alone until %(until)s"),
    "skipped_once": _("Skipped once, until %(until)s"),
    "freeze": _("Frozen until %(until)s"),
    "maintenance": _("Maintenance until %(until)s"),
    "never_touch": _("Never touched (tag)"),
    "enforced": _("Brought back to its schedule"),
    "newly_found": _("Newly found"),
    "auto_restart": _("Automatic restart by AWS"),
    "started_outside": _("Started outside Toban"),
}

DAY_SENTENCES: Final[Mapping[str, Promise | str]] = {
    "working_day": _("A working day. Servers start and stop as planned."),
    "weekend": _("Not a working day. Nothing is started by schedule, stops are still done."),
    "holiday": _("A holiday (%(name)s). Nothing is started by schedule, stops are still done."),
    "closure": _("The company is closed (%(name)s). Nothing is started by schedule, stops are still done."),
}

DAY_KINDS: Final[Mapping[str, Promise | str]] = {
    "working_day": pgettext_lazy("day", "Working day"),
    "weekend": pgettext_lazy("day", "Weekend"),
    "holiday": pgettext_lazy("day", "Holiday: %(name)s"),
    "closure": pgettext_lazy("day", "Closed: %(name)s"),
}

# What is wrong with a tag (infra.domain.findings).
FINDINGS: Final[Mapping[str, Promise | str]] = {
    "empty": _("The tag %(tag)s has no value."),
    "too_long": _("The value of the tag %(tag)s is too long for a time: %(value)s"),
    "full_width": _("The tag %(tag)s is written in full-width characters: %(value)s"),
    "surrounded": _("The tag %(tag)s has spaces or invisible characters round its time: %(value)s"),
    "not_hh_mm": _("The tag %(tag)s is not two digits, a colon and two digits: %(value)s"),
    "hour_24": _("The tag %(tag)s says 24:00. A start at midnight is written 00:00."),
    "out_of_range": _("The tag %(tag)s names a time that no clock shows: %(value)s"),
    "has_zone": _(
        "The tag %(tag)s names a time zone: %(value)s. Tags are read in the zone of the AWS account."
    ),
    "not_a_time": _("The tag %(tag)s is not a time: %(value)s"),
    "same_time": _("AutoStart and AutoStop name the same time: %(value)s"),
    "tag_name": _("The tag name %(tag)s is almost right, but not quite."),
    "unknown_zone": _("The time zone of the AWS account does not exist: %(value)s"),
    "unknown_schedule": _("The tag Schedule names no published schedule: %(value)s"),
    "toban_value": _("The tag Toban knows only the value never: %(value)s"),
}

# The standing rule of a resource, by (has a start, has a stop).
SCHEDULES: Final[Mapping[tuple[bool, bool], Promise | str]] = {
    (True, True): _("Starts at %(start)s on %(days)s and stops at %(stop)s."),
    (True, False): _("Starts at %(start)s on %(days)s. Toban does not stop it."),
    (False, True): _("Stops at %(stop)s every day. Toban does not start it."),
}

# Hours of one period, by (has a begin, has an end); "overnight" ends on the next day.
HOURS: Final[Mapping[tuple[bool, bool], Promise | str]] = {
    (True, True): _("%(begin)s–%(end)s"),
    (True, False): _("starts at %(begin)s, is not stopped"),
    (False, True): _("stops at %(end)s, is not started"),
    (False, False): _("all day"),
}
OVERNIGHT = _("%(begin)s–%(end)s on the next day")
ORDINALS: Final[Mapping[int, Promise | str]] = {
    1: _("first %(weekday)s of the month"),
    2: _("second %(weekday)s of the month"),
    3: _("third %(weekday)s of the month"),
    4: _("fourth %(weekday)s of the month"),
    5: _("fifth %(weekday)s of the month"),
}
LAST_WEEKDAY = _("last %(weekday)s of the month")
MONTHDAY = pgettext_lazy("day of the month", "day %(days)s")
LAST_DAY = _("last day of the month")
NEAREST = _("weekday nearest to day %(day)s")
IN_MONTHS = _("in %(months)s")
RUNS = _("It runs: %(periods)s.")

EVERY_DAY = _("every day")

WORKING_DAYS = _("working days")
