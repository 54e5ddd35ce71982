"""Alarms: their present states, and which of them are tagged for a target.

An alarm is tied to a target by the tag `rollout-pilot:target`, whose value is the target's key without its kind,
such as `a1b2c3d4e5/prod`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rollout.adapters.cloudwatch import CloudWatchReader, Query
from rollout.adapters.faults import translated
from rollout.core.alarm_names import is_arn
from rollout.core.inspection import AlarmMetric, AlarmState
from rollout.core.minutes import minute_of
from rollout.core.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

TAG = "rollout-pilot:target"
MOST_NAMES = 100
_DAY = 1440
"""In minutes."""
_DAYS = 14


class CloudWatchAlarms:
    """Implements `Alarms`."""

    def __init__(self, cloudwatch: CloudWatchClient, tagging: ResourceGroupsTaggingAPIClient) -> None:
        self._cloudwatch = cloudwatch
        self._tagging = tagging

    def named(self, names: Sequence[str]) -> Sequence[AlarmState]:
        """Metric and composite alarms by name, a hundred a call. Of those that are named by an ARN DescribeAlarms shows
        the ones that are here; those of other accounts and regions nobody here can read.

        Raises: NotAllowed, Unavailable.
        """
        asked = list(dict.fromkeys(name.split(":", 6)[-1] if is_arn(name) else name for name in names))
        with translated("DescribeAlarms"):
            shown = [alarm for chunk in _chunks(asked) for alarm in self._chunk(chunk)]
        return [state for arn, state in shown for state in _as_asked(state, arn, names)]

    def tagged_for(self, target: Target) -> Sequence[str]:
        """Alarm names out of the tagged alarms' ARNs, sorted. Raises: NotAllowed, Unavailable."""
        value = "/".join(target.ids.values())
        with translated("GetResources"):
            pages = self._tagging.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": TAG, "Values": [value]}], ResourceTypeFilters=["cloudwatch:alarm"]
            )
            arns = [mapping["ResourceARN"] for page in pages for mapping in page["ResourceTagMappingList"]]
        return sorted(arn.split(":alarm:", 1)[1] for arn in arns)

    def seen(self, metrics: Sequence[AlarmMetric], now: datetime) -> frozenset[AlarmMetric]:
        """One GetMetricData with a point a day. Raises: NotAllowed, Unavailable."""
        queries = {each: Query(each.namespace, each.metric, each.dimensions, "SampleCount") for each in metrics}
        if not queries:
            return frozenset()
        last = minute_of(now)
        first = (last // _DAY - _DAYS) * _DAY
        points = CloudWatchReader(self._cloudwatch).read(list(queries.values()), first, last, _DAY)
        return frozenset(each for each, query in queries.items() if points.values[query] or not points.complete)

    def _chunk(self, names: Sequence[str]) -> Iterator[tuple[str, AlarmState]]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                since = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                reason, metric = alarm.get("StateReason", ""), _metric(alarm)
                yield alarm["AlarmArn"], AlarmState(alarm["AlarmName"], alarm["StateValue"], since, reason, metric)


def _metric(alarm: Mapping[str, Any]) -> AlarmMetric | None:
    """Of an alarm with metric math there may be one too, but not one alone."""
    if "MetricName" not in alarm:
        return None
    dimensions = tuple((each["Name"], each["Value"]) for each in alarm.get("Dimensions", ()))
    return AlarmMetric(alarm["Namespace"], alarm["MetricName"], dimensions)


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + MOST_NAMES] for start in range(0, len(names), MOST_NAMES))


def _as_asked(state: AlarmState, arn: str, names: Sequence[str]) -> Iterator[AlarmState]:
    """The alarm under the names by which it was asked for."""
    return (replace(state, name=name) for name in (state.name, arn) if name in names)
