"""The request: what a person, a pipeline or an event asks for, checked whole before anything is touched.

The JSON Schema in the documentation is generated from `REQUESTS`, the table of the kinds of target. Names are
camelCase, unknown fields are errors, everything but the target has a default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from rollout.core.base_semantics import BaseSetting
from rollout.core.decision import OnInconclusive, OnRegression, OnRegressionAfterPromotion, Policy
from rollout.core.judge import InvalidSettings, JudgeSettings, Ramp, Step
from rollout.core.judge.checks import MOST_BAKE_MINUTES
from rollout.core.judge.ramp import WEIGHTS, rungs
from rollout.core.minutes import Calendar
from rollout.core.rollout import MOST_ALARMS, Candidate, Settings
from rollout.core.rollout_request import RolloutRequest
from rollout.core.sources import SourceSetting
from rollout.core.spending import ErrorBudget
from rollout.core.target import Target
from rollout.errors import InvalidRequest, Problem
from rollout.request.custom_metrics import CustomMetricRequest, unknown_placeholders
from rollout.request.delivered import EVENT
from rollout.request.judge import JudgeRequest, problem_of
from rollout.request.number import Number
from rollout.request.targets import AliasCandidate, AliasTarget, Name, StageCandidate, StageTarget
from rollout.request.validation import (
    Location,
    Part,
    fields,
    got,
    in_one_line,
    near,
    problems_of,
    raise_problems,
    shown,
    unknown_field,
)

AlarmName = Annotated[
    str,
    StringConstraints(min_length=1, pattern=r"^(?:arn:[a-z-]+:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:)?[\s\S]{1,255}$"),
]
"""The name of an alarm that is here, or the ARN of any."""
A_MONTH = 43_200
"""In minutes."""


class PlanStep(Part):
    """One weight, and for how many judged minutes it bakes."""

    weight_percent: Annotated[Decimal, Number(above=0, below=100, decimals=2)] = Field(
        description="The canary's share of the requests; above that of the step before."
    )
    bake_minutes: Annotated[int, Number(1, MOST_BAKE_MINUTES)] = Field(
        description="How many minutes are judged before the next step, at least."
    )


def _default_steps() -> list[PlanStep]:
    return [PlanStep.model_validate({"weightPercent": weight, "bakeMinutes": 10}) for weight in (5, 10, 25, 50)]


DEFAULT_AFTER_MINUTES = 10


class Plan(Part):
    """The weights rise strictly; then the base keeps a control, and then the canary is promoted and watched."""

    steps: Annotated[list[PlanStep], Field(min_length=1, max_length=200, default_factory=_default_steps)]
    ramp: Literal["auto"] | None = Field(
        None, description="Instead of steps: begin where a disaster costs least, and rise by evidence."
    )
    risk: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}s$")] = Field(
        "20s", description="Of a ramp: how many seconds of a full outage one raise may cost at worst."
    )
    soak_minutes: Annotated[int, Number(0, 1_440)] = Field(
        20, description="Of a ramp: how many minutes must be measured in all before 100 %."
    )
    probe: bool = Field(
        True,
        description="Of steps: where the first would bring more than 1,000 canary requests a minute, begin with 200.",
    )
    watch_minutes: Annotated[int, Number(0, 1_440)] = Field(
        10,
        description="For so long, before the promotion, the base keeps a control that the canary is compared with. "
        "Without a control: for so long after the promotion alarms and the frozen base still judge.",
    )
    control: Annotated[Decimal, Number(0, 50, decimals=2)] = Field(
        Decimal(5),
        description="The control: the percent of the requests that the base keeps before the promotion, for "
        "`watchMinutes`. 0 leaves it out; so does a last step that leaves the base no more than that.",
    )
    after_minutes: Annotated[int, Number(0, 1_440)] | None = Field(
        None,
        description="For so long after the promotion alarms still roll back. If left out: 10 with a control, "
        "`watchMinutes` without one.",
    )

    @model_validator(mode="after")
    def _weights_rise(self) -> Plan:
        raise_problems(
            Problem(
                f"steps[{index}].weightPercent",
                f"{after.weight_percent} is not above the step before it ({before.weight_percent})",
            )
            for index, (before, after) in enumerate(zip(self.steps, self.steps[1:], strict=False), start=1)
            if after.weight_percent <= before.weight_percent
        )
        return self

    @model_validator(mode="after")
    def _ramp_or_steps(self) -> Plan:
        given = self.model_fields_set
        if self.ramp is not None and "steps" in given:
            raise_problems([Problem("steps", "a ramp has no steps; leave one of both out")])
        if self.ramp is not None and "probe" in given:
            raise_problems([Problem("probe", "is for a plan of steps; a ramp begins where a disaster costs least")])
        if self.ramp is None:
            ramp_only = [("risk", "risk"), ("soakMinutes", "soak_minutes")]
            raise_problems(Problem(path, 'is for "ramp": "auto"') for path, name in ramp_only if name in given)
        if int(self.risk.removesuffix("s")) < 1:
            raise_problems([Problem("risk", "at least 1s")])
        return self

    @property
    def has_control(self) -> bool:
        """Whether the base keeps a control before the promotion."""
        return self.control > 0 and self.watch_minutes > 0 and 100 - self.control > self._weights[-1]

    @property
    def _weights(self) -> list[Decimal]:
        return list(WEIGHTS) if self.ramp else [step.weight_percent for step in self.steps]

    def understood(self, lag_minutes: int, most_risk_seconds: float) -> tuple[Step, ...]:
        """The steps, with the control as the last. Of a ramp all rungs, one raise of which costs at most so much."""
        if self.ramp:
            risk = min(float(self.risk.removesuffix("s")), most_risk_seconds)
            steps = list(rungs(Ramp(risk, lag_minutes, self.soak_minutes)))
        else:
            steps = [Step(step.weight_percent, step.bake_minutes) for step in self.steps]
        if self.has_control:
            steps.append(Step(100 - self.control, self.watch_minutes, harm_only=True))
        return tuple(steps)

    @property
    def minutes_after_promotion(self) -> int:
        """For how long the rollout goes on after the promotion."""
        if self.after_minutes is not None:
            return self.after_minutes
        return DEFAULT_AFTER_MINUTES if self.has_control else self.watch_minutes


class Measurement(Part):
    """How the metrics are to be read; the defaults fit CloudWatch as it is known."""

    lag_minutes: Annotated[int, Number(0, 30)] = Field(
        3, description="A minute is judged this many minutes after its end; CloudWatch publishes late."
    )
    settle_seconds: Annotated[int, Number(0, 600)] = Field(
        30, description="Minutes that begin sooner than this after a weight change are not judged."
    )
    source: Literal["auto", "cloudwatch", "accessLog"] = Field(
        "auto",
        description="What is measured: CloudWatch's own series, the metrics of the access log, or whichever has the "
        "canary's requests.",
    )
    canary_series: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = Field(
        None, description="The value of the Stage dimension of a stage's canary's series; {stage} stands for the stage."
    )
    routes: bool = Field(
        True,
        description="Where the stage has detailed metrics, or the access log a metric of routes, judge harm by each of "
        "the busiest 50 routes, too; each costs four metrics more in every reading.",
    )
    learn_dispersion: bool = Field(
        True, description="Judge with the clumping of errors that earlier promoted rollouts of this target showed."
    )
    most_minutes_between_analyses: Annotated[int, Number(1, 60)] = Field(
        5, description="A step that has been quiet for long is looked at less often, but at least so often."
    )
    base_semantics: Literal["auto", "inclusive", "exclusive"] = Field(
        "auto", description="Whether the stage's own series contains the canary's requests."
    )


class ErrorBudgetRequest(Part):
    """The share of an error budget that a rollout may cost, at the traffic that the base has when it begins."""

    slo: Annotated[float, Number(above=0, below=100)] = Field(
        description="The objective: how many percent of the requests must not fail."
    )
    window_days: Annotated[float, Number(above=0, most=366)] = Field(30, description="The days it is for.")
    share: Annotated[float, Number(above=0, most=1)] = Field(
        0.05, description="How much of what may fail in that time one rollout may cost."
    )


class Request(Part, ABC):
    """A request for a rollout. Each kind of target has a subclass, with the fields `target` and `candidate`."""

    kind: ClassVar[str]
    """Its `target.type`."""
    default_metrics: ClassVar[tuple[str, ...]] = ("5XXError", "Latency", "4XXError")
    """What is judged when the judge's block names no metrics."""

    target: Part
    candidate: Part
    plan: Plan = Field(
        default_factory=Plan,
        description="If left out: 5, 10, 25, 50 % and the control, ten minutes each; fewer and longer steps below five "
        "requests a second.",
    )
    judge: JudgeRequest = Field(default_factory=JudgeRequest, description="What is judged, and how strictly.")
    metrics: Annotated[list[CustomMetricRequest], Field(max_length=20)] = Field(
        default_factory=list, description="Custom metrics, judged beside those of the judge's block."
    )
    measurement: Measurement = Field(default_factory=Measurement, description="How the metrics are to be read.")
    alarms: Annotated[list[AlarmName], Field(max_length=MOST_ALARMS)] = Field(
        default_factory=list,
        description="CloudWatch alarms that roll back at once, beside those tagged for the target; one of another "
        "account or region by its ARN.",
    )
    ignore_alarms_already_firing: bool = Field(
        False,
        description="Begin although an alarm is firing; when it fires again, it counts for what the candidate adds.",
    )
    on_inconclusive: OnInconclusive = Field(
        "hold", description="When nothing could be proven in time: hold for a person, or roll back."
    )
    on_regression: OnRegression = Field(
        "rollback", description="Instead of rolling back, hold for a person, with the canary's weight as it is or at 0."
    )
    on_regression_after_promotion: OnRegressionAfterPromotion | None = Field(
        None,
        description="When the candidate is worse after the promotion than the base was before it, and nothing is left "
        "to compare it with: tell, or roll back. If left out: tell where there was a control, else roll back.",
    )
    max_bad_requests: Annotated[int, Number(1, 1_000_000_000)] | None = Field(
        None,
        description="What the rollout may cost: when the canary has so many bad requests more than the base's rate "
        "explains, it is rolled back, whatever the odds say.",
    )
    error_budget: ErrorBudgetRequest | None = Field(
        None, description="The same as a share of an error budget, computed of the base's traffic."
    )
    hold_minutes: Annotated[int, Number(1, A_MONTH)] = Field(
        1_440, description="A held rollout that nobody answers for so long is rolled back."
    )
    pause_minutes: Annotated[int, Number(1, A_MONTH)] = Field(
        10_080, description="A paused rollout that nobody resumes for so long is rolled back."
    )
    undo_minutes: Annotated[int, Number(0, A_MONTH)] = Field(
        1_440, description="For so long after a promotion a rollback command puts the previous deployment back."
    )
    on_conflict: Literal["reject", "supersede"] = Field(
        "reject", description="When another rollout holds the target: be refused, or have it aborted first."
    )
    request_id: Name | None = Field(None, description="Two requests with the same id for a target are one rollout.")

    schema_uri: str | None = Field(
        None, alias="$schema", exclude=True, description="The schema's address, for editors; it is ignored."
    )

    @model_validator(mode="after")
    def _means_something(self) -> Request:
        raise_problems(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        """What no field says alone."""
        yield from unknown_placeholders(self.metrics, self.kind)
        judged = list(self._judged())
        names = [name for _, name in judged]
        twice = [each for index, each in enumerate(judged) if each[1] in names[:index]]
        yield from (Problem(f"{path}.name", f"{name!r} is named twice") for path, name in twice)
        if not twice:
            try:
                self._judge_settings()
            except InvalidSettings as error:
                yield problem_of(error)

    def understood(self) -> RolloutRequest:
        """The request as a value of the core, with every default filled in."""
        measurement, budget = self.measurement, self.error_budget
        error_budget = ErrorBudget(budget.slo, budget.window_days, budget.share) if budget else None
        return RolloutRequest(
            settings=Settings(
                target=Target.from_document(self.target.model_dump(by_alias=True)),
                candidate=self.to_go_live,
                plan=self.plan.understood(measurement.lag_minutes, error_budget.seconds if error_budget else inf),
                judge=self._judge_settings(),
                policy=Policy(self.on_inconclusive, self.on_regression, self._after_promotion),
                calendar=Calendar(lag_minutes=measurement.lag_minutes, settle_seconds=measurement.settle_seconds),
                watch_minutes=self.plan.minutes_after_promotion,
                hold_minutes=self.hold_minutes,
                pause_minutes=self.pause_minutes,
                undo_minutes=self.undo_minutes,
                most_minutes_between_analyses=measurement.most_minutes_between_analyses,
                alarms=tuple(dict.fromkeys(self.alarms)),
                max_bad_requests=self.max_bad_requests,
                error_budget=error_budget,
            ),
            custom_metrics=tuple(each.metric for each in self.metrics),
            source=SourceSetting(measurement.source),
            base_setting=BaseSetting(measurement.base_semantics),
            canary_series=measurement.canary_series,
            learns_dispersion=measurement.learn_dispersion,
            judges_routes=measurement.routes,
            ignores_firing_alarms=self.ignore_alarms_already_firing,
            supersedes=self.on_conflict == "supersede",
            request_id=self.request_id,
            probes=self.plan.probe,
            names_no_lag="lag_minutes" not in measurement.model_fields_set,
            names_no_steps=self.plan.ramp is None and "steps" not in self.plan.model_fields_set,
        )

    @property
    def _after_promotion(self) -> OnRegressionAfterPromotion:
        return self.on_regression_after_promotion or ("tell" if self.plan.has_control else "rollback")

    @property
    @abstractmethod
    def to_go_live(self) -> Candidate:
        """The candidate."""

    def _judged(self) -> Iterator[tuple[str, str]]:
        """The names of the series that are judged, each with the path of what asks for it."""
        for index, entry in enumerate(self.judge.entries(self.default_metrics)):
            for metric in entry.settings(self.judge.preset):
                yield f"judge.metrics[{index}]", metric.name
        for index, custom in enumerate(self.metrics):
            yield f"metrics[{index}]", custom.metric.name

    def _judge_settings(self) -> JudgeSettings:
        custom = [each.settings(self.judge.preset) for each in self.metrics]
        return self.judge.settings(self.default_metrics, custom)


class StageRequest(Request):
    """A request for a rollout on a stage of an API Gateway REST API."""

    kind: ClassVar[str] = "apigateway-stage"

    target: StageTarget
    candidate: StageCandidate = Field(default_factory=StageCandidate)

    def understood(self) -> RolloutRequest:
        """With the aliases behind the stage."""
        return replace(
            super().understood(),
            spare_aliases=self.candidate.spare_aliases,
            moves_live_aliases=self.candidate.on_promotion == "moveAliases",
        )

    @property
    def to_go_live(self) -> Candidate:
        """The deployment with its overrides."""
        candidate = self.candidate
        return Candidate(candidate.deployment_id, dict(candidate.stage_variables), candidate.use_stage_cache)


class AliasRequest(Request):
    """A request for a rollout on an alias of a Lambda function."""

    kind: ClassVar[str] = "lambda-alias"
    default_metrics: ClassVar[tuple[str, ...]] = ("Errors", "Duration", "Throttles")

    target: AliasTarget
    candidate: AliasCandidate = Field(default_factory=AliasCandidate)

    def _problems(self) -> Iterator[Problem]:
        yield from super()._problems()
        for name in ("source", "canary_series", "base_semantics"):
            if name in self.measurement.model_fields_set:
                yield Problem(
                    f"measurement.{to_camel(name)}",
                    "is for stages; of a Lambda alias each version has a series of its own",
                )

    def understood(self) -> RolloutRequest:
        """The base's series is that of its version alone."""
        return replace(super().understood(), base_setting=BaseSetting.EXCLUSIVE)

    @property
    def to_go_live(self) -> Candidate:
        """The version."""
        return Candidate(self.candidate.version, {})


REQUESTS: Mapping[str, type[Request]] = {model.kind: model for model in (StageRequest, AliasRequest)}
"""By `target.type`."""


def parse_request(document: object) -> RolloutRequest:
    """The request in this JSON object.

    Raises:
        InvalidRequest: its message names the first few fields at fault, what is wrong and what is allowed; its
            `problems` are all of them.
    """
    if not isinstance(document, dict):
        raise _invalid([Problem("request", f"must be a JSON object{got(document)}")])
    if EVENT in document:
        raise _invalid([Problem("request", "is a whole event of EventBridge; pass its `detail`: jq .detail FILE")])
    kind = _kind_of(document.get("target"))
    model = StageRequest if isinstance(kind, Problem) else REQUESTS[kind]
    try:
        request = model.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error, _unknown_in(model), "request")
    else:
        problems = []
    if isinstance(kind, Problem):
        # What else should be there is not known.
        others = [each for each in problems if not each.path.startswith(("target.", "candidate."))]
        raise _invalid([kind, *others])
    if problems:
        raise _invalid(problems)
    return request.understood()


def _invalid(problems: list[Problem]) -> InvalidRequest:
    return InvalidRequest(in_one_line(problems), problems)


def target_in(document: object) -> Target | None:
    """The target of a request that may be wrong in all else; None where there is none."""
    target = document.get("target") if isinstance(document, dict) else None
    kind = _kind_of(target)
    if isinstance(kind, Problem):
        return None
    try:
        part: Part = REQUESTS[kind].model_fields["target"].annotation.model_validate(target)  # type: ignore[union-attr]
    except ValidationError:
        return None
    return Target.from_document(part.model_dump(by_alias=True))


def _kind_of(target: object) -> str | Problem:
    """The target's type; what is wrong with it, if it is none that is known."""
    if not isinstance(target, dict):
        return StageRequest.kind  # whose model says what is wrong with the target
    kind, kinds = target.get("type"), tuple(sorted(REQUESTS))
    if isinstance(kind, str) and kind in REQUESTS:
        return kind
    problem = "required;" if kind is None else f"{shown(kind)} is not"
    return Problem("target.type", f"{problem} one of {', '.join(kinds)}", kinds, near(kind, kinds))


def _unknown_in(model: type[Request]) -> Callable[[Location], Problem]:
    """What is wrong with an unknown field: nobody knows it, or it belongs to another kind of target."""

    def unknown(location: Location) -> Problem:
        *path, field = location
        for kind, other in REQUESTS.items():
            if other is not model and field in fields(other, path):
                words = f"is for targets of type {kind}; for {model.kind} allowed are"
                return unknown_field(location, fields(model, path), words)
        return unknown_field(location, fields(model, path))

    return unknown
