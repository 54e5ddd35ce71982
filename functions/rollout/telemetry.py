"""What the controller says about itself: structured log lines and CloudWatch metrics, printed, never called.

Metrics go out in the Embedded Metric Format, so they cost no API call and no waiting. Every log line names the
rollout, its target and its step.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rollout.core.events import StateChanged
from rollout.core.indicators import INDICATORS, Measurement
from rollout.core.rollout import Rollout
from rollout.core.target import Json

NAMESPACE = "RolloutPilot"

logger = Logger(service="rollout-pilot")
metrics = Metrics(namespace=NAMESPACE, service="rollout-pilot")


def emit(measurements: Iterable[Measurement]) -> None:
    """Print the measurements: one line for those that share their dimensions."""
    ordered = sorted(measurements, key=_dimensions)
    for dimensions, together in groupby(ordered, key=_dimensions):
        for name, value in dimensions:
            metrics.add_dimension(name, value)
        for measurement in together:
            metrics.add_metric(measurement.name, MetricUnit(INDICATORS[measurement.name].unit), measurement.value)
        metrics.flush_metrics()


def about(rollout_id: str, rollout: Rollout | None) -> Json:
    """The keys by which every log line is found; a request that was refused has no target and step -1."""
    return {
        "rollout_id": rollout_id,
        "target": rollout.settings.target.key if rollout else "",
        "step": rollout.step if rollout else -1,
    }


def about_event(event: StateChanged) -> Json:
    """The same of a `Rollout State Changed` event."""
    target = event["target"]
    return {
        "rollout_id": event["rolloutId"],
        "target": "/".join(str(part) for part in target.values()) if isinstance(target, dict) else "",
        "step": event.get("step", -1),
    }


def _dimensions(measurement: Measurement) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(measurement.dimensions.items()))
