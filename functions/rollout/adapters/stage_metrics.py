"""What an API Gateway stage and its canary did, from the AWS/ApiGateway metrics.

`Sum` of 5XXError or 4XXError is the error count and its `SampleCount` the request count.
"""

from __future__ import annotations

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
