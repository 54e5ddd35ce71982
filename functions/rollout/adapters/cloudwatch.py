"""Reading CloudWatch: many series in one GetMetricData, minute by minute, complete or marked as not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.adapters.faults import translated
from rollout.core.minutes import MINUTE_SECONDS, minute_of, start_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

MOST_QUERIES = 500


@dataclass(frozen=True, slots=True)
class Query:
    """One series and statistic: `namespace`, `metric`, `dimensions` as (name, value) pairs."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@dataclass(frozen=True, slots=True)
class Points:
    """The values by query and minute. `complete` is false when CloudWatch said that some are still missing."""

    values: Mapping[Query, Mapping[int, float]]
    complete: bool

    def at(self, query: Query, minute: int) -> float | None:
        """The value, or None where there is no point."""
        return self.values[query].get(minute)


class CloudWatchReader:
    """Runs queries; knows nothing of what they mean."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client = client

    def read(self, queries: Sequence[Query], first: int, last: int, period_minutes: int = 1) -> Points:
        """The points of the minutes first..last, 500 queries a call.

        Raises: NotAllowed, Unavailable.
        """
        unique = list(dict.fromkeys(queries))
        chunks = [unique[at : at + MOST_QUERIES] for at in range(0, len(unique), MOST_QUERIES)]
        answers = [self._read(chunk, first, last, period_minutes) for chunk in chunks]
        values = {query: points for answer in answers for query, points in answer.values.items()}
        return Points(values, all(answer.complete for answer in answers))

    def exists(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> bool:
        """Whether this very series had a point in the last two weeks (documented for ListMetrics).

        Raises: NotAllowed, Unavailable.
        """
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        )
        with translated("ListMetrics"):
            found = (each["Dimensions"] for page in pages for each in page["Metrics"])
            return any(len(each) == len(dimensions) for each in found)

    def names(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> list[Mapping[str, str]]:
        """The dimensions of each series of this metric that has these dimensions, and had a point in the last three
        hours (documented: `RecentlyActive`).

        Raises: NotAllowed, Unavailable.
        """
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            RecentlyActive="PT3H",
        )
        with translated("ListMetrics"):
            return [
                {each["Name"]: each["Value"] for each in found["Dimensions"]}
                for page in pages
                for found in page["Metrics"]
            ]

    def _read(self, unique: Sequence[Query], first: int, last: int, period_minutes: int) -> Points:
        values: dict[Query, dict[int, float]] = {query: {} for query in unique}
        statuses: dict[str, str] = {}
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(f"q{index}", query, period_minutes) for index, query in enumerate(unique)],
            StartTime=start_of(first),
            EndTime=start_of(last + 1),
            ScanBy="TimestampAscending",
        )
        with translated("GetMetricData"):
            for page in pages:
                for result in page["MetricDataResults"]:
                    statuses[result["Id"]] = result.get("StatusCode", "Complete")
                    series = values[unique[int(result["Id"][1:])]]
                    points: zip[tuple[datetime, float]] = zip(result["Timestamps"], result["Values"], strict=True)
                    series.update((minute_of(moment), value) for moment, value in points)
        return Points(values, all(status == "Complete" for status in statuses.values()))


def _query(identity: str, query: Query, period_minutes: int) -> MetricDataQueryTypeDef:
    return {
        "Id": identity,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": period_minutes * MINUTE_SECONDS,
            "Stat": query.statistic,
        },
        "ReturnData": True,
    }
