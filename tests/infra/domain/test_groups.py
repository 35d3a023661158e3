"""When a group is on, what hinders it, and which sizes can be read."""

from __future__ import annotations

import pytest

from infra.domain.groups import (
    Member,
    ScalingGroup,
    Sizes,
    group_hindrance,
    group_power,
    read_sizes,
    remembered_sizes,
)
from infra.domain.power import Power
from infra.domain.schedule import Action


def group(
    sizes: Sizes, *states: str, suspended: tuple[str, ...] = (), protected: bool = False
) -> ScalingGroup:
    members = tuple(Member(f"i-{n}", state, "t3.small", protected) for n, state in enumerate(states))
    return ScalingGroup("web", "arn", {}, sizes, members, suspended, deleting=False)


@pytest.mark.parametrize(
    ("sizes", "states", "power"),
    [
        (Sizes(0, 0, 0), (), Power.STOPPED),
        (Sizes(0, 0, 4), (), Power.STOPPED),
        (Sizes(0, 0, 0), ("Terminating:Wait",), Power.TRANSITION),
        (Sizes(0, 0, 0), ("Standby",), Power.STOPPED),
        (Sizes(0, 0, 0), ("Warmed:Stopped",), Power.STOPPED),
        (Sizes(1, 2, 4), ("Pending", "Pending"), Power.TRANSITION),
        (Sizes(1, 2, 4), ("InService", "Pending"), Power.RUNNING),
        (Sizes(2, 2, 4), ("InService", "Pending"), Power.TRANSITION),
        (Sizes(0, 1, 4), ("Pending",), Power.TRANSITION),
    ],
)
def test_a_group_is_on_when_its_minimum_is_in_service(
    sizes: Sizes, states: tuple[str, ...], power: Power
) -> None:
    assert group_power(group(sizes, *states)) is power


@pytest.mark.parametrize(
    ("one", "start", "stop"),
    [
        (group(Sizes(1, 1, 1), "InService"), "", ""),
        (group(Sizes(1, 1, 1), "InService", suspended=("AlarmNotification",)), "", ""),
        (group(Sizes(1, 1, 1), "InService", suspended=("Launch",)), "launch_suspended", ""),
        (group(Sizes(1, 1, 1), "InService", suspended=("Terminate",)), "", "terminate_suspended"),
        (group(Sizes(1, 1, 1), "InService", protected=True), "", "scale_in_protected"),
    ],
)
def test_what_would_not_happen_is_known_before_the_call(one: ScalingGroup, start: str, stop: str) -> None:
    assert (group_hindrance(one, Action.START), group_hindrance(one, Action.STOP)) == (start, stop)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1/2/4", Sizes(1, 2, 4)),
        ("0/1/1", Sizes(0, 1, 1)),
        ("0/0/0", None),
        ("0/0/4", None),
        ("3/2/4", None),
        ("1/5/4", None),
        ("1/2", None),
        ("1/2/4/", None),
        ("１/2/4", None),
        (" 1/2/4", None),
        ("-1/2/4", None),
        ("", None),
    ],
)
def test_sizes_are_read_strictly(text: str, sizes: Sizes | None) -> None:
    assert read_sizes(text) == sizes


@pytest.mark.parametrize(
    "memory",
    [{}, {"sizes": None}, {"sizes": {}}, {"sizes": {"min": 1, "desired": 0, "max": 1}}, {"sizes": "1/2/4"}],
)
def test_a_memory_that_makes_no_sense_is_none(memory: dict[str, object]) -> None:
    assert remembered_sizes(memory) is None
