"""Which tickets a message names: Redmine's own rules as they were measured on the real one, and what only looks like it."""

from __future__ import annotations

import pytest

from redmine_sync.domain.mentions import Rule, learn_rule, read_hints, read_mentions, without_pulls


@pytest.mark.parametrize(
    ("message", "numbers"),
    [("refs #4", {4}), ("touch #6", {6}), ("日本語 #9 を", {9}), ("(#11)", {11}), ("Merge pull request #10 from x/y", {10}),
     ("refs #8 & #9", {8, 9}), ("#1, #2", {1, 2}), ("修正#12", set()), ("＃7", set()), ("#0", set()), ("a\n#3", {3}),
     ("fixes: #5", {5}), ("Fixes #5, #6", {5, 6}), ("http://x/y#7", set()), ("", set()), ("#99999999999", set()), ("-#4", {4}),
     ("#12abc", set())],
)  # fmt: skip
def test_with_any_word_these_link(message: str, numbers: set[int]) -> None:
    assert read_mentions(message).wanted(Rule.ANY) == numbers


@pytest.mark.parametrize(
    ("message", "numbers"),
    [("refs #4", {4}), ("touch #6", set()), ("refs #4, then #6", {4}), ("References #4 #5", {4, 5}), ("IssueID: #3", {3}),
     ("xrefs #4", set()), ("refs#4", set())],
)  # fmt: skip
def test_with_words_only_those_after_a_word(message: str, numbers: set[int]) -> None:
    assert read_mentions(message).wanted(Rule.WORDS) == numbers
    assert read_mentions(message).wanted(Rule.UNKNOWN) == numbers


@pytest.mark.parametrize(
    ("message", "hints"),
    [("Merge pull request #10 from x/y", {"pull"}), ("Fix the door (#10)", {"pull"}), ("修正#12", {"glued"}), ("＃７ を修正", {"wide"}),
     ("refs #4", set()), ("https://example.jp/x/#12", set())],
)  # fmt: skip
def test_what_surprises_people_is_seen(message: str, hints: set[str]) -> None:
    assert set(read_hints(message)) == hints


def test_numbers_of_pull_requests_are_no_tickets_when_older_commits_are_linked() -> None:
    message = without_pulls("Merge pull request #10 from x/y\n\nrefs #4")
    assert read_mentions(message).wanted(Rule.ANY) == {4}


@pytest.mark.parametrize(
    ("known", "worded", "bare", "rule"),
    [(Rule.UNKNOWN, [], [True], Rule.ANY), (Rule.UNKNOWN, [True], [False], Rule.WORDS), (Rule.UNKNOWN, [], [False], Rule.UNKNOWN),
     (Rule.UNKNOWN, [True], [], Rule.UNKNOWN), (Rule.UNKNOWN, [False], [False], Rule.UNKNOWN), (Rule.WORDS, [], [True], Rule.ANY),
     (Rule.ANY, [True], [False], Rule.WORDS), (Rule.ANY, [True], [], Rule.ANY)],
)  # fmt: skip
def test_only_what_was_seen_says_what_the_rule_is(
    known: Rule, worded: list[bool], bare: list[bool], rule: Rule
) -> None:
    assert learn_rule(known, worded, bare) == rule
