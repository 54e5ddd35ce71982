"""Minutes that are not closed yet: what was seen of them early, to be believed once it was seen twice.

A point that CloudWatch shows a minute after its minute may still grow, and its errors may be there before its
requests. A minute whose numbers are the same in two readings, a minute apart or more, is taken as it is: for harm only,
and never stored as evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rollout.core.judge import Count, JudgeSettings, MetricKind, MinuteReading, Pair

MOST_MINUTES = 8
"""So many of the newest minutes are remembered between two readings."""


def numbers_of(reading: MinuteReading) -> str:
    """The numbers of a minute, to tell whether they are the same again; "" where no metric has both arms."""
    return ";".join(
        f"{name}={' '.join(map(repr, (*pair.canary, *pair.base)))}"
        for name, pair in sorted(reading.pairs.items())
        if pair.canary is not None and pair.base is not None
    )


def reading_of_numbers(text: str, minute: int, step: int) -> MinuteReading:
    """The inverse of `numbers_of`, for counts; what else there was, or was not compared, is left out."""
    pairs = {}
    for part in text.split(";"):
        name, _, numbers = part.rpartition("=")
        values = numbers.split()
        if len(values) == 4 and all(value.isdigit() for value in values):
            canary, canary_bad, base, base_bad = map(int, values)
            if canary or base:
                pairs[name] = Pair(Count(canary, canary_bad), Count(base, base_bad))
    return MinuteReading(minute, step, pairs)


def grown_by(before: MinuteReading, now: MinuteReading) -> MinuteReading:
    """What has come to a minute since: of each metric whose counts have only grown."""
    pairs = {}
    for name, known in before.pairs.items():
        pair, arms = now.pairs.get(name, Pair(None, None)), []
        for old, new in zip(known, pair, strict=True):
            if (
                isinstance(old, Count)
                and isinstance(new, Count)
                and new.requests >= old.requests
                and new.bad >= old.bad
            ):
                arms.append(Count(new.requests - old.requests, new.bad - old.bad))
        if len(arms) == len(known):
            pairs[name] = Pair(*arms)
    return now._replace(pairs=pairs)


def believed(readings: Iterable[MinuteReading], seen: Mapping[int, str]) -> list[MinuteReading]:
    """The minutes whose numbers are those that were `seen` before, with the metrics that have both arms."""
    return [
        reading._replace(
            pairs={
                name: pair for name, pair in reading.pairs.items() if pair.canary is not None and pair.base is not None
            }
        )
        for reading in readings
        if (numbers := numbers_of(reading)) and numbers == seen.get(reading.minute)
    ]


def of_errors(reading: MinuteReading, settings: JudgeSettings) -> MinuteReading:
    """With the error metrics only: in the minute of a raise, latency is that of a canary that warms up."""
    errors = {metric.name for metric in settings.metrics if metric.kind is MetricKind.ERRORS}
    return reading._replace(pairs={name: pair for name, pair in reading.pairs.items() if name in errors})
