"""CloudWatch metrics that arrive late, keep distributions and answer every documented statistic.

moto keeps one object per value, knows five statistics, shows data at once, and does not filter by namespace. Here
GetMetricData, GetMetricStatistics, ListMetrics and PutMetricData work on a `MetricStore`; for what AWS documents see
`metric_queries` and, for statistics, `metric_statistics`. The metrics that moto derives from S3 and others are not
shown. Metric math is refused: moto answers it with nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_queries import InvalidNextToken, metric_data, metric_statistics
from rollout_simulator.moto_patches.metric_store import MetricStore, StoredSeries, aware, epoch_minute, named_dimensions
from rollout_simulator.moto_patches.patching import replacements

METRICS_PER_PAGE = 500
"""How many metrics ListMetrics names at once (documented)."""

_RESPONSE = replacements(
    CloudWatchResponse,
    get_metric_data="knows five statistics, answers expressions with nothing, and does not filter by namespace",
    get_metric_statistics="knows five statistics, and shows data as soon as it is put",
    list_metrics="also shows metrics that it derives from other services",
)
_BACKEND = replacements(CloudWatchBackend, put_metric_data="keeps one object for each value")


@contextmanager
def patched(store: MetricStore | None = None) -> Iterator[MetricStore]:
    """Let CloudWatch's metric operations work on `store`, which is yielded, for as long as this is open."""
    metrics = store if store is not None else MetricStore()

    def get_metric_data(response: Any) -> Any:
        return ActionResult(metric_data(metrics, response._get_params(), datetime.now(UTC)))

    def get_metric_statistics(response: Any) -> Any:
        return ActionResult(metric_statistics(metrics, response._get_params(), datetime.now(UTC)))

    def list_metrics(response: Any) -> Any:
        return ActionResult(_listed(metrics, response._get_params()))

    def put_metric_data(backend: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        for number, datum in enumerate(metric_data, 1):
            backend._validate_parameters_put_metric_data(datum, number)
        for datum in metric_data:
            _put(metrics, namespace, datum)

    answers = {new.__name__: new for new in (get_metric_data, get_metric_statistics, list_metrics)}
    with _RESPONSE(**answers), _BACKEND(put_metric_data=put_metric_data):
        yield metrics


def _put(metrics: MetricStore, namespace: str, datum: Mapping[str, Any]) -> None:
    """Keep one member of PutMetricData; it is visible at once, added to what its minute already holds."""
    now = datetime.now(UTC)
    if datum.get("Values"):
        counts = datum.get("Counts") or [1] * len(datum["Values"])
        distribution = Distribution.of_histogram(datum["Values"], counts)
    elif known := datum.get("StatisticValues"):
        distribution = Distribution.of_statistic_set(
            known["SampleCount"], known["Sum"], known["Minimum"], known["Maximum"]
        )
    else:
        distribution = Distribution.of_values([float(datum.get("Value", 0))])
    metrics.add(
        namespace,
        datum["MetricName"],
        named_dimensions(datum.get("Dimensions")),
        epoch_minute(aware(datum.get("Timestamp") or now)),
        distribution,
        visible_from=now,
        unit=datum.get("Unit"),
    )


def _listed(metrics: MetricStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to ListMetrics; unlike a query, a filter may name fewer dimensions than the metric has."""
    namespace, metric = request.get("Namespace"), request.get("MetricName")
    wanted = {each["Name"]: each.get("Value") for each in request.get("Dimensions") or ()}
    found = [
        series
        for series in metrics.all_series(datetime.now(UTC).timestamp())
        if namespace in (None, series.namespace)
        and metric in (None, series.metric)
        and all(name in series.dimensions for name in wanted)
        and all(value in (None, series.dimensions[name]) for name, value in wanted.items())
    ]
    first = _first(request.get("NextToken"))
    answer: dict[str, Any] = {"Metrics": [_shown(each) for each in found[first : first + METRICS_PER_PAGE]]}
    if first + METRICS_PER_PAGE < len(found):
        answer["NextToken"] = str(first + METRICS_PER_PAGE)
    return answer


def _shown(series: StoredSeries) -> dict[str, Any]:
    return {
        "Namespace": series.namespace,
        "MetricName": series.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions.items()],
    }


def _first(token: str | None) -> int:
    if token is not None and not token.isdecimal():
        raise InvalidNextToken("The next token provided is invalid.")
    return int(token or 0)
