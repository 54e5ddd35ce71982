"""What a stage and its canary did, from the metrics that filters make of its access log.

`$context.isCanaryRequest` tells a canary's request by documented means alone. Two metric filters, with the dimensions
`ApiId`, `Stage` and `Canary`, publish `Status` (of each response) and `Latency`. Both say something of every request,
so that a filter that was forgotten is silence, which is never healthy, and not "no errors".

A third filter, if there is one, publishes `RouteStatus`, with the dimensions `ApiId`, `Canary` and `Route`, which is
the stage, the method and the resource's path: a metric of a filter has three dimensions at most (documented).

`TC(:499)` counts the responses up to status 499, so `SampleCount − TC(:499)` is the server errors; `TC(399:499)`, whose
lower bound is exclusive and upper inclusive, is the client errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rollout.adapters.cloudwatch import Query
from rollout.adapters.counted_metrics import CountedMetrics, Dimensions, Tally
from rollout.core.access_log import LATENCY, NAMESPACE, STATUS

ROUTE_STATUS = "RouteStatus"
BASE_VALUES = ("false", "-")
"""The values of the dimension `Canary` that a base's requests carry; "-" is the variable while there is no canary."""


class AccessLogMetrics(CountedMetrics):
    """Implements `MetricSource` for stages with an access log."""

    namespace = NAMESPACE
    errors = ("5XXError", "4XXError")
    latencies = (LATENCY,)
    measured = "an access log"

    def _parts(self, arm: Mapping[str, str]) -> Sequence[Dimensions]:
        values = BASE_VALUES if arm["Canary"] in BASE_VALUES else (arm["Canary"],)
        return [tuple({**arm, "Canary": value}.items()) for value in values]

    def _errors_tally(self, name: str, dimensions: Dimensions) -> Tally:
        return self._status_tally(STATUS, name, dimensions)

    def _listed_routes(self, base: Mapping[str, str]) -> Iterable[str]:
        stage = f"{base['Stage']} "
        found = {
            each["Route"]
            for value in BASE_VALUES
            for each in self._reader.names(self.namespace, ROUTE_STATUS, {"ApiId": base["ApiId"], "Canary": value})
            if "Route" in each
        }
        return (route.removeprefix(stage) for route in found if route.startswith(stage))

    def _route_tally(self, name: str, route: str, arm: Dimensions) -> Tally:
        where = dict(arm)
        stage = where.pop("Stage")
        return self._status_tally(ROUTE_STATUS, name, (*where.items(), ("Route", f"{stage} {route}")))

    def _status_tally(self, metric: str, name: str, dimensions: Dimensions) -> Tally:
        of_server = name == "5XXError"
        return Tally(
            Query(self.namespace, metric, dimensions, "SampleCount"),
            Query(self.namespace, metric, dimensions, "TC(:499)" if of_server else "TC(399:499)"),
            hits_are_bad=not of_server,
        )
