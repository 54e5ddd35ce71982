"""The numbers of each metric over time: canary against base, and the evidence as a share of its limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rollout.cockpit import history as facts
from rollout.core.decision import Phase
from rollout.core.judge import Effect, JudgeSettings, MetricKind
from rollout.core.judge.explain import display_name
from rollout.core.rollout import Rollout
from rollout.core.target import Json
from rollout.core.watch import judge_of

MOST_POINTS = 240
"""Points of a curve. A rollout of two weeks has thousands of analyses, more than a screen has pixels."""
MOST_DOTS = 120


WATCH = -1
"""The part of a rollout after its promotion."""
NOTHING_TO_PROVE = ("unmeasured", "harmful")
"""Verdicts for which evidence of safety is not shown, because it would mislead."""
WAITING = "waiting"
"""Instead of a verdict, until the first minute of a step has been judged."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric as one analysis saw it, at `minute` since the rollout began; its newest data ended at `data_minute`.

    canary, base, allowed: rates (fractions of 1) or means, over the step so far; None where nothing was measured.
    harm, proof: the evidence as a share of what rolls back, or proves; 1 is enough, below 0 speaks against it.
    part tells steps apart, and the watch from all of them: no line is drawn from one to the next.
    """

    minute: float
    data_minute: float
    part: int
    canary: float | None
    base: float | None
    allowed: float | None
    harm: float | None
    proof: float | None


@dataclass(frozen=True, slots=True)
class Dot:
    """Both arms' rates or means in one minute, or in several that are drawn as one; None where an arm has no data."""

    minute: float
    canary: float | None
    base: float | None


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric: what it is, its numbers in the last analysis, and its numbers over time.

    canary, base: the counts of the present step as the history has them. effect: how large their difference is; None
    where that is not known. log_harm, log_proof: ln of the evidence; harm_limit, proof_limit: ln of what is enough.
    `higher_is_better` turns the tolerance round; `watched` is after the promotion, when there is no base and nothing
    to prove; `in_control` is before it, while the base keeps a control: nothing is to be proven either.
    """

    name: str
    label: str
    what: str
    is_rate: bool
    higher_is_better: bool
    decides: bool
    required: bool
    verdict: str
    canary: Json | None
    base: Json | None
    allowed: float | None
    effect: Effect | None
    log_harm: float | None
    log_proof: float | None
    harm_limit: float
    proof_limit: float
    watched: bool
    in_control: bool
    judged: tuple[Judged, ...]
    dots: tuple[Dot, ...]

    @property
    def last(self) -> Judged | None:
        """The numbers of the last analysis that had this metric."""
        return self.judged[-1] if self.judged else None

    @property
    def proves(self) -> bool:
        """Whether anything is to be proven now."""
        return not (self.watched or self.in_control)

    @property
    def is_no_worse(self) -> bool:
        """Whether it is looked at for harm only, and has none."""
        return not self.proves and self.verdict in ("safe", "undecided")


def metric_views(rollout: Rollout, history: Sequence[Json]) -> tuple[MetricView, ...]:
    """Every metric of the rollout, those that decide first."""
    thresholds = {measure.name: measure.threshold_ms for measure in rollout.measures}
    settings = rollout.settings.judge
    harm_limits = _harm_limits(settings)
    controls = {index for index, step in enumerate(rollout.settings.plan) if step.harm_only}
    watch = judge_of(settings, rollout.watch_limits)
    watch_limits = _harm_limits(watch) if watch else {}
    seen = [(_minute(rollout, line), line) for line in history if line.get("analysis", {}).get("verdicts")]
    views = []
    for metric in sorted(settings.metrics, key=lambda each: each.dry_run):
        judged: list[Judged] = []
        last: Json = {}
        for minute, line in seen:
            verdict = next((each for each in line["analysis"]["verdicts"] if each["metric"] == metric.name), None)
            if verdict is None:
                continue
            last = verdict
            watching = line["phase"] == Phase.WATCHING
            limit = (watch_limits if watching else harm_limits).get(metric.name, harm_limits[metric.name])
            data = _data_minute(rollout, line) or (judged[-1].data_minute if judged else minute)
            log_proof = None if watching or line["step"] in controls else settings.log_proof
            judged.append(_judged(verdict, minute, data, line["step"], limit, log_proof, watching=watching))
        watching = rollout.phase is Phase.WATCHING or (bool(judged) and judged[-1].part == WATCH)
        in_control = not watching and rollout.step in controls
        proves = not watching and not in_control
        if last and rollout.phase is not Phase.ENDED and judged[-1].part != (WATCH if watching else rollout.step):
            last = {"verdict": WAITING, "logECapped": facts.harm(last)}
        verdict_word = last.get("verdict", WAITING if rollout.phase is not Phase.ENDED else "unmeasured")
        views.append(
            MetricView(
                name=metric.name,
                label=display_name(metric.name),
                what=_what(metric.kind, metric.name, thresholds.get(metric.name)),
                is_rate=metric.kind is not MetricKind.BUSINESS_VALUE,
                higher_is_better=metric.kind.higher_is_better,
                decides=metric.decides,
                required=metric.required,
                verdict=verdict_word,
                canary=last.get("canary"),
                base=None if watching else last.get("base"),
                allowed=last.get("allowedRate"),
                effect=Effect(**last["effect"]) if last.get("effect") else None,
                log_harm=facts.harm(last) if last and verdict_word != "unmeasured" else None,
                log_proof=last.get("logS") if verdict_word not in NOTHING_TO_PROVE and proves else None,
                harm_limit=harm_limits[metric.name],
                proof_limit=settings.log_proof,
                watched=watching,
                in_control=in_control,
                judged=thinned(judged),
                dots=_dots(rollout, history, metric.name),
            )
        )
    return tuple(views)


def _judged(
    verdict: Json,
    minute: float,
    data_minute: float,
    step: int,
    limit: float,
    log_proof: float | None,
    *,
    watching: bool,
) -> Judged:
    measured = verdict["verdict"] != "unmeasured"
    return Judged(
        minute=minute,
        data_minute=data_minute,
        part=WATCH if watching else step,
        canary=level(verdict["canary"]) if measured else None,
        base=level(verdict["base"]) if measured and not watching else None,
        allowed=verdict["allowedRate"] if measured else None,
        harm=facts.harm(verdict) / limit if measured else None,
        proof=verdict["logS"] / log_proof if measured and log_proof is not None else None,
    )


def _harm_limits(settings: JudgeSettings) -> Mapping[str, float]:
    return {name: settings.log_limit(share) for name, share in settings.shares().items()}


def _minute(rollout: Rollout, line: Json) -> float:
    return (datetime.fromisoformat(line["at"]) - rollout.started_at).total_seconds() / 60


def _data_minute(rollout: Rollout, line: Json) -> float | None:
    minutes = line["analysis"]["minutes"]
    return minutes[-1]["minute"] + 1 - rollout.started_at.timestamp() / 60 if minutes else None


def level(measure: Json | None) -> float | None:
    """The rate of counts, or the mean of samples; None where there are none."""
    return _together([measure])


def _what(kind: MetricKind, name: str, threshold_ms: float | None) -> str:
    """What the metric measures, in words."""
    if kind is MetricKind.LATENCY:
        quantile = name.rpartition(".")[2]
        known = f" ({threshold_ms:g} ms)" if threshold_ms is not None else ""
        return f"share of requests slower than the base's {quantile} was{known}"
    words = {
        MetricKind.ERRORS: "share of requests that failed",
        MetricKind.BUSINESS_COUNT: "good events per request; fewer is worse",
        MetricKind.BUSINESS_VALUE: "mean per sample; lower is worse",
    }
    return words[kind]


def thinned(judged: Sequence[Judged], most: int = MOST_POINTS) -> tuple[Judged, ...]:
    """About `most` points at most: of each group of consecutive points of one part the worst, and the last point."""
    every = -(-len(judged) // most) if judged else 1
    if every <= 1:
        return tuple(judged)
    kept: list[Judged] = []
    group: list[Judged] = []
    for point in judged:
        if group and (len(group) >= every or point.part != group[0].part):
            kept.append(_worst(group))
            group = []
        group.append(point)
    kept += [group[-1]] if len(group) == 1 else [_worst(group[:-1]), group[-1]]
    return tuple(kept)


def _worst(group: Sequence[Judged]) -> Judged:
    return max(group, key=lambda point: point.harm if point.harm is not None else float("-inf"))


def _dots(rollout: Rollout, history: Sequence[Json], name: str) -> tuple[Dot, ...]:
    """A dot for each minute; where there are too many, one for several consecutive minutes."""
    started = rollout.started_at.timestamp() / 60
    seen = [
        (minute["minute"] + 0.5 - started, minute["metrics"][name], line["phase"] == Phase.WATCHING)
        for line in history
        for minute in line.get("analysis", {}).get("minutes", ())
        if name in minute["metrics"]
    ]
    if not seen:
        return ()
    first, last = seen[0][0], seen[-1][0]
    width = max(1.0, (last - first) / MOST_DOTS)
    return tuple(
        Dot(
            minute=sum(at for at, *_ in group) / len(group),
            canary=_together(arms["canary"] for _, arms, _ in group),
            base=_together(arms["base"] for _, arms, watching in group if not watching),
        )
        for _, found in groupby(seen, key=lambda each: int((each[0] - first) / width))
        if (group := list(found))
    )


def _together(measures: Iterable[Json | None]) -> float | None:
    """The rate or the mean of all these measures together."""
    numbers = [_numbers(measure) for measure in measures if measure]
    total = sum(number for number, _ in numbers)
    return sum(amount for _, amount in numbers) / total if total else None


def _numbers(measure: Json) -> tuple[float, float]:
    """The requests and the bad ones, or the samples and their sum."""
    if "requests" in measure:
        return measure["requests"], measure["bad"]
    return measure["samples"], measure["total"]
