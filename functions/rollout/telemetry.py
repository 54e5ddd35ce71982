"""The controller's own CloudWatch metrics, printed and never called.

They go out in the Embedded Metric Format, so they cost no API call and no waiting.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rollout.core.controller_metrics import CONTROLLER_METRICS, MetricPoint

NAMESPACE = "RolloutPilot"

metrics = Metrics(namespace=NAMESPACE, service="rollout-pilot")


def emit(stack: str, metric_points: Iterable[MetricPoint]) -> None:
    """Print the metric_points: one line for those that share their dimensions. The stack is the dimension `service`."""
    ordered = sorted(metric_points, key=_dimensions)
    for dimensions, together in groupby(ordered, key=_dimensions):
        metrics.add_dimension("service", stack)
        for name, value in dimensions:
            metrics.add_dimension(name, value)
        for measurement in together:
            metrics.add_metric(
                measurement.name, MetricUnit(CONTROLLER_METRICS[measurement.name].unit), measurement.value
            )
        metrics.flush_metrics()


def _dimensions(measurement: MetricPoint) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(measurement.dimensions.items()))
