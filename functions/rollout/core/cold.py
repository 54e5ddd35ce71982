"""Minutes in which an arm starts cold.

An environment of a function that nobody calls for some minutes is given up, and the next request waits for a new one.
How long one is kept is not documented; less than about five minutes has not been reported. At low traffic the canary,
which gets the smaller share, meets cold starts that the base does not, however fast its code is. So in the first minute
with requests after a pause the latencies of both arms are not compared; errors are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rollout.core.judge import Count, JudgeSettings, MetricKind, MinuteReading, Pair

PAUSE_MINUTES = 3
"""An arm without a request for so many minutes starts cold in the next."""
_NOT_COMPARED = Pair(Count(0, 0), Count(0, 0))

LastAsked = Mapping[str, int]
"""Of each arm, `canary` and `base`, the last minute in which it had requests."""


def asked_in(reading: MinuteReading, before: LastAsked) -> LastAsked:
    """The last minutes with requests, now that this minute is read too."""
    counts = [pair for pair in reading.pairs.values() if isinstance(pair.canary, Count) or isinstance(pair.base, Count)]
    now = {
        arm: reading.minute
        for arm in ("canary", "base")
        if any(isinstance(count := getattr(pair, arm), Count) and count.requests for pair in counts)
    }
    return {**before, **now}


def each_comparable(
    readings: Iterable[MinuteReading], judge: JudgeSettings, last_asked: LastAsked
) -> Iterator[MinuteReading]:
    """The readings, in order, each compared with what came before it."""
    for reading in readings:
        yield comparable(reading, judge, last_asked)
        last_asked = asked_in(reading, last_asked)


def comparable(reading: MinuteReading, judge: JudgeSettings, last_asked: LastAsked) -> MinuteReading:
    """The reading; its latencies say nothing where an arm had paused before."""
    if all(reading.minute - minute <= PAUSE_MINUTES for minute in last_asked.values()):
        return reading
    latencies = {metric.name for metric in judge.metrics if metric.kind is MetricKind.LATENCY}
    pairs = {name: _NOT_COMPARED if name in latencies else pair for name, pair in reading.pairs.items()}
    return reading._replace(pairs=pairs)
