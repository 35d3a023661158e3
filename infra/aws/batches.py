"""Send one mutation for many ids, so that what AWS refuses about one id does not stop the others.

AWS refuses a whole request for one bad id. Where its message names the id, that id is taken out and the rest
goes again. Where it names none, or keeps on naming one at a time, `examine` looks once and takes out all that
will be refused. A lack of capacity names no id and belongs to an instance type in a zone, so the batch is
split by these pools, and a pool that stays refused is halved: AWS may have room for some of it. The sends are
bounded, as StartInstances refills by two a second only; what is left then says NO_CAPACITY, and comes again
later. A caller that comes with a small group gets down to the single instance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from infra.domain.aws import AwsError, CallResult, LeaseLost, Problem

MAX_ROUNDS = 5  # sends of one chunk that end in a refusal about named ids
MAX_SPLITS = 16  # further sends of one chunk for want of capacity: finds one instance in a hundred
SMALL_GROUP = 4  # sent one by one rather than halved
MAX_DENIALS = 2  # sends that end in a denial; more than that is the role's fault, not one resource's
_RETRY_S = 60.0

# What AWS says about one resource, as opposed to the request, the role or the region.
_OF_ONE_ID = frozenset(
    {Problem.GONE, Problem.WRONG_STATE, Problem.INVALID, Problem.UNSUPPORTED, Problem.KEY, Problem.PERMISSION}
)
# After these, the chunks that follow would fare no better, or must not be risked.
_OF_ALL = frozenset({Problem.ROLE_REFUSED, Problem.THROTTLED, Problem.UNREACHABLE, Problem.NO_ANSWER})

Send = Callable[[Sequence[str]], Mapping[str, CallResult]]
Examine = Callable[[Sequence[str], AwsError], Mapping[str, AwsError]]
Pools = Callable[[Sequence[str]], Sequence[Sequence[str]]]


def no_pools(ids: Sequence[str]) -> Sequence[Sequence[str]]:
    """Know of no pools."""
    return [ids]


@dataclass
class _Chunk:
    """The work on one chunk: what is still to be sent, and what is settled."""

    send: Send
    examine: Examine
    pools: Pools
    results: dict[str, CallResult] = field(default_factory=dict)
    queue: deque[list[str]] = field(default_factory=deque)
    rounds: int = 0
    splits: int = 0
    denials: int = 0
    examined: bool = False
    stopped_by: AwsError | None = None

    def run(self, ids: Sequence[str]) -> None:
        self.queue.append(list(ids))
        while self.queue:
            group = self.queue.popleft()
            if self.stopped_by is not None:
                self._settle(group, not_sent(self.stopped_by))
                continue
            try:
                self.results.update(self.send(group))
            except AwsError as error:
                self._refused(group, error)

    def _refused(self, group: list[str], error: AwsError) -> None:
        if error.problem in _OF_ALL:
            self.stopped_by = error
            self._settle(group, error)
        elif error.problem is Problem.NO_CAPACITY:
            self._split(group, error)
        elif error.problem in _OF_ONE_ID:
            self._take_out(group, error)
        else:
            self._settle(group, error)

    def _take_out(self, group: list[str], error: AwsError) -> None:
        self.rounds += 1
        self.denials += error.problem is Problem.PERMISSION
        bad = dict.fromkeys((named for named in error.ids if named in group), error)
        rest = [i for i in group if i not in bad]
        look = not self.examined and error.problem is not Problem.PERMISSION and (not bad or self.rounds > 1)
        if look and rest:
            self.examined = True
            bad.update(self._examined(rest, error))
            rest = [i for i in rest if i not in bad]
        for bad_id, why in bad.items():
            self.results[bad_id] = CallResult(False, why.request_id, why)
        if not rest:
            return
        if not bad or self.denials >= MAX_DENIALS:
            self._settle(rest, error)
        elif self.rounds >= MAX_ROUNDS:
            self._settle(rest, _given_up(error))
        else:
            self.queue.append(rest)

    def _split(self, group: list[str], error: AwsError) -> None:
        parts = self._pools_of(group) if self.splits == 0 and len(group) > SMALL_GROUP else []
        if len(parts) <= 1:
            parts = _halves(group)
        if len(group) == 1 or self.splits + len(parts) > MAX_SPLITS:
            self._settle(group, _later(error))
            return
        self.splits += len(parts)
        self.queue.extend(parts)

    def _examined(self, ids: list[str], error: AwsError) -> Mapping[str, AwsError]:
        try:
            return self.examine(ids, error)
        except AwsError:
            return {}  # what AWS said about the mutation stands; that looking failed too adds nothing

    def _pools_of(self, group: list[str]) -> list[list[str]]:
        try:
            return [list(pool) for pool in self.pools(group)]
        except AwsError:
            return []

    def _settle(self, ids: Iterable[str], error: AwsError) -> None:
        for one in ids:
            self.results[one] = CallResult(False, error.request_id, error)


def send_in_chunks(
    ids: Sequence[str], size: int, send: Send, *, examine: Examine, pools: Pools = no_pools
) -> dict[str, CallResult]:
    """Send chunk by chunk and give a result for every id.

    send: one request, a result per id; raises AwsError. examine: which of these ids will be refused, and why.
    Raises LeaseLost, with what is settled so far, when a send is not ours any more.
    """
    wanted = list(dict.fromkeys(ids))
    results: dict[str, CallResult] = {}
    stopped_by: AwsError | None = None
    for start in range(0, len(wanted), size):
        chunk = _Chunk(send, examine, pools, stopped_by=stopped_by)
        try:
            chunk.run(wanted[start : start + size])
        except LeaseLost as lost:
            raise LeaseLost(lost.action, {**results, **chunk.results}) from None
        stopped_by = chunk.stopped_by
        results.update(chunk.results)
    return results


def _halves(group: list[str]) -> list[list[str]]:
    if len(group) <= SMALL_GROUP:
        return [[one] for one in group]
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def not_sent(error: AwsError) -> AwsError:
    """Say of ids that were never sent why not; an effect nobody knows is not theirs."""
    unknown = error.problem is Problem.NO_ANSWER
    return AwsError(
        Problem.UNREACHABLE if unknown else error.problem,
        action=error.action,
        message=f"not sent, because a request before it failed: {error.message}",
        code="NotSent",
        retry_after_s=error.retry_after_s,
    )


def _later(error: AwsError) -> AwsError:
    return AwsError(
        error.problem,
        action=error.action,
        message=error.message,
        code=error.code,
        request_id=error.request_id,
        retry_after_s=_RETRY_S,
    )


def _given_up(error: AwsError) -> AwsError:
    return AwsError(
        Problem.OTHER,
        action=error.action,
        message=f"not done: {MAX_ROUNDS} requests in a row were refused for other ids, last: {error.message}",
        code="TooManyRefusals",
        request_id=error.request_id,
        retry_after_s=_RETRY_S,
    )
