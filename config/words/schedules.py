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
    "group_member": _("It belongs to the Auto Scaling group %(name)s and starts and stops with it."),
    "cluster_member": _("It belongs to the database cluster %(name)s and starts and stops with it."),
    "unsupported": _("Its schedule asks for a stop that cannot be done, so nothing is done by schedule."),
    "enforced": _("Its schedule is enforced, and it was found otherwise (%(state)s)."),
    "newly_found": _("It was found running for the first time, outside its hours."),
    "auto_restart": _("AWS restarted it by itself after seven days stopped (running since %(since)s)."),
    "rules_changed": _("The rules changed, and from then on another state was wanted."),
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
    "group_member": _("With its group %(name)s"),
    "cluster_member": _("With its cluster %(name)s"),
    "unsupported": _("Cannot be stopped"),
    "enforced": _("Brought back to its schedule"),
    "newly_found": _("Newly found"),
    "auto_restart": _("Automatic restart by AWS"),
    "rules_changed": _("Rules changed"),
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
    "toban_value": _("The tag Toban knows only the values never and managed: %(value)s"),
}

# The standing rule of a resource, by (has a start, has a stop).
SCHEDULES: Final[Mapping[tuple[bool, bool], Promise | str]] = {
    (True, True): _("Starts at %(start)s on %(days)s and stops at %(stop)s."),
    (True, False): _("Starts at %(start)s on %(days)s. Toban does not stop it."),
    (False, True): _("Stops at %(stop)s every day. Toban does not start it."),
}

# How a schedule is carried out (infra.domain.schedule.Options): (label, help beside the box).
OPTIONS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "holidays": (
        _("Observe the calendar"),
        _("On holidays and closed days nothing is started; stops are still done."),
    ),
    "enforced": (
        _("Enforced"),
        _("The state is held: what somebody changes by hand is changed back at the next look."),
    ),
    "retain_running": (
        _("Leave on what ran before"),
        _("What ran already when its hours began is not stopped at their end."),
    ),
    "stop_new": (
        _("Stop what is newly found"),
        _("What is first seen running outside its hours is stopped."),
    ),
    "hibernate": (_("Hibernate"), _("EC2 instances hibernate instead of stopping, where they can.")),
    "ordered": (
        _("Databases first"),
        _("Within a project databases start before servers and stop after them."),
    ),
    "snapshot": (
        _("Snapshot before a stop"),
        _(
            "Of an RDS instance AWS makes a snapshot right before its stop; the one from the stop before is deleted once the new one is complete. AWS has none for clusters, so a cluster that follows this schedule is not stopped."
        ),
    ),
    "rds_maintenance": (
        _("On during RDS maintenance"),
        _("Databases and clusters run from 10 minutes before their weekly maintenance window to its end."),
    ),
    "maintenance_windows": (
        _("On during SSM maintenance windows"),
        _(
            "Names or ids of maintenance windows in Systems Manager, separated by commas. What follows this schedule runs from 10 minutes before such a window to its end, also on closed days."
        ),
    ),
    "grace_start_min": (_("Late start"), _("So many minutes late a start may still be done.")),
    "grace_stop_min": (_("Late stop"), _("So many minutes late a stop may still be done.")),
}

# What is wrong with a field of a schedule, or seldom meant (infra.domain.content).
PROBLEMS: Final[Mapping[str, Promise | str]] = {
    "not_an_object": _("%(field)s cannot be read."),
    "not_a_list": _("%(field)s cannot be read."),
    "unknown_key": _("%(field)s is not known here."),
    "number_of_periods": _("A schedule has 1 to 50 rows of hours."),
    "unknown_zone": _("The time zone does not exist: %(value)s"),
    "bad_name": _("The name cannot be used: %(value)s"),
    "same_time": _(
        "Start and stop are the same time (%(value)s), so it would never run. For a whole day choose “Runs all day”."
    ),
    "bad_weekdays": _("The weekdays cannot be read: %(value)s. Write mon-fri, sat, mon#1 or friL."),
    "bad_monthdays": _("The days of the month cannot be read: %(value)s. Write 1-7, 15, L, 15W or 1/15."),
    "bad_months": _("The months cannot be read: %(value)s. Write apr-sep or 4-9."),
    "bad_grace": _("Minutes from 1 to 360 are needed, not %(value)s."),
    "bad_window": _(
        "AWS has no maintenance window of such a name: %(value)s. A name has 3 to 128 letters, digits, dots, hyphens or underscores."
    ),
    "too_many_windows": _("At most %(limit)s maintenance windows can be named, not %(value)s."),
    "not_yes_or_no": _("%(field)s is neither yes nor no."),
    "halves_do_not_compose": _(
        "Hours that only start or only stop do not compose with others: nothing would be stopped. Use one row with both times."
    ),
    "enforced_one_way": _(
        "An enforced schedule that only starts, or only stops, is held in that one direction only."
    ),
    "never_comes": _("These hours do not come within the next two years."),
}
TIME_PROBLEM = _("%(value)s is not a time like 08:30.")
TIME_CURE = _("Write %(suggestion)s.")

# The difference of two contents of a schedule (infra.queries.forecast.differences).
DIFFERENCES: Final[Mapping[str, Promise | str]] = {
    "new_schedule": _("This is its first publication."),
    "period_added": _("New hours: %(period)s"),
    "period_removed": _("No longer: %(period)s"),
    "zone_changed": _("Time zone: %(before)s → %(after)s"),
    "option_changed": _("%(option)s: %(before)s → %(after)s"),
    "closure_added": _("Closed every year from %(first)s to %(last)s: %(name)s"),
    "closure_removed": _("No longer closed every year from %(first)s to %(last)s: %(name)s"),
    "closed_added": _("Closed on %(day)s: %(name)s"),
    "closed_removed": _("No longer closed on %(day)s: %(name)s"),
    "extra_added": _("Extra working day on %(day)s: %(name)s"),
    "extra_removed": _("No longer an extra working day on %(day)s: %(name)s"),
    "holiday_added": _("Holiday on %(day)s: %(name)s"),
    "holiday_removed": _("No longer a holiday: %(day)s"),
}
YES, NO = pgettext_lazy("option", "yes"), pgettext_lazy("option", "no")

# Overrides (infra.models.schedule.Override), by kind and wish.
OVERRIDES: Final[Mapping[tuple[str, str], Promise | str]] = {
    ("override", "running"): _("kept running"),
    ("override", "stopped"): _("kept stopped"),
    ("override", "any"): _("left alone"),
    ("skip", "any"): _("skipped once"),
    ("freeze", "any"): _("frozen"),
}
ENDS: Final[Mapping[str, Promise | str]] = {
    "tonight": _("tonight"),
    "tomorrow": _("tomorrow morning"),
    "monday": _("Monday morning"),
}
# Where a schedule comes from (infra.domain.sources.Source).
FOLLOWED: Final[Mapping[str, Promise | str]] = {
    "resource": _("Assigned to this resource:"),
    "tag": _("By its tag Schedule:"),
    "tags": _("By its tags AutoStart and AutoStop."),
    "project": _("Assigned to its project:"),
    "tenant": _("Default of the tenant:"),
}
# The same, in front of a number of resources.
FOLLOWING: Final[Mapping[str, Promise | str]] = {
    "resource": _("assigned one by one"),
    "tag": _("by their tag Schedule"),
    "tags": _("by their tags AutoStart and AutoStop"),
    "project": _("by their project"),
    "tenant": _("by the default of the tenant"),
}
LIST_SOURCES: Final[Mapping[str, Promise | str]] = {
    "library": _("Shipped with Toban"),
    "cabinet": _("Cabinet Office (syukujitsu.csv)"),
    "ical": _("iCalendar (.ics)"),
}
LIST_STATES: Final[Mapping[str, Promise | str]] = {
    "adopted": _("in force"),
    "replaced": _("replaced"),
    "quarantined": _("waits for a person"),
    "refused": _("refused"),
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

# One block of a week that is drawn: by (comes over midnight, goes over midnight), or the whole day.
BLOCKS: Final[Mapping[tuple[bool, bool] | str, Promise | str]] = {
    "whole": pgettext_lazy("block", "All day"),
    (False, False): pgettext_lazy("block", "%(begin)s to %(end)s"),
    (True, False): _("From the day before until %(end)s"),
    (False, True): _("From %(begin)s into the next day"),
    (True, True): pgettext_lazy("block", "All day"),
}
SOMETIMES: Final[Mapping[tuple[bool, bool] | str, Promise | str]] = {
    "whole": _("On some days all day"),
    (True, False): _("On some days from the day before until %(end)s"),
    (True, True): _("On some days all day"),
}
ALONE: Final[Mapping[tuple[bool, bool] | str, Promise | str]] = {
    "whole": _("All day left as it is"),
    (False, False): _("%(begin)s to %(end)s left as it is"),
    (True, False): _("Left as it is until %(end)s"),
    (False, True): _("Left as it is from %(begin)s on"),
    (True, True): _("All day left as it is"),
}
# What a new schedule may begin with (infra.forms.schedules.PRESETS).
PRESETS: Final[Mapping[str, Promise | str]] = {
    "office": _("Office hours"),
    "night": _("Night shift"),
    "monthly": _("Monthly maintenance day"),
    "stop": _("Only stop in the evening"),
}

EVERY_DAY = _("every day")

WORKING_DAYS = _("working days")
