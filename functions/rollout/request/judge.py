"""The request's `judge` block: what is judged, and how strictly.

The fields' types and bounds are here, and so in the JSON Schema. What the settings mean together is checked by the
core's one check of `JudgeSettings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from rollout.core.judge import FastLane, InvalidSettings, JudgeSettings, MetricKind, MetricSettings, Tolerance
from rollout.core.judge.checks import LEAST_RATE, LEAST_SHARE, check_metric
from rollout.core.judge.metric_defaults import DEFAULT_QUANTILES, defaults_of, series, series_name
from rollout.core.judge.settings import default_tolerance
from rollout.errors import InvalidRequest, Problem
from rollout.request.number import Number
from rollout.request.validation import Part, in_one_line, problems_of, raise_problems, unknown_in

Preset = Literal["sensitive", "balanced", "tolerant"]
Kind = Literal["errors", "latency", "businessCount", "businessValue"]
MetricName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]
Rate = Annotated[float, Number(least=LEAST_RATE, most=0.5)]
Relative = Annotated[float, Number(least=0, most=100)]
Absolute = Annotated[float, Number(least=0, most=1)]

DEFAULTS = JudgeSettings((), 0.0)


class ToleranceRequest(Part):
    """Which rate of the canary is tolerated: `relative` times the base's, plus `absolute`. What is left out is as by
    default.
    """

    relative: Relative | None = None
    absolute: Absolute | None = None

    def over(self, default: Tolerance) -> Tolerance:
        """The tolerance, where it says nothing as in the default."""
        return Tolerance(
            default.relative if self.relative is None else self.relative,
            default.absolute if self.absolute is None else self.absolute,
        )


class GateRequest(ToleranceRequest):
    """The margin that must be disproved before everybody gets the canary."""

    relative: Annotated[float, Number(least=1, most=100)] | None = None


class FastLaneRequest(Part):
    """When one minute alone may prove harm: so many bad requests of the canary, so far above the base's rate."""

    min_bad: Annotated[int, Number(1, 100_000)] = DEFAULTS.fast_lane.min_bad
    excess: Absolute = DEFAULTS.fast_lane.excess


class MetricRequest(Part):
    """A metric that AWS publishes for the target, or one of the access log."""

    name: MetricName
    kind: Kind | None = Field(None, description="What it counts; by its name where that tells.")
    quantiles: (
        Annotated[list[Annotated[float, Number(above=0, most=99.999)]], Field(min_length=1, max_length=10)] | None
    ) = Field(None, description="Of a latency: those of the base's own quantiles above which a request is slow.")
    tolerance: ToleranceRequest | None = Field(None, description="By default as the preset and the kind say.")
    dispersion: Annotated[float, Number(least=1, most=100)] | None = Field(
        None,
        description="How many times more its counts vary than those of independent requests would; by default as the "
        "base's own half hour before the rollout, or earlier rollouts, have shown.",
    )
    weight: Annotated[float, Number(least=LEAST_SHARE, most=1000)] | None = Field(
        None, description="Its share in the evidence of harm, relative to the others; 1 if left out."
    )
    max_excess: Annotated[float, Number(least=LEAST_RATE, most=1)] | None = Field(
        None,
        description="However bad the base is, no more than this above its rate is tolerated; 0.02, for 4XXError and "
        "Throttles 0.05.",
    )
    warm_up_minutes: Annotated[int, Number(0, 60)] | None = Field(
        None, description="So many minutes after each raise are shown and not counted; 2 for latencies, else 0."
    )
    required: bool | None = Field(None, description="Whether the weight rises only once it is proven safe.")
    dry_run: bool | None = Field(None, description="Whether it is only shown, and decides nothing.")

    def settings(self, preset: str) -> list[MetricSettings]:
        """One series, or one for each quantile. Its kind must be known."""
        kind = None if self.kind is None else MetricKind(self.kind)
        meant = defaults_of(self.name, kind)
        if meant is None:
            raise ValueError(f"a metric of no known kind: {self.name!r}")
        tolerance = meant.tolerance or default_tolerance(meant.kind, preset)
        metric = MetricSettings(
            self.name,
            meant.kind,
            tolerance if self.tolerance is None else self.tolerance.over(tolerance),
            dispersion=self.dispersion,
            weight=self.weight,
            required=meant.required if self.required is None else self.required,
            dry_run=bool(self.dry_run),
            max_excess=meant.max_excess if self.max_excess is None else self.max_excess,
            warm_up_minutes=self.warm_up_minutes,
        )
        if not _has_quantiles(metric):
            return [metric]
        return [metric._replace(name=series_name(self.name, each)) for each in self.quantiles or DEFAULT_QUANTILES]

    @model_validator(mode="after")
    def _can_be_judged(self) -> MetricRequest:
        raise_problems(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        if defaults_of(self.name, None if self.kind is None else MetricKind(self.kind)) is None:
            kinds = tuple(MetricKind)
            problem = f"required, for {self.name!r} does not tell what it counts; one of {', '.join(kinds)}"
            yield Problem("kind", problem, kinds)
            return
        metric, *_ = self.settings("balanced")
        if self.quantiles is not None and not _has_quantiles(metric._replace(name=self.name)):
            yield Problem("quantiles", f"{self.name!r} is a single series; quantiles are of a latency only")
        yield from problems_of_metric(metric)


class JudgeRequest(Part):
    """How strictly the canary is judged; `docs/judge.md` explains every setting."""

    preset: Preset = Field("balanced", description="The tolerance for errors.")
    alpha: Rate | None = Field(
        None,
        description="The share of rollouts within tolerance that may be rolled back; by default 0.01 for each metric "
        "that decides, at most 0.05.",
    )
    beta: Rate = Field(DEFAULTS.beta, description="The share of unsafe steps that may be taken for safe.")
    max_bake_factor: Annotated[float, Number(least=1, most=100)] = Field(
        DEFAULTS.max_bake_factor, description="A step lasts at most so many times its bake."
    )
    cap_share: Annotated[float, Number(least=LEAST_SHARE, most=1)] = Field(
        DEFAULTS.cap_share, description="The share of the proof of harm that one block of minutes may bring."
    )
    fast_lane: FastLaneRequest | None = Field(None, description="When one minute alone may prove harm.")
    gate: GateRequest | None = Field(
        None, description="The margin that must be disproved before the promotion; by default 2 times, plus 0.005."
    )
    metrics: Annotated[list[MetricRequest], Field(min_length=1, max_length=100)] | None = Field(
        None, description="What is judged; by default errors and latency, by the kind of target."
    )

    def entries(self, default_names: Iterable[str]) -> list[MetricRequest]:
        """Its metrics, or those with these names where it names none."""
        return [MetricRequest(name=name) for name in default_names] if self.metrics is None else self.metrics

    def settings(self, default_names: Sequence[str] = (), custom: Sequence[MetricSettings] = ()) -> JudgeSettings:
        """With every default filled in. custom: metrics that are judged besides.

        Raises: InvalidSettings.
        """
        chosen = [each for entry in self.entries(default_names) for each in entry.settings(self.preset)]
        return JudgeSettings.of(
            self.preset,
            [*chosen, *custom] or None,
            alpha=self.alpha,
            beta=self.beta,
            gate=DEFAULTS.gate if self.gate is None else self.gate.over(DEFAULTS.gate),
            max_bake_factor=self.max_bake_factor,
            cap_share=self.cap_share,
            fast_lane=FastLane() if self.fast_lane is None else FastLane(*self.fast_lane.model_dump().values()),
        )


def parse_judge(block: object, default_names: Sequence[str] = ()) -> JudgeSettings:
    """The settings of a `judge` block that stands alone, as in a recording; None is an empty one.

    Raises: InvalidRequest.
    """
    try:
        judge = JudgeRequest.model_validate({} if block is None else block)
        return judge.settings(default_names)
    except ValidationError as error:
        found = problems_of(error, unknown_in(JudgeRequest), "")
        problems = [problem.below("judge") for problem in found]
        raise InvalidRequest(in_one_line(problems), problems) from error
    except InvalidSettings as error:
        raise InvalidRequest(str(problem_of(error)), [problem_of(error)]) from error


def problem_of(error: InvalidSettings) -> Problem:
    """What the core's check has found."""
    return Problem(error.field.lstrip("."), f"{error.problem} (allowed: {error.allowed})", (error.allowed,))


def problems_of_metric(metric: MetricSettings) -> Iterator[Problem]:
    """What the core's check finds in one metric; the path begins below it."""
    try:
        check_metric(metric, "")
    except InvalidSettings as error:
        yield problem_of(error)


def _has_quantiles(metric: MetricSettings) -> bool:
    """Whether it stands for a series for each quantile."""
    return metric.kind is MetricKind.LATENCY and series(metric.name)[1] is None
