"""The alarms of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollout_simulator.scenario import Alarm


def put_alarm(client: Any, alarm: Alarm, namespace: str, metric: str, dimensions: Mapping[str, str], tag: str) -> None:
    """Make one, by boto3's CloudWatch client, on this metric of a target. `tag` ties it to the target, if it is to."""
    percentile = alarm.statistic.startswith("p")
    client.put_metric_alarm(
        AlarmName=alarm.name,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        **{"ExtendedStatistic" if percentile else "Statistic": alarm.statistic},
        Period=60,
        EvaluationPeriods=alarm.evaluation_periods,
        Threshold=alarm.threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Tags=[{"Key": "rollout-pilot:target", "Value": tag}] if alarm.tagged else [],
    )
