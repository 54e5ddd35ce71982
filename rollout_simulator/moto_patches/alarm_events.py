"""`CloudWatch Alarm State Change` as EventBridge delivers it (documented, with examples)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from moto.moto_api._internal import mock_random

from rollout_simulator.moto_patches.alarm_evaluation import event_time
from rollout_simulator.moto_patches.metric_store import aware

Event = dict[str, Any]


def state_of(alarm: Any) -> dict[str, str]:
    """`state` or `previousState` as the alarm stands."""
    state = {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "timestamp": event_time(aware(alarm.state_updated_timestamp)),
    }
    if alarm.state_reason_data and alarm.state_reason_data != "{}":
        state["reasonData"] = alarm.state_reason_data
    return state


def state_change(alarm: Any, previous: Mapping[str, str], now: datetime) -> Event:
    """The event for an alarm that has just left the state `previous`."""
    _, _, _, region, account, *_ = alarm.alarm_arn.split(":")
    return {
        "version": "0",
        "id": str(mock_random.uuid4()),
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": account,
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [alarm.alarm_arn],
        "detail": {
            "alarmName": alarm.name,
            "state": state_of(alarm),
            "previousState": dict(previous),
            "configuration": _configuration(alarm),
        },
    }


def _configuration(alarm: Any) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if alarm.description:
        configuration["description"] = alarm.description
    if alarm.rule is not None:
        return {"alarmRule": alarm.rule, **configuration}
    metric = {
        "namespace": alarm.namespace,
        "name": alarm.metric_name,
        "dimensions": {dimension.name: dimension.value for dimension in alarm.dimensions},
    }
    stat = {"metric": metric, "period": alarm.period, "stat": alarm.statistic or alarm.extended_statistic}
    # The id is CloudWatch's own; that of an alarm stays the same.
    metric_id = str(uuid5(NAMESPACE_URL, alarm.alarm_arn))
    return {"metrics": [{"id": metric_id, "metricStat": stat, "returnData": True}], **configuration}
