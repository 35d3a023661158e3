"""Counters of this process for Prometheus."""

import os
from collections.abc import Iterator, Mapping

from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

disable_created_metrics()
REQUESTS = Counter(
    "toban_http_requests_total", "Answers by view, method and status.", ["view", "method", "status"]
)
SECONDS = Histogram(
    "toban_http_request_seconds",
    "Time to answer, by view.",
    ["view"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """By the view's name, never by the address: addresses hold ids and have no end."""
    match = request.resolver_match
    view = (match.view_name if match else "") or "none"
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(view, method, response.status_code).inc()
    SECONDS.labels(view).observe(seconds)


class _Facts(Collector):
    """What this very scrape found out; never kept, so that no process's old word stays in the sum of all."""

    def __init__(self, values: Mapping[str, tuple[str, float]], streams: Mapping[str, int]) -> None:
        self.values, self.streams = values, streams

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (text, value) in self.values.items():
            yield GaugeMetricFamily(name, text, value=value)
        text = "Ledgers of which this receiver of the stream lacks events for over ten minutes."
        late = GaugeMetricFamily("toban_stream_late", text, labels=["stream"])
        for stream, ledgers in sorted(self.streams.items()):
            late.add_metric([stream], ledgers)
        yield late


def exposition(
    *, tick_age_s: float | None, broker_up: bool, database_up: bool, streams: Mapping[str, int]
) -> bytes:
    """`streams`: receiver -> how many ledgers it lags behind. Prometheus's text format; all web processes together where PROMETHEUS_MULTIPROC_DIR is set, else this one's."""
    values = {
        "toban_up_broker": ("1 while the broker answers.", float(broker_up)),
        "toban_up_database": ("1 while the database answers.", float(database_up)),
    }
    if tick_age_s is not None:
        values["toban_tick_age_seconds"] = ("Seconds since the last tick.", tick_age_s)
    registry = CollectorRegistry()
    registry.register(_Facts(values, streams))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    return generate_latest(registry)
