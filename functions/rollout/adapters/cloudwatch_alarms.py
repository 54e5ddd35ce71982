"""Alarms: their present states, and which of them are tagged for a target.

An alarm is tied to a target by the tag `rollout-pilot:target`, whose value is the target's key without its kind,
such as `a1b2c3d4e5/prod`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rollout.adapters.faults import translated
from rollout.core.inspection import AlarmState
from rollout.core.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

TAG = "rollout-pilot:target"
MOST_NAMES = 100


class CloudWatchAlarms:
    """Implements `Alarms`."""

    def __init__(self, cloudwatch: CloudWatchClient, tagging: ResourceGroupsTaggingAPIClient) -> None:
        self._cloudwatch = cloudwatch
        self._tagging = tagging

    def named(self, names: Sequence[str]) -> Sequence[AlarmState]:
        """Metric and composite alarms by name, a hundred a call. Raises as the port says."""
        with translated("DescribeAlarms"):
            return [alarm for chunk in _chunks(names) for alarm in self._chunk(chunk)]

    def tagged_for(self, target: Target) -> Sequence[str]:
        """Alarm names out of the tagged alarms' ARNs, sorted. Raises as the port says."""
        value = "/".join(target.ids.values())
        with translated("GetResources"):
            pages = self._tagging.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": TAG, "Values": [value]}], ResourceTypeFilters=["cloudwatch:alarm"]
            )
            arns = [mapping["ResourceARN"] for page in pages for mapping in page["ResourceTagMappingList"]]
        return sorted(arn.split(":alarm:", 1)[1] for arn in arns)

    def _chunk(self, names: Sequence[str]) -> Iterator[AlarmState]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                yield AlarmState(
                    alarm["AlarmName"],
                    alarm["StateValue"],
                    alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
                    alarm.get("StateReason", ""),
                )


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + MOST_NAMES] for start in range(0, len(names), MOST_NAMES))
