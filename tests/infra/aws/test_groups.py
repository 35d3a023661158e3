"""Clusters and Auto Scaling groups over the wire."""

from __future__ import annotations

from infra.aws import clusters, groups
from infra.domain.aws import AwsError, Problem
from infra.domain.groups import Sizes
from tests.infra.aws.simulator import Account


def test_clusters_are_read_whole_and_in_pages(account: Account) -> None:
    account.seed(
        clusters=[{"id": f"c-{n}", "tags": {"AutoStop": "19:00"}, "maintenance": "sun:18:00-sun:18:30"}
                  for n in range(120)],
        databases=[{"id": f"m-{n}", "engine": "aurora-mysql", "cluster": "c-7"} for n in range(2)],
    )  # fmt: skip
    found = {one.id: one for one in clusters.list_clusters(account.target)}
    assert (len(found), account.count("rds.DescribeDBClusters")) == (120, 2)
    one = found["c-7"]
    assert (one.state, one.engine, one.engine_mode) == ("available", "aurora-mysql", "provisioned")
    assert (one.tags, one.members) == ({"AutoStop": "19:00"}, ("m-0", "m-1"))
    assert (one.maintenance, one.automatic_restart_at) == ("sun:18:00-sun:18:30", None)
    assert clusters.describe_clusters(account.target, ["c-7", "none"]) == {"c-7": one}


def test_what_cannot_be_done_to_a_cluster_has_a_name(account: Account) -> None:
    account.seed(clusters=[{"id": "on"}, {"id": "multi", "engine": "mysql"}])
    answers = [
        clusters.start_cluster(account.target, "on"),
        clusters.stop_cluster(account.target, "none"),
        clusters.stop_cluster(account.target, "multi"),
    ]
    assert [one.error.problem if one.error else None for one in answers] == [
        Problem.WRONG_STATE, Problem.GONE, Problem.INVALID,
    ]  # fmt: skip


def test_groups_are_read_in_pages_and_given_sizes(account: Account) -> None:
    account.seed(groups=[{"id": f"g-{n}", "min": 0, "desired": 0, "max": 0} for n in range(105)])
    assert len(groups.list_groups(account.target)) == 105
    assert account.count("autoscaling.DescribeAutoScalingGroups") == 2
    answer = groups.set_sizes(account.target, "g-3", Sizes(1, 2, 4))
    assert (answer.accepted, bool(answer.request_id)) == (True, True)
    found = groups.describe_groups(account.target, ["g-3", "none"])
    assert [(name, str(one.sizes), one.in_service) for name, one in found.items()] == [("g-3", "1/2/4", 2)]


def test_what_cannot_be_done_to_a_group_has_a_name(account: Account) -> None:
    account.seed(groups=[{"id": "web"}])

    def problem(name: str, sizes: Sizes) -> Problem:
        error = groups.set_sizes(account.target, name, sizes).error
        assert isinstance(error, AwsError)
        return error.problem

    assert problem("none", Sizes(0, 0, 0)) is Problem.GONE
    assert problem("web", Sizes(3, 2, 4)) is Problem.INVALID
