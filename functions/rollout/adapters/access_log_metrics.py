"""What a stage and its canary did, from the metrics that filters make of its access log.

`$context.isCanaryRequest` tells a canary's request by documented means alone. Two metric filters, with the dimensions
`ApiId`, `Stage` and `Canary`, publish `Status` (of each response) and `Latency`. Both say something of every request,
so that a filter that was forgotten is silence, which is never healthy, and not "no errors".

`TC(:499)` counts the responses up to status 499, so `SampleCount − TC(:499)` is the server errors; `TC(399:499)`, whose
lower bound is exclusive and upper inclusive, is the client errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollout.adapters.cloudwatch import Query
from rollout.adapters.counted_metrics import CountedMetrics, Dimensions, Tally

STATUS = "Status"
LATENCY = "Latency"
BASE_VALUES = ("false", "-")
"""The values of the dimension `Canary` that a base's requests carry; "-" is the variable while there is no canary."""


class AccessLogMetrics(CountedMetrics):
    """Implements `MetricSource` for stages with an access log."""

    namespace = "RolloutPilot/AccessLog"
    errors = ("5XXError", "4XXError")
    latencies = (LATENCY,)
    measured = "an access log"

    def _parts(self, arm: Mapping[str, str]) -> Sequence[Dimensions]:
        values = BASE_VALUES if arm["Canary"] in BASE_VALUES else (arm["Canary"],)
        return [tuple({**arm, "Canary": value}.items()) for value in values]

    def _errors_tally(self, name: str, dimensions: Dimensions) -> Tally:
        of_server = name == "5XXError"
        return Tally(
            Query(self.namespace, STATUS, dimensions, "SampleCount"),
            Query(self.namespace, STATUS, dimensions, "TC(:499)" if of_server else "TC(399:499)"),
            hits_are_bad=not of_server,
        )
