"""Questions about metrics, asked by invoking the API and reading what CloudWatch has of it.

The API says from which arm each answer came, so it is known how many requests each had in each minute. Half of them go
to the canary, so that the readings of the stage's series lie far apart. First without execution logging; where the
canary then has no series of its own, once more with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.removal import STAGE
from rollout_cli.account_probe.stage import turn_on_logging
from rollout_cli.account_probe.subject import BASE, CANARY, Subject

NAMESPACE = "AWS/ApiGateway"
BELIEVED = "{stage}/Canary"
WEIGHT = "50.0"
TRAFFIC_MINUTES = 5
SECONDS_BETWEEN_ROUNDS = 5
INVOCATIONS_A_ROUND = 5
PROPAGATION_SECONDS = 60.0
LATEST_POINT_MINUTES = 10
"""For so long after the last request its point is waited for."""
SILENT_MINUTES = 3
"""So much longer than the stage's is the canary's waited for."""
LISTING_MINUTES = 16
"""ListMetrics shows a new metric after up to 15 minutes (documented)."""
_TOLERANCE = 0.2
"""Of the canary's requests: so far may a count be from a reading, for those at the edges of minutes."""
_FEWEST = 50

Stage = str
"""A value of the dimension `Stage`."""


@dataclass
class Phase:
    """Some minutes of traffic, in minutes since the epoch, and what was seen of them.

    sent: answers by minute and arm. seen: what each series counted, by minute, as it was read last. first_seen: when a
    minute of the stage's series first had the count that it kept, in seconds after its end.
    """

    first: int
    last: int
    sent: dict[int, Counter[str]] = field(default_factory=dict)
    seen: dict[Stage, dict[int, int]] = field(default_factory=dict)
    first_seen: dict[int, float] = field(default_factory=dict)
    failed: int = 0

    def requests(self, arm: str) -> int:
        """What this arm answered in all minutes."""
        return sum(self.sent[minute][arm] for minute in self.minutes)

    def counted(self, stage: Stage) -> int:
        """What this series has of these minutes."""
        seen = self.seen.get(stage, {})
        return sum(seen.get(minute, 0) for minute in self.minutes)

    @property
    def minutes(self) -> range:
        """All of them."""
        return range(self.first, self.last + 1)

    @property
    def is_complete(self) -> bool:
        """Whether the stage's series has a point of every minute."""
        return all(minute in self.first_seen for minute in self.minutes)


@dataclass
class Traffic:
    """What became of all requests: without execution logging, and with it where that was tried and possible.

    series: the canary's value of the dimension `Stage`, None where none was found. objection: why executions could not
    be logged. others: dimensions that are neither.
    """

    quiet: Phase
    logged: Phase | None = None
    series: Stage | None = None
    objection: str = ""
    others: tuple[str, ...] = ()


def observed_traffic(subject: Subject) -> Traffic:
    """Send requests, and read what CloudWatch has of them, until that is known or time is up.

    Raises: ClientError.
    """
    subject.begin_canary(WEIGHT)
    traffic = Traffic(_phase(subject))
    traffic.series = _found(subject, traffic)
    if traffic.series is None:
        traffic.objection = turn_on_logging(subject)
        if not traffic.objection:
            traffic.logged = _phase(subject)
            subject.access.until(lambda: _look(subject, traffic), seconds=LISTING_MINUTES * 60.0, pause=60.0)
    return traffic


# --- the questions -----------------------------------------------------------------------------------------------


def canary_series(traffic: Traffic) -> Answer:
    """The value of the dimension `Stage` of the canary's own series, with {stage} for the stage's name."""
    if traffic.series is not None:
        return Answer(traffic.series.replace(STAGE, "{stage}"))
    seen = f"; metrics of other dimensions: {', '.join(traffic.others)}" if traffic.others else ""
    if traffic.logged is None:
        return Answer(
            None, f"no series without execution logging, which the stage could not have: {traffic.objection}{seen}"
        )
    return Answer("none", f"neither with nor without execution logging{seen}")


def execution_logging(traffic: Traffic) -> Answer:
    """Whether the canary has a series only while the stage logs its executions."""
    if traffic.series is None:
        return Answer("no series") if traffic.logged is not None else Answer(None, traffic.objection)
    return Answer("not needed" if traffic.quiet.counted(traffic.series) else "needed")


def base_semantics(traffic: Traffic) -> Answer:
    """Whether the stage's series counts the canary's requests: each was answered by an arm that said so."""
    for phase in _phases(traffic):
        base, canary, counted = phase.requests(BASE), phase.requests(CANARY), phase.counted(STAGE)
        if not phase.is_complete or canary < _FEWEST:
            continue
        seen = f"{base:,} answers of the base, {canary:,} of the canary, {counted:,} in the stage's series"
        if abs(counted - base - canary) <= _TOLERANCE * canary:
            return Answer("inclusive", seen)
        if abs(counted - base) <= _TOLERANCE * canary:
            return Answer("exclusive", seen)
        return Answer(None, seen)
    return Answer(None, "the stage's series has no points of all minutes")


def lateness(traffic: Traffic) -> Answer:
    """How many minutes after its end every minute had its final count, rounded up."""
    delays = [delay for phase in _phases(traffic) for delay in phase.first_seen.values()]
    if not all(phase.is_complete for phase in _phases(traffic)):
        return Answer(None, f"some minute had no point for {LATEST_POINT_MINUTES} minutes")
    return Answer(ceil(max(delays) / 60), f"of {len(delays)} minutes the latest came after {max(delays):.0f} s")


def _phases(traffic: Traffic) -> Iterator[Phase]:
    yield traffic.quiet
    if traffic.logged is not None:
        yield traffic.logged


# --- inside ------------------------------------------------------------------------------------------------------


def _phase(subject: Subject) -> Phase:
    """Whole minutes of traffic, and their points."""
    access = subject.access
    access.sleep(PROPAGATION_SECONDS)
    access.sleep(60.0 - access.now().timestamp() % 60.0)
    first = int(access.now().timestamp()) // 60
    phase = Phase(first, first + TRAFFIC_MINUTES - 1)
    phase.sent = {minute: Counter() for minute in phase.minutes}
    while (minute := int(access.now().timestamp()) // 60) <= phase.last:
        for _ in range(INVOCATIONS_A_ROUND):
            try:
                phase.sent[minute][access.invoke(subject.url).strip()] += 1
            except OSError:
                phase.failed += 1
        _read(subject, phase, BELIEVED.replace("{stage}", STAGE))
        access.sleep(SECONDS_BETWEEN_ROUNDS)

    def complete() -> bool:
        _read(subject, phase, BELIEVED.replace("{stage}", STAGE))
        return phase.is_complete

    access.until(complete, seconds=LATEST_POINT_MINUTES * 60.0, pause=SECONDS_BETWEEN_ROUNDS)
    access.until(
        lambda: complete() and bool(phase.counted(BELIEVED.replace("{stage}", STAGE))),
        seconds=SILENT_MINUTES * 60.0,
        pause=SECONDS_BETWEEN_ROUNDS,
    )
    return phase


def _look(subject: Subject, traffic: Traffic) -> bool:
    """Whether the canary's series is found by now."""
    traffic.series = _found(subject, traffic)
    return traffic.series is not None


def _found(subject: Subject, traffic: Traffic) -> Stage | None:
    """The canary's series: the believed one, or one that CloudWatch lists beside the stage's own."""
    others, listed = [], [BELIEVED.replace("{stage}", STAGE)]
    pages = (
        subject.access.client("cloudwatch")
        .get_paginator("list_metrics")
        .paginate(Namespace=NAMESPACE, MetricName="Count", Dimensions=[{"Name": "ApiName", "Value": subject.name}])
    )
    for page in pages:
        for metric in page["Metrics"]:
            dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            if dimensions.keys() == {"ApiName", "Stage"}:
                listed.append(dimensions["Stage"])
            elif not dimensions.keys() <= {"ApiName", "Stage", "Method", "Resource"}:
                others.append(str(dimensions))
    traffic.others = tuple(others)
    for stage in dict.fromkeys(listed):
        if stage == STAGE:
            continue
        for phase in _phases(traffic):
            _read(subject, phase, stage)
        if any(phase.counted(stage) for phase in _phases(traffic)):
            return stage
    return None


def _read(subject: Subject, phase: Phase, canary: Stage) -> None:
    """What the stage's and this series have of the phase now."""
    now = subject.access.now()
    for stage, counts in _counts(subject, phase, (STAGE, canary)).items():
        before = phase.seen.get(stage, {})
        phase.seen[stage] = counts
        if stage != STAGE:
            continue
        for minute, count in counts.items():
            if before.get(minute) != count:
                phase.first_seen[minute] = now.timestamp() - (minute + 1) * 60


def _counts(subject: Subject, phase: Phase, stages: tuple[Stage, Stage]) -> Mapping[Stage, dict[int, int]]:
    """Requests by series and minute; the SampleCount of `Count` is their number (documented).

    A minute has a count once it has a point, and is over.
    """
    queries: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        dimensions = [{"Name": "ApiName", "Value": subject.name}, {"Name": "Stage", "Value": stage}]
        metric = {"Namespace": NAMESPACE, "MetricName": "Count", "Dimensions": dimensions}
        queries.append({"Id": f"s{number}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "SampleCount"}})
    over = int(subject.access.now().timestamp()) // 60
    answer = subject.access.patiently(
        lambda: subject.access.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(phase.first * 60, UTC),
            EndTime=datetime.fromtimestamp((phase.last + 1) * 60, UTC),
        )
    )
    found: dict[Stage, dict[int, int]] = {stage: {} for stage in stages}
    for result in answer["MetricDataResults"]:
        counts = found[stages[int(result["Id"][1:])]]
        for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
            if (minute := int(moment.timestamp()) // 60) < over:
                counts[minute] = round(value)
    return found
