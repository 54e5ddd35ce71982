"""What an API Gateway stage and its canary did, from the AWS/ApiGateway metrics.

`Sum` of 5XXError or 4XXError is the error count and its `SampleCount` the request count.

A stage with detailed metrics has the same metrics for each route, with the dimensions `Method` and `Resource` besides
(documented). What a canary's are called is as little documented as its other series; the dimension `Stage` is taken to
be the same. A route whose canary has no series is not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rollout.adapters.cloudwatch import Query
from rollout.adapters.counted_metrics import CountedMetrics, Dimensions, Tally


class StageMetrics(CountedMetrics):
    """Implements `MetricSource` for stages."""

    namespace = "AWS/ApiGateway"
    errors = ("5XXError", "4XXError")
    latencies = ("Latency", "IntegrationLatency")
    measured = "a stage"

    def _errors_tally(self, name: str, dimensions: Dimensions) -> Tally:
        return Tally(
            Query(self.namespace, name, dimensions, "SampleCount"),
            Query(self.namespace, name, dimensions, "Sum"),
            hits_are_bad=True,
        )

    def _listed_routes(self, base: Mapping[str, str]) -> Iterable[str]:
        for found in self._reader.names(self.namespace, self.errors[0], base):
            if found.keys() == {*base, "Method", "Resource"}:
                yield f"{found['Method']} {found['Resource']}"

    def _route_tally(self, name: str, route: str, arm: Dimensions) -> Tally:
        """Both metrics count every request: one count of them is enough, and each that is read costs."""
        method, _, resource = route.partition(" ")
        tally = self._errors_tally(name, (*arm, ("Method", method), ("Resource", resource)))
        return replace(tally, requests=replace(tally.requests, metric=self.errors[0]))
