"""Which tags a volume gets, what stays, and what a run may be undone to."""

from __future__ import annotations

import pytest

from infra.domain.tagging import (
    Marks,
    Overwrite,
    Rules,
    Written,
    allowed,
    key_problem,
    marks_from_json,
    read_keys,
    still_wanted,
    undo,
    value_problem,
    wish,
)

SERVER = {"Name": " web ", "Owner": "sato", "Project": "", "AutoStart": "08:30"}
KEYS = ("Name", "Owner", "Project")


@pytest.mark.parametrize(
    ("overwrite", "own", "wrote", "wanted"),
    [
        ("never", {}, {}, {"Name": "web", "Owner": "sato"}),
        ("never", {"Name": "\u3000", "Owner": "x"}, {}, {"Name": "web"}),
        ("never", {"Name": "old"}, {"Name": "old"}, {"Owner": "sato"}),
        ("ours", {"Name": "old", "Owner": "x"}, {"Name": "old"}, {"Name": "web"}),
        ("ours", {"Name": "by hand", "Owner": "x"}, {"Name": "old", "Owner": "y"}, {}),
        ("always", {"Name": "by hand", "Owner": "x"}, {}, {"Name": "web", "Owner": "sato"}),
        ("always", {"Name": "web", "Owner": "sato", "Project": "kept"}, {}, {}),
    ],
)
def test_what_is_written_over_what(
    overwrite: str, own: dict[str, str], wrote: dict[str, str], wanted: dict[str, str]
) -> None:
    found = wish(Rules(KEYS, Overwrite(overwrite)), SERVER, own, Marks(wrote))
    assert found.tags == wanted
    assert found.before == {key: own.get(key, "") for key in wanted}


def test_what_was_undone_is_not_written_again_until_the_server_says_something_else() -> None:
    marks = Marks({"Name": "web"}).taken_back({"Name": "web"}, {})
    assert wish(Rules(), SERVER, {}, marks).tags == {}
    assert wish(Rules(), {"Name": "new"}, {}, marks).tags == {"Name": "new"}
    assert marks.written({"Name": "new"}) == Marks({"Name": "new"}, {})
    assert not allowed(Rules(), "Name", "web", {}, marks)
    assert allowed(Rules(), "Name", "new", {}, marks)
    assert marks_from_json({"undone": {"Name": "web"}}) == marks_from_json(marks.as_json()), (
        "as it was kept before"
    )


def test_two_runs_that_were_undone_are_both_remembered_and_what_stands_there_again_is_known_as_ours() -> None:
    ours = Rules(overwrite=Overwrite.OURS)
    ran_twice = Marks().written({"Name": "web"}).written({"Name": "web2"})
    once = ran_twice.taken_back({"Name": "web2"}, {"Name": "web"})
    assert wish(ours, {"Name": "web2"}, {"Name": "web"}, once).tags == {}
    assert wish(ours, {"Name": "web3"}, {"Name": "web"}, once).tags == {"Name": "web3"}
    twice = once.taken_back({"Name": "web"}, {})
    assert [wish(ours, {"Name": one}, {}, twice).tags for one in ("web", "web2")] == [{}, {}]


def test_fifty_tags_are_full_and_those_of_aws_do_not_count() -> None:
    own = {f"k{number}": "x" for number in range(49)} | {"aws:cloudformation:stack-name": "s"}
    found = wish(Rules(KEYS), {"Name": "a", "Owner": "b", "Project": "c"}, own, Marks())
    assert (found.tags, found.no_room) == ({"Name": "a"}, ("Owner", "Project"))
    assert wish(Rules(), {"Name": "x" * 255 + " y"}, {}, Marks()).tags == {"Name": "x" * 255}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("aws:name", "tag_key_of_aws"),
        ("AWS:x", "tag_key_of_aws"),
        ("Toban", "tag_key_of_toban"),
        ("toban", "tag_key_of_toban"),
        ("TOBAN", "tag_key_of_toban"),
        ("autostop", "tag_key_of_toban"),
        ("AutoStart", "tag_key_of_toban"),
        ("toban:made-by", "tag_key_of_toban"),
        ("k" * 129, "tag_key_long"),
        ("a*b", "tag_key_characters"),
        ("a\u200bb", "tag_key_characters"),
        ("担当", ""),
        ("cost-center/1 @x", ""),
    ],
)
def test_keys_that_aws_or_toban_would_refuse(key: str, problem: str) -> None:
    assert key_problem(key) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("電子カルテ 1/2 @x", ""), ("", ""), ("カルテ（本番）", "tag_value"), ("医事・会計", "tag_value"), ("a\u200bb", "tag_value"),
        ("rds:karte", "tag_value"), ("v" * 257, "tag_value"),
    ],
)  # fmt: skip
def test_values_that_rds_would_refuse(value: str, problem: str) -> None:
    assert value_problem(value) == problem


def test_a_list_of_keys_is_read_and_name_is_always_the_first() -> None:
    assert read_keys("Owner, Project\r\n Owner\n\n") == (("Name", "Owner", "Project"), ())
    keys, problems = read_keys("\n".join(f"k{number}" for number in range(12)))
    assert (len(keys), problems) == (13, (("13", "too_many_keys"),))


def test_what_somebody_wrote_since_the_look_stays() -> None:
    tags, before = {"Name": "web", "Owner": "sato"}, {"Name": "old", "Owner": ""}
    assert still_wanted(tags, before, {"Name": "old"}) == (tags, {})
    assert still_wanted(tags, before, {"Name": "mine", "Owner": "sato"}) == ({}, {"Name": "mine"})
    assert still_wanted(tags, before, {"Name": "web"}) == ({"Owner": "sato"}, {})


def test_undo_puts_back_takes_away_and_leaves_what_was_changed_since() -> None:
    written = Written(
        "vol-1", {"Name": "web", "Owner": "sato", "Project": "p"}, {"Name": "old", "Owner": "", "Project": ""}
    )
    own = {"Name": "web", "Owner": "sato", "Project": "by hand"}
    assert undo(written, own) == ({"Name": "old"}, ["Owner"], {"Project": "by hand"})
    assert undo(written, {"Name": "old"}) == ({}, [], {})
    assert undo(written, None) == ({}, [], {})
