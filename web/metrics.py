"""Counters of this process for Prometheus. A registry of its own, so that two applications can live in one
process (tests do) without sharing numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from web.media import MediaNode

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Requests by method and status class, their durations, and what the last re-check of recordings found."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kinbridge_http_requests",
            "HTTP requests answered",
            ("method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "kinbridge_http_request_seconds",
            "Time from the first byte of a request to the last of its answer",
            ("method",),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.under_way = Gauge(
            "kinbridge_http_requests_under_way",
            "HTTP requests being answered now",
            registry=self.registry,
        )

        self.damaged = Gauge(
            "kinbridge_recordings_damaged", "Sealed recordings that are damaged now", registry=self.registry
        )
        self.rechecked = Gauge(
            "kinbridge_recheck_recordings", "Recordings that the last re-check read", registry=self.registry
        )
        self.rechecked_at = Gauge(
            "kinbridge_recheck_finished_timestamp_seconds",
            "When the last re-check was finished; 0 while it runs or before the first",
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of it in the exposition format of `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def watch(self, node: "MediaNode") -> None:
        """Adds what the embedded media node counts; read when asked for, at no cost to the packets."""
        self.registry.register(_MediaCollector(node))


class _MediaCollector(Collector):
    def __init__(self, node: "MediaNode") -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("kinbridge_rooms", "Rooms hosted by this process", len(self._node.host.rooms))
        yield GaugeMetricFamily("kinbridge_legs", "Media legs open in this process", self._node.peers.legs)
        dropped = CounterMetricFamily(
            "kinbridge_packets_dropped", "Datagrams that were not what they should be", labels=("reason",)
        )
        for reason, count in sorted(self._node.peers.counters.items()):
            dropped.add_metric([reason], count)
        yield dropped
        steps = CounterMetricFamily(
            "kinbridge_picture_steps", "Changes of what people are asked to send", labels=("picture",)
        )
        for picture, count in sorted(self._node.host.steps.items()):
            steps.add_metric([picture], count)
        yield steps
