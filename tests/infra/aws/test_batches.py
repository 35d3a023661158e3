"""One bad id costs a request or two, never the other ids, and the number of requests is bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from infra.aws.batches import MAX_ROUNDS, MAX_SPLITS, send_in_chunks
from infra.domain.aws import AwsError, CallResult, LeaseLost, Problem

IDS = [f"i-{n:017x}" for n in range(100)]


class FakeAws:
    """Refuse a request the way AWS does: as a whole, for the first thing that is wrong with it."""

    def __init__(self, judge: Callable[[Sequence[str]], AwsError | None]) -> None:
        self.judge = judge
        self.requests: list[list[str]] = []

    def send(self, ids: Sequence[str]) -> Mapping[str, CallResult]:
        self.requests.append(list(ids))
        refusal = self.judge(ids)
        if refusal:
            raise refusal
        return {one: CallResult(True, "req") for one in ids}


def refusal(problem: Problem, *ids: str) -> AwsError:
    return AwsError(
        problem, action="ec2:StartInstances", message="no", code="Code", request_id="req", ids=ids
    )


def names_first(bad: Sequence[str], problem: Problem) -> Callable[[Sequence[str]], AwsError | None]:
    return lambda ids: next((refusal(problem, one) for one in ids if one in bad), None)


def names_all(bad: Sequence[str], problem: Problem) -> Callable[[Sequence[str]], AwsError | None]:
    return lambda ids: refusal(problem, *named) if (named := [one for one in ids if one in bad]) else None


def names_none(bad: Sequence[str], problem: Problem) -> Callable[[Sequence[str]], AwsError | None]:
    return lambda ids: refusal(problem) if set(bad) & set(ids) else None


def sees_nothing(ids: Sequence[str], error: AwsError) -> Mapping[str, AwsError]:
    return {}


def test_all_good_ids_are_one_request_and_repeated_ids_are_sent_once() -> None:
    aws = FakeAws(lambda ids: None)
    results = send_in_chunks(IDS + IDS[:5], 100, aws.send, examine=sees_nothing)
    assert len(aws.requests) == 1
    assert list(results) == IDS
    assert all(result.accepted for result in results.values())


def test_named_ids_are_taken_out_and_the_rest_goes_again_once() -> None:
    bad = IDS[7:9]
    aws = FakeAws(names_all(bad, Problem.GONE))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing)
    assert [len(request) for request in aws.requests] == [100, 98]
    assert [one for one in IDS if not results[one].accepted] == bad
    assert {error.problem for one in bad if (error := results[one].error)} == {Problem.GONE}


def test_ids_named_one_at_a_time_are_all_found_by_looking_once() -> None:
    bad = IDS[10:40]
    looked: list[int] = []

    def examine(ids: Sequence[str], error: AwsError) -> Mapping[str, AwsError]:
        looked.append(len(ids))
        return {one: error for one in ids if one in bad}

    aws = FakeAws(names_first(bad, Problem.WRONG_STATE))
    results = send_in_chunks(IDS, 100, aws.send, examine=examine)
    assert len(aws.requests) == 3
    assert looked == [98]
    assert [one for one in IDS if not results[one].accepted] == bad


def test_an_error_that_names_nobody_leads_to_a_look() -> None:
    aws = FakeAws(names_none(IDS[3:5], Problem.WRONG_STATE))
    results = send_in_chunks(
        IDS, 100, aws.send, examine=lambda ids, error: {one: error for one in ids if one in IDS[3:5]}
    )
    assert len(aws.requests) == 2
    assert sum(result.accepted for result in results.values()) == 98


def test_rounds_are_bounded_and_the_untried_are_told_to_come_again() -> None:
    aws = FakeAws(names_first(IDS[:50], Problem.WRONG_STATE))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing)
    assert len(aws.requests) == MAX_ROUNDS
    last = results[IDS[-1]].error
    assert last is not None
    assert (last.problem, last.code) == (Problem.OTHER, "TooManyRefusals")
    assert last.retry_after_s


def test_a_denial_of_one_resource_does_not_stop_the_others() -> None:
    aws = FakeAws(names_first(IDS[5:6], Problem.PERMISSION))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing)
    assert len(aws.requests) == 2
    assert sum(result.accepted for result in results.values()) == 99


def test_a_role_that_may_nothing_is_asked_twice_at_most() -> None:
    aws = FakeAws(names_first(IDS, Problem.PERMISSION))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing)
    assert len(aws.requests) == 2
    assert {result.error.problem for result in results.values() if result.error} == {Problem.PERMISSION}


def test_one_instance_without_capacity_among_a_hundred_is_found() -> None:
    aws = FakeAws(names_none(IDS[61:62], Problem.NO_CAPACITY))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing)
    assert [one for one in IDS if not results[one].accepted] == IDS[61:62]
    assert len(aws.requests) <= 1 + MAX_SPLITS


def test_a_pool_without_capacity_does_not_stop_the_other_pools() -> None:
    full, free = IDS[::2], IDS[1::2]
    aws = FakeAws(names_none(full, Problem.NO_CAPACITY))
    results = send_in_chunks(IDS, 100, aws.send, examine=sees_nothing, pools=lambda ids: [full, free])
    assert aws.requests[1:3] == [full, free]
    assert [one for one in IDS if results[one].accepted] == free
    assert {result.error.retry_after_s for result in results.values() if result.error} == {60}
    assert len(aws.requests) <= 1 + MAX_SPLITS


def test_a_pool_with_room_for_some_gets_some() -> None:
    room = [30]

    def judge(ids: Sequence[str]) -> AwsError | None:
        if len(ids) > room[0]:
            return refusal(Problem.NO_CAPACITY)
        room[0] -= len(ids)
        return None

    results = send_in_chunks(IDS, 100, FakeAws(judge).send, examine=sees_nothing)
    assert sum(result.accepted for result in results.values()) >= 25


@pytest.mark.parametrize("problem", [Problem.ROLE_REFUSED, Problem.THROTTLED, Problem.UNREACHABLE])
def test_what_concerns_the_account_ends_the_sending(problem: Problem) -> None:
    aws = FakeAws(lambda ids: refusal(problem))
    results = send_in_chunks(IDS, 20, aws.send, examine=sees_nothing)
    assert len(aws.requests) == 1
    assert {result.error.problem for result in results.values() if result.error} == {problem}
    assert set(results) == set(IDS)


def test_after_silence_only_the_ids_that_were_sent_are_unsettled() -> None:
    aws = FakeAws(lambda ids: refusal(Problem.NO_ANSWER))
    results = send_in_chunks(IDS, 20, aws.send, examine=sees_nothing)
    problems = [result.error.problem for result in results.values() if result.error]
    assert problems == [Problem.NO_ANSWER] * 20 + [Problem.UNREACHABLE] * 80


def test_a_lost_lease_keeps_what_earlier_chunks_settled() -> None:
    def send(ids: Sequence[str]) -> Mapping[str, CallResult]:
        if IDS[0] not in ids:
            raise LeaseLost("ec2:StartInstances")
        return {one: CallResult(True, "req") for one in ids}

    with pytest.raises(LeaseLost) as caught:
        send_in_chunks(IDS, 20, send, examine=sees_nothing)
    assert list(caught.value.results) == IDS[:20]
