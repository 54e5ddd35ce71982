"""GetMetricData and GetMetricStatistics, answered from a `MetricStore`.

Documented and kept: StartTime is inclusive and rounded down to the minute (to 5 minutes after 15 days, to the
hour after 63), EndTime exclusive; results run newest first unless `ScanBy` says otherwise; a period without
data has no datapoint; periods are multiples of 60 s; a query older than 15 days needs a multiple of 300 s
(63 days: of 3,600 s) or finds nothing; at most 500 queries a call and 100,800 datapoints a page; the rest
follows under `NextToken`.
Unknown: the exact texts of the refusals, and how a period is cut when StartTime lies inside it. Here periods
are multiples since the epoch, and only minutes inside the asked range count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)

from rollout_simulator.moto_patches.metric_statistics import Statistic, UnknownStatistic, is_extended, statistic
from rollout_simulator.moto_patches.metric_store import (
    SECONDS_PER_MINUTE,
    MetricStore,
    StoredSeries,
    aware,
    epoch_minute,
    named_dimensions,
)

LARGEST_PAGE = 100_800
MOST_QUERIES = 500
MOST_DATAPOINTS_OF_STATISTICS = 1_440
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_TOKEN = re.compile(r"datapoints-from-(\d+)")
_DAY_MINUTES = 24 * 60
_COARSER = ((63 * _DAY_MINUTES, 60), (15 * _DAY_MINUTES, 5))
"""Age in minutes from which only multiples of so many minutes are kept; the oldest first."""


class InvalidNextToken(ValidationError):
    """The token did not come from an earlier page."""

    code = "InvalidNextToken"


@dataclass(frozen=True)
class _Span:
    """Which minutes are asked for, cut into periods."""

    start: int
    end: int
    period: int

    def starts(self, *, descending: bool) -> range:
        """The first minute of each period, in the order they are to be listed."""
        first = self.start - self.start % self.period
        rising = range(first, self.end, self.period)
        return rising[::-1] if descending else rising

    def minutes_of(self, first: int) -> range:
        return range(max(first, self.start), min(first + self.period, self.end))


def metric_data(store: MetricStore, request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The answer to GetMetricData."""
    queries = request.get("MetricDataQueries", [])
    start, end = aware(request["StartTime"]), aware(request["EndTime"])
    if start > end:
        raise ValidationError("The parameter EndTime must be greater than StartTime.")
    if start == end:
        raise ValidationError("The parameter StartTime must not equal parameter EndTime.")
    _check_queries(queries)
    descending = (request.get("ScanBy") or "TimestampDescending") == "TimestampDescending"
    results = [
        _answer(store, query, number, (start, end), now, descending=descending)
        for number, query in enumerate(queries, 1)
    ]
    if store.partial_until is not None and now < store.partial_until:
        _keep_older_half(results, descending=descending)
    page_size = store.page_size or request.get("MaxDatapoints") or LARGEST_PAGE
    shown = [result for result, query in zip(results, queries, strict=True) if query.get("ReturnData") is not False]
    return _page(shown, int(page_size), request.get("NextToken"))


def _check_queries(queries: Sequence[Mapping[str, Any]]) -> None:
    if len(queries) > MOST_QUERIES:
        raise ValidationError(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise ValidationError("The values for parameter id in MetricDataQueries are not unique.")
    for number, query in enumerate(queries, 1):
        member = f"MetricDataQueries.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            raise ValidationError(
                f"The value {query['Id']} for parameter {member}.Id is not matching the expected pattern "
                f"^{_ID.pattern}$."
            )
        if "Expression" in query:
            raise ValidationError(
                f"The value {query['Expression']} for parameter {member}.Expression is not supported: "
                "this simulated CloudWatch has no metric math."
            )
        if "MetricStat" not in query:
            raise ValidationError(f"The parameter {member}.MetricStat is required.\n")


def _answer(
    store: MetricStore,
    query: Mapping[str, Any],
    number: int,
    between: tuple[datetime, datetime],
    now: datetime,
    *,
    descending: bool,
) -> dict[str, Any]:
    asked = query["MetricStat"]
    metric = asked["Metric"]
    name = asked["Stat"]
    member = f"MetricDataQueries.member.{number}.MetricStat"
    try:
        compute = statistic(name)
    except UnknownStatistic:
        raise ValidationError(f"The value {name} for parameter {member}.Stat is not supported.") from None
    period = int(asked["Period"])
    if period < SECONDS_PER_MINUTE or period % SECONDS_PER_MINUTE:
        raise ValidationError(f"The parameter {member}.Period must be a multiple of 60.")
    series = store.series(metric.get("Namespace"), metric.get("MetricName"), named_dimensions(metric.get("Dimensions")))
    span = _span(*between, period // SECONDS_PER_MINUTE, now)
    minutes: list[int] = []
    values: list[float] = []
    if series is not None and span is not None:
        minutes, values = _values(series, span, compute, now.timestamp(), asked.get("Unit"), descending=descending)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric.get("MetricName"),
        "Timestamps": [datetime.fromtimestamp(minute * SECONDS_PER_MINUTE, UTC) for minute in minutes],
        "Values": values,
        "StatusCode": "Complete",
    }


def _span(start: datetime, end: datetime, period: int, now: datetime) -> _Span | None:
    """The minutes asked for; None where CloudWatch no longer keeps them at this period."""
    first, this_minute = epoch_minute(start), epoch_minute(now)
    for age, multiple in _COARSER:
        if this_minute - first > age:
            if period % multiple:
                return None
            first -= first % multiple
            break
    last_second = -(-end.timestamp() // SECONDS_PER_MINUTE)
    return _Span(first, int(last_second), period)


def _values(
    series: StoredSeries, span: _Span, compute: Statistic, now: float, unit: str | None, *, descending: bool
) -> tuple[list[int], list[float]]:
    minutes: list[int] = []
    values: list[float] = []
    for first in span.starts(descending=descending):
        one = span.period == 1
        data = series.visible(first, now, unit) if one else series.over(span.minutes_of(first), now, unit)
        if data is None or not data.sample_count:
            continue
        value = computed(compute, data)
        if value is not None:
            minutes.append(first)
            values.append(value)
    return minutes, values


def computed(compute: Statistic, data: Any) -> float | None:
    """The statistic, or None where CloudWatch shows no datapoint for it."""
    try:
        return compute(data)
    except ValueError:  # only a statistic set is known: documented to have no percentiles
        return None


def _keep_older_half(results: list[dict[str, Any]], *, descending: bool) -> None:
    for result in results:
        half = len(result["Values"]) // 2
        kept = slice(len(result["Values"]) - half, None) if descending else slice(0, half)
        result["Values"], result["Timestamps"] = result["Values"][kept], result["Timestamps"][kept]
        result["StatusCode"] = "PartialData"


def _page(results: list[dict[str, Any]], size: int, token: str | None) -> dict[str, Any]:
    """The next `size` datapoints, query after query; a query cut by the page's end is `PartialData`."""
    skip = _offset(token)
    room = size
    page: list[dict[str, Any]] = []
    total = sum(len(result["Values"]) for result in results)
    for result in results:
        held = len(result["Values"])
        if held and skip >= held:
            skip -= held
            continue
        if (held and not room) or (not held and token is not None):
            continue  # a later page has it, or the first one had it
        end = min(held, skip + room)
        page.append(
            {
                **result,
                "Values": result["Values"][skip:end],
                "Timestamps": result["Timestamps"][skip:end],
                "StatusCode": result["StatusCode"] if end == held else "PartialData",
            }
        )
        room -= end - skip
        skip = 0
    answer: dict[str, Any] = {"MetricDataResults": page, "Messages": []}
    if (reached := _offset(token) + size - room) < total:
        answer["NextToken"] = f"datapoints-from-{reached}"
    return answer


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidNextToken("The next token provided is invalid.")
    return int(found[1])


def metric_statistics(store: MetricStore, request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The answer to GetMetricStatistics."""
    simple, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
    if not simple and not extended:
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    start, end = aware(request["StartTime"]), aware(request["EndTime"])
    if start >= end:
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    period = int(request["Period"])
    if period < SECONDS_PER_MINUTE or period % SECONDS_PER_MINUTE:
        raise InvalidParameterValue("The parameter Period must be a multiple of 60.")
    span = _span(start, end, period // SECONDS_PER_MINUTE, now)
    computes = {name: _named(name) for name in [*simple, *extended]}
    answer: dict[str, Any] = {"Label": request["MetricName"], "Datapoints": []}
    series = store.series(request["Namespace"], request["MetricName"], named_dimensions(request.get("Dimensions")))
    if series is None or span is None:
        return answer
    starts = span.starts(descending=False)
    if len(starts) > MOST_DATAPOINTS_OF_STATISTICS:
        raise InvalidParameterCombination(
            f"You have requested up to {len(starts):,} datapoints, which exceeds the limit of 1,440. You may "
            "reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    for first in starts:
        data = series.over(span.minutes_of(first), now.timestamp(), request.get("Unit"))
        if data is None:
            continue
        values = {name: computed(compute, data) for name, compute in computes.items()}
        answer["Datapoints"].append(
            {
                "Timestamp": datetime.fromtimestamp(first * SECONDS_PER_MINUTE, UTC),
                "Unit": series.unit_of(span.minutes_of(first)),
                **{name: values[name] for name in simple},
                **({"ExtendedStatistics": _present(values, extended)} if extended else {}),
            }
        )
    return answer


def _present(values: Mapping[str, float | None], names: Sequence[str]) -> dict[str, float]:
    return {name: value for name in names if (value := values[name]) is not None}


def _named(name: str) -> Statistic:
    try:
        return statistic(name)
    except UnknownStatistic:
        parameter = "ExtendedStatistics" if is_extended(name) else "Statistics"
        raise InvalidParameterValue(f"The value {name} for parameter {parameter}.member.1 is not supported.") from None
