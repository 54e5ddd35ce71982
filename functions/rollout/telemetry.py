"""What the controller says about itself: structured log lines and CloudWatch metrics, printed, never called.

Metrics go out in the Embedded Metric Format, so they cost no API call and no waiting.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "RolloutPilot"

logger = Logger(service="rollout-pilot")
metrics = Metrics(namespace=NAMESPACE, service="rollout-pilot")


def count(name: str, **dimensions: str) -> None:
    """One more of something, such as `RolloutsEnded` by `outcome`."""
    for dimension, value in dimensions.items():
        metrics.add_dimension(dimension, value)
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()
