"""Which tickets a message names: Redmine's own rules as they were measured on the real one, and what only looks like it."""

from __future__ import annotations

import pytest

from redmine_sync.domain.mentions import Rule, learn_rule, read_hints, read_mentions, without_pulls


@pytest.mark.parametrize(
    ("message", "numbers"),
    [("refs #4", {4}), ("touch #6", {6}), ("日本語 #9 を", {9}), ("(#11)", {11}), ("Merge pull request #10 from x/y", {10}),
     ("refs #8 & #9", {8, 9}), ("#1, #2", {1, 2}), ("修正#12", set()), ("＃7", set()), ("#0", set()), ("a\n#3", {3}),
     ("fixes: #5", {5}), ("Fixes #5, #6", {5, 6}), ("http://x/y#7", set()), ("", set()), ("#99999999999", set()), ("-#4", {4}),
     ("#12abc", set()), ("#12。", {12}), ("#12を", set()), ("#" + "1" * 5000, set()),
     # Redmine's Ruby knows neither full-width spaces nor full-width digits.
     ("\u3000#12", set()), ("refs\u3000#12", set()), ("refs #12\u3000修正", set()), ("refs #１２", set()), ("refs: #1\u3000#2", set())],
)  # fmt: skip
def test_with_any_word_these_link(message: str, numbers: set[int]) -> None:
    assert read_mentions(message).wanted(Rule.ANY) == numbers


@pytest.mark.parametrize(
    ("message", "numbers"),
    [("refs #4", {4}), ("touch #6", set()), ("refs #4, then #6", {4}), ("References #4 #5", {4, 5}), ("IssueID: #3", {3}),
     ("xrefs #4", set()), ("refs#4", set()), ("refs #1 @2h30m, #2 @1.5 #3", {1, 2, 3})],
)  # fmt: skip
def test_with_words_only_those_after_a_word(message: str, numbers: set[int]) -> None:
    assert read_mentions(message).wanted(Rule.WORDS) == numbers
    assert read_mentions(message).wanted(Rule.UNKNOWN) == numbers


@pytest.mark.parametrize(
    ("message", "hints"),
    [("Merge pull request #10 from x/y", {"pull"}), ("Fix the door (#10)", {"pull"}), ("修正#12", {"glued"}), ("＃７ を修正", {"wide"}),
     ("refs\u3000#12", {"wide"}), ("refs #12\u3000修正", {"wide"}), ("refs #１２", {"wide"}),
     ("refs #4", set()), ("https://example.jp/x/#12", set())],
)  # fmt: skip
def test_what_surprises_people_is_seen(message: str, hints: set[str]) -> None:
    assert set(read_hints(message)) == hints


def test_numbers_of_pull_requests_are_no_tickets_when_older_commits_are_linked() -> None:
    message = without_pulls("Merge pull request #10 from x/y\n\nrefs #4")
    assert read_mentions(message).wanted(Rule.ANY) == {4}


def test_no_message_asks_for_more_than_a_hundred_tickets() -> None:
    message = " ".join(f"#{number}" for number in range(1, 1000))
    assert read_mentions(message).wanted(Rule.ANY) == set(range(1, 101))


@pytest.mark.parametrize(
    ("message", "before"),
    [("#5 を修正", ""), ("(#5)", ""), ("\n #5", ""), ("-#5", ""), ("see #5", "see"), ("関連:\n\n#5", "関連"), (f"see{' ' * 200}#5", "see"),
     ("see #5 (#5)", "see"), ("Merge pull request #5 from x/y", "request")],
)  # fmt: skip
def test_what_stands_before_a_number_may_be_a_word_of_that_redmine(message: str, before: str) -> None:
    assert read_mentions(message).bare == {5: before}


@pytest.mark.parametrize(
    ("known", "worded", "bare", "rule"),
    [(Rule.UNKNOWN, [], {"": True}, Rule.ANY), (Rule.UNKNOWN, [True], {"": False}, Rule.WORDS), (Rule.UNKNOWN, [], {"": False}, Rule.UNKNOWN),
     (Rule.UNKNOWN, [True], {}, Rule.UNKNOWN), (Rule.UNKNOWN, [False], {"": False}, Rule.UNKNOWN), (Rule.WORDS, [], {"": True}, Rule.ANY),
     (Rule.ANY, [True], {"": False}, Rule.WORDS), (Rule.ANY, [True], {}, Rule.ANY), (Rule.UNKNOWN, [True], {"see": True}, Rule.UNKNOWN),
     (Rule.UNKNOWN, [True], {"see": False}, Rule.WORDS), (Rule.WORDS, [True], {"see": True, "of": False}, Rule.WORDS)],
)  # fmt: skip
def test_only_what_was_seen_says_what_the_rule_is(
    known: Rule, worded: list[bool], bare: dict[str, bool], rule: Rule
) -> None:
    heard = {word for word, linked in bare.items() if linked}
    assert learn_rule(known, worded, bare, heard) == rule


def test_a_redmine_that_links_after_any_of_many_words_has_no_list_of_them() -> None:
    found = [
        learn_rule(Rule.UNKNOWN, [], {"door": True}, {"", "see", "of", *more})
        for more in ({"door"}, {"door", "修正"})
    ]
    assert found == [Rule.UNKNOWN, Rule.ANY]
