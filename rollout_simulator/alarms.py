"""The alarms of a scenario: of this account, or of another one or another region."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rollout_simulator.clients import client, session
from rollout_simulator.scenario import Alarm
from rollout_simulator.template import ACCOUNT, REGION


def put_alarm(alarm: Alarm, namespace: str, metric: str, dimensions: Mapping[str, str], tag: str) -> None:
    """Make one on this metric of a target. `tag` ties it to the target, if it is to.

    What an alarm of another account or region watches is not simulated: it finds no data, and keeps its state then.
    """
    percentile = alarm.statistic.startswith("p")
    alarm_client(alarm).put_metric_alarm(
        AlarmName=alarm.name,
        Namespace=f"{namespace}/Elsewhere" if alarm.is_elsewhere else namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        **{"ExtendedStatistic" if percentile else "Statistic": alarm.statistic},
        Period=60,
        EvaluationPeriods=alarm.evaluation_periods,
        Threshold=alarm.threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore" if alarm.is_elsewhere else alarm.treat_missing_data,
        Tags=[{"Key": "rollout-pilot:target", "Value": tag}] if alarm.tagged else [],
    )


def alarm_client(alarm: Alarm) -> Any:
    """A CloudWatch client of the account and region that the alarm belongs to."""
    if not alarm.is_elsewhere:
        return client("cloudwatch", REGION)
    return _client_elsewhere(alarm.account or ACCOUNT, alarm.region or REGION)


@cache
def _client_elsewhere(account: str, region: str) -> Any:
    made = session().client("cloudwatch", region_name=region)

    def name_account(params: Any, **_: Any) -> None:
        params["headers"]["x-moto-account-id"] = account

    made.meta.events.register("before-call.cloudwatch", name_account)
    return made
