"""The state of a metric alarm, computed from its datapoints, with the reason that CloudWatch gives.

CloudWatch looks at more datapoints than `EvaluationPeriods` (documented; how many is unknown), takes the
newest real ones if there are enough, and otherwise fills up what is missing (documented):

    TreatMissingData   ALARM when …                                otherwise
    missing            min(M, real) of the real ones breach         OK; nothing real: INSUFFICIENT_DATA
    ignore             M of the real ones breach                    OK if a real one does not; else as it was
    breaching          breaching + filled ≥ M                       OK
    notBreaching       breaching ≥ M                                OK

M is `DatapointsToAlarm`. The rows reproduce the examples in CloudWatch's guide, from memory.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ALARM = "ALARM"
OK = "OK"
INSUFFICIENT_DATA = "INSUFFICIENT_DATA"

_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = frozenset(_COMPARISONS)


@dataclass(frozen=True)
class Watch:
    """The part of a metric alarm's definition that decides its state."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing: str
    statistic: str
    period_seconds: int


@dataclass(frozen=True)
class Datapoint:
    """One period that has data."""

    start: datetime
    value: float
    sample_count: float


@dataclass(frozen=True)
class Evaluation:
    """The state an alarm should have, and why."""

    state: str
    reason: str
    reason_data: str


def evaluate(watch: Watch, newest_first: Sequence[Datapoint], current: str, now: datetime) -> Evaluation | None:
    """The alarm's state given the datapoints of its evaluation range; None to leave it as it is."""
    considered = newest_first[: watch.evaluation_periods]
    compare, _ = _COMPARISONS[watch.comparison]
    breaching = sum(compare(point.value, watch.threshold) for point in considered)
    state = _state(watch, len(considered), breaching)
    if state is None or state == current:
        return None
    return Evaluation(state, _reason(watch, considered, breaching, current, state), _data(watch, considered, now))


def _state(watch: Watch, real: int, breaching: int) -> str | None:
    """The table of this module's docstring; None where the state stays."""
    filled = watch.evaluation_periods - real
    needed = watch.datapoints_to_alarm
    if watch.treat_missing == "breaching":
        return ALARM if breaching + filled >= needed else OK
    if watch.treat_missing == "notBreaching":
        return ALARM if breaching >= needed else OK
    if watch.treat_missing == "ignore":
        if breaching >= needed:
            return ALARM
        return OK if breaching < real else None
    if real == 0:
        return INSUFFICIENT_DATA
    return ALARM if breaching >= min(needed, real) else OK


def _reason(watch: Watch, considered: Sequence[Datapoint], breaching: int, previous: str, state: str) -> str:
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(watch.evaluation_periods, 'datapoint')} unknown."
    filled = watch.evaluation_periods - len(considered)
    if not considered:
        treated = "Breaching" if state == ALARM else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {filled} {_plural(filled, 'period')} and "
            f"{filled} missing {_plural(filled, 'datapoint')} {_were(filled)} treated as [{treated}]."
        )
    count = breaching if state == ALARM else len(considered) - breaching
    _, words = _COMPARISONS[watch.comparison]
    shown = ", ".join(f"{point.value} ({point.start:%d/%m/%y %H:%M:%S})" for point in considered)
    needed = watch.datapoints_to_alarm
    return (
        f"Threshold Crossed: {count} out of the last {watch.evaluation_periods} datapoints [{shown}] "
        f"{_were(count)} {'' if state == ALARM else 'not '}{words} the threshold ({float(watch.threshold)}) "
        f"(minimum {needed} {_plural(needed, 'datapoint')} for {previous} -> {state} transition)."
    )


def _data(watch: Watch, considered: Sequence[Datapoint], now: datetime) -> str:
    data: dict[str, Any] = {"version": "1.0", "queryDate": event_time(now)}
    if considered:
        data["startDate"] = event_time(considered[-1].start)
    data |= {
        "statistic": watch.statistic,
        "period": watch.period_seconds,
        "recentDatapoints": [point.value for point in reversed(considered)],
        "threshold": float(watch.threshold),
        "evaluatedDatapoints": [
            {"timestamp": event_time(point.start), "sampleCount": point.sample_count, "value": point.value}
            for point in considered
        ],
    }
    return json.dumps(data, separators=(",", ":"))


def event_time(moment: datetime) -> str:
    """A moment as alarm events write it: `2019-10-02T17:04:40.985+0000` (documented)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _counted(count: int, noun: str) -> str:
    return f"{count} {_plural(count, noun)} {_were(count)}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
