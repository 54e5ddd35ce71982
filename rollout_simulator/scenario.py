"""A scenario: an API or a function, its traffic, a candidate that behaves well or badly, and what should come of it.

The format is TOML. Everything but `name` has a default; unknown fields are errors. `request` holds a request as in
an event, without its target and candidate, which the simulation knows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from rollout.errors import Problem
from rollout.request.validation import in_one_line, misfit, problems_of, unknown_in

SCENARIOS = Path(__file__).parent / "scenarios"

Percent = Annotated[float, Field(ge=0, le=100)]
RouteName = Annotated[str, Field(pattern=r"^[A-Z]+ /\S*$")]
Arms = Literal["canary", "base", "both"]
Minutes = Annotated[float, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[float, Field(gt=0)]


class InvalidScenario(ValueError):
    """The file is no scenario. The message names the field, what was wrong and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Api(_Part):
    """The API that is rolled out, and its stage before the rollout."""

    name: str = "orders"
    stage: str = "prod"
    variables: dict[str, str] = Field(default_factory=lambda: {"lambdaAlias": "live", "tableName": "orders"})
    candidate_variables: dict[str, str] = Field(
        default_factory=lambda: {"lambdaAlias": "next"}, description="What the canary overrides."
    )
    candidate_may_be_invoked: bool = Field(
        True, description="The API may call the alias that the candidate's `lambdaAlias` names."
    )
    functions: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="How many functions are behind it, each reached by the alias that `lambdaAlias` names."
    )
    on_promotion: Literal["mergeVariables", "moveAliases"] | None = Field(
        None, description="The controller points the spare aliases to new versions itself, and promotes so."
    )
    execution_logging: bool = True
    access_log: bool = Field(
        False, description="The stage writes an access log, and metric filters make metrics of it."
    )


class Function(_Part):
    """The function whose alias is rolled out."""

    name: str = "orders"
    alias: str = "live"


class Traffic(_Part):
    """Requests to the target. `noise` is the relative spread of the rate from minute to minute.

    With the pattern `cron`, `burst_requests` come at once every `every_minutes`, and none between; the rate and the
    noise do not count then.
    """

    requests_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = 20.0
    pattern: Literal["steady", "daily", "bursts", "cron"] = "steady"
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    stops_at_minute: Minutes | None = None
    every_minutes: Annotated[int, Field(ge=1, le=1_440)] = Field(10, description="Of the pattern `cron`.")
    burst_requests: Annotated[int, Field(ge=0, le=60_000_000)] = Field(100, description="Of the pattern `cron`.")


class Behaviour(_Part):
    """How a deployment or version answers. Latencies are lognormal: median and spread (σ of the logarithm). Only a
    function's version can be throttled.
    """

    error_percent: Percent = 0.5
    throttle_percent: Percent = 0.0
    client_error_percent: Percent = 2.0
    latency_ms: Milliseconds = 80.0
    latency_spread: Annotated[float, Field(gt=0, le=3)] = 0.5
    failure_latency_ms: Milliseconds | None = Field(
        None, description="Latency of the requests that fail; as that of the others, unless it is said."
    )
    tail_percent: Percent = Field(0.0, description="So many requests take about `tail_latency_ms`.")
    tail_latency_ms: Milliseconds = 1_000.0
    hang_percent: Percent = Field(
        0.0,
        description="So many invocations hang, and fail after `hang_seconds`. A function's points carry the minute of "
        "the invocation's start and come after its end. API Gateway gives up after 29 seconds.",
    )
    hang_seconds: Annotated[float, Field(gt=0, le=900)] = 60.0
    warm_up_minutes: Minutes = Field(
        0.0,
        description="After each raise, for so many minutes, `warm_up_percent` of the newly moved requests take about "
        "`warm_up_latency_ms`; the share falls by half each minute.",
    )
    warm_up_percent: Percent = 0.0
    warm_up_latency_ms: Milliseconds = 1_000.0
    cold_start_ms: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="A request that finds no free execution environment is slower by so much. There are as many as "
        "were busy at once within the last `environment_idle_minutes`.",
    )
    environment_idle_minutes: Minutes = 10.0


class CandidateRoute(_Part):
    """How the candidate answers the requests to one route, where it differs from `[candidate]`."""

    name: RouteName
    share_percent: Percent | None = Field(None, description="Needed for a route that `[[routes]]` does not name.")
    error_percent: Percent | None = None
    client_error_percent: Percent | None = None
    latency_ms: Milliseconds | None = None


class Failure(_Part):
    """How requests to the candidate fail, and what the logs say of it. Server's errors (`error_percent`) fail in the
    ways with a status from 500 on, client's errors in those below; as many as the base has fail as the base's do.
    """

    status: Annotated[int, Field(ge=400, le=599)] = 502
    message: str = Field("", description="In the words of the runtime or of API Gateway, such as `KeyError: 'sku'`.")
    route: RouteName | None = Field(None, description="Only requests to this route; all, unless it is said.")
    source: Literal["handler", "start", "timeout", "exit", "answer", "gateway"] = Field(
        "handler",
        description="Where it comes from: raised by the handler; raised while the environment starts; the function's "
        "Timeout (after `seconds`); its process ends; the code answers so and logs the message; API Gateway answers by "
        "itself and calls no function.",
    )
    seconds: Annotated[float, Field(gt=0, le=900)] = Field(3.0, description="Of `timeout`.")
    error_type: str = Field("", description="Of `gateway`: its `$context.error.responseType`.")
    log_format: Literal["Text", "JSON"] = Field("Text", description="Of the function, for what its handler raises.")


class CandidateBehaviour(_Part):
    """How the candidate answers; what is not said is as the base's. Before `from_minute` (since the rollout began),
    from `until_minute` on, and below `from_weight_percent` it behaves like the base.
    """

    error_percent: Percent | None = None
    throttle_percent: Percent | None = None
    client_error_percent: Percent | None = None
    latency_ms: Milliseconds | None = None
    latency_spread: Annotated[float, Field(gt=0, le=3)] | None = None
    failure_latency_ms: Milliseconds | None = None
    tail_percent: Percent | None = None
    tail_latency_ms: Milliseconds | None = None
    hang_percent: Percent | None = None
    hang_seconds: Annotated[float, Field(gt=0, le=900)] | None = None
    warm_up_minutes: Minutes | None = None
    warm_up_percent: Percent | None = None
    warm_up_latency_ms: Milliseconds | None = None
    cold_start_ms: Annotated[float, Field(ge=0)] | None = None
    environment_idle_minutes: Minutes | None = None
    from_minute: Minutes = 0.0
    until_minute: Minutes | None = None
    from_weight_percent: Percent = 0.0
    routes: list[CandidateRoute] = Field(default_factory=list, description="By route, where it differs.")
    failures: list[Failure] = Field(default_factory=list, description="How its requests fail, for the logs.")


class Route(_Part):
    """One route of the API, with its own share of the requests. What is not said is as `[base]` and `[candidate]` say.

    The stage then has detailed metrics, with a series of each route by Method and Resource, and its access log names
    both. Requests that no route's share covers go to `GET /`.
    """

    name: RouteName = Field(description="Method and resource path, such as `POST /orders`.")
    share_percent: Percent
    error_percent: Percent | None = None
    client_error_percent: Percent | None = None
    latency_ms: Milliseconds | None = None
    candidate_error_percent: Percent | None = None
    candidate_client_error_percent: Percent | None = None
    candidate_latency_ms: Milliseconds | None = None


class Disturbance(_Part):
    """Something that hits base and canary alike for a while: an outage behind both of them."""

    from_minute: Minutes
    minutes: Minutes
    error_percent: Percent | None = None
    client_error_percent: Percent | None = None
    latency_ms: Milliseconds | None = None


class Namesake(_Part):
    """Another REST API of the same name, with a stage of the same name: CloudWatch does not tell the two apart."""

    requests_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = 20.0
    error_percent: Percent = 0.5


class CustomMetric(_Part):
    """A metric that the API's code publishes; {track} in the dimensions is `base` or `canary`.

    `per_request` is how many requests of one bring an event, or a sample of about `value`.
    """

    metric: str
    namespace: str = "Shop"
    dimensions: dict[str, str] = Field(default_factory=lambda: {"Stage": "prod", "Track": "{track}"})
    per_request: Annotated[float, Field(ge=0, le=1)] = 0.2
    value: Annotated[float, Field(gt=0)] | None = None
    candidate_per_request: Annotated[float, Field(ge=0, le=1)] | None = None
    candidate_value: Annotated[float, Field(gt=0)] | None = None


class AlarmStateAt(_Part):
    """A state that somebody sets by hand. CloudWatch evaluates a metric alarm anew at the next minute."""

    at_minute: Minutes
    state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


class Alarm(_Part):
    """A CloudWatch alarm on a metric of the target.

    With an `account` or a `region` it belongs to another one: the rollout's account has no such alarm, but the bus
    gets its events, with its ARN. What it watches there is not simulated, so it changes state only by hand.
    """

    name: str
    metric: Literal["5XXError", "4XXError", "Latency", "Count", "Errors", "Throttles", "Duration"] | None = Field(
        None, description="5XXError of a stage, Errors of an alias, unless it is said."
    )
    statistic: str = "Average"
    threshold: float = 0.05
    evaluation_periods: Annotated[int, Field(ge=1, le=100)] = 1
    treat_missing_data: Literal["breaching", "notBreaching", "ignore", "missing"] = "notBreaching"
    named_in_request: bool = True
    tagged: bool = False
    fires_at_minute: Minutes | None = Field(
        None, description="Set to ALARM by hand at this minute; negative times are not needed: see firing_at_start."
    )
    firing_at_start: bool = False
    states: list[AlarmStateAt] = Field(default_factory=list, description="Set by hand, besides.")
    deleted_at_minute: Minutes | None = None
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None

    @model_validator(mode="after")
    def _is_there_when_set(self) -> Alarm:
        if self.deleted_at_minute is not None and any(
            change.at_minute >= self.deleted_at_minute for change in self.changes()
        ):
            raise _misfit("deleted_at_minute", "a state is set when the alarm is gone")
        return self

    def changes(self) -> list[AlarmStateAt]:
        """Every state that is set by hand."""
        fires = [] if self.fires_at_minute is None else [AlarmStateAt(at_minute=self.fires_at_minute, state="ALARM")]
        return [*fires, *self.states]

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is an alarm of another account or region."""
        return self.account is not None or self.region is not None


class Signal(_Part):
    """Something a person does during the rollout; `stop-execution` is the button of the Step Functions console."""

    at_minute: Minutes
    command: Literal["abort", "pause", "resume", "approve", "advance", "promote", "rollback", "stop-execution"]
    expected_step: int | None = None
    reason: str = ""
    actor: Annotated[str, Field(min_length=1)] = "somebody"
    repeat: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="How often it is given.")
    every_seconds: Seconds = Field(1.0, description="Between two of them, where it is given again.")

    def minutes(self) -> Iterator[float]:
        """When it is given."""
        return (self.at_minute + number * self.every_seconds / 60 for number in range(self.repeat))


class ForeignChange(_Part):
    """Somebody else changes the target during the rollout: patch operations as UpdateStage takes them, arguments of
    UpdateAlias (of the first function behind a stage), or one of the others.
    """

    at_minute: Minutes
    patch: list[dict[str, str]] = Field(default_factory=list)
    update_alias: dict[str, Any] = Field(default_factory=dict)
    delete_stage: bool = False
    delete_alias: bool = False
    deploy: bool = Field(
        False,
        description="A pipeline points the stage to a new deployment, or the alias to a new version, as CloudFormation "
        "does; it behaves like the base.",
    )
    remove_canary: bool = Field(False, description="The canary of a stage, or the weights of an alias, are removed.")
    tag: dict[str, str] = Field(default_factory=dict, description="Tags put on the stage, or on the function.")


class FurtherRequest(BaseModel):
    """A further request for the same target. Its other fields are those of a request; what it leaves out is as in
    `request`, but for the `requestId`, and its candidate is a deployment or version of its own that behaves as
    `candidate` says.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    at_minute: Minutes

    @property
    def request(self) -> dict[str, Any]:
        """The fields of the request that it names."""
        return dict(self.model_extra or {})


class Metrics(_Part):
    """How CloudWatch behaves."""

    earliest_seconds: Annotated[float, Field(ge=0)] = Field(
        60.0, description="After a minute's end, its point is there."
    )
    latest_seconds: Annotated[float, Field(ge=0)] = 175.0
    late_percent: Percent = Field(0.5, description="Minutes that come later still.")
    revised_percent: Percent = Field(0.5, description="Minutes whose point is corrected after it was first there.")
    base_semantics: Literal["inclusive", "exclusive"] = Field(
        "inclusive", description="Whether the stage's own series contains the canary's requests."
    )
    canary_series: bool = Field(True, description="Whether the canary has a series of its own at all.")
    canary_series_name: str = Field(
        "{stage}/Canary", description="Its value of the dimension `Stage`; {stage} stands for the stage."
    )
    canary_series_needs_logging: bool = Field(
        True, description="The canary has a series of its own only while the stage logs its executions."
    )
    late_minutes: Minutes = Field(0.0, description="Every point comes so much later.")
    missing_percent: Percent = Field(0.0, description="Minutes whose point never comes.")
    missing_arm: Arms = Field("canary", description="Whose points; with `both`, both are missing in the same minutes.")
    lost_percent: Percent = Field(0.0, description="So many of the requests are in no point.")
    lost_arm: Arms = "canary"
    long_requests_count: Literal["atEnd", "atStart"] = Field(
        "atEnd",
        description="Which minute of API Gateway's points a request that takes half a minute belongs to: that of its "
        "end or its start. Which of them AWS does is unknown. Lambda's points carry the start, as documented.",
    )


class Fault(_Part):
    """An AWS call that fails. `mode`: before (not done), after (done, answer lost), slow, duplicate (done twice), late
    (the caller gives up after its own read time-out, and it is done after so many seconds all the same), stale (a read
    that answers as things were so many seconds ago), twice (a task's function is invoked twice at once).
    """

    service: str
    operation: str
    mode: Literal["before", "after", "slow", "duplicate", "late", "stale", "twice"] = "before"
    error: str = "ThrottlingException"
    from_minute: Minutes = 0.0
    minutes: Minutes = Field(0.0, description="How long; 0 is until the end.")
    times: Annotated[int, Field(ge=1)] | None = Field(None, description="How often at most.")
    function: str | None = Field(None, description="Only calls of this function; all callers unless it is said.")
    seconds: Annotated[float, Field(ge=0)] = Field(30.0, description="How slow, late or stale.")


class Expected(_Part):
    """What should come of it, for the tests. Texts are searched in subject and text of all messages together, the
    pages included, without regard to case.
    """

    outcome: Literal["PROMOTED", "ROLLED_BACK", "HELD", "STOPPED", "REJECTED", "FAILED"] = "PROMOTED"
    reason_contains: str = ""
    most_weight_percent: Percent | None = None
    most_bad_requests: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Of those that the candidate answered, as `rollout simulate` counts them."
    )
    told: list[str] = Field(default_factory=list, description="Texts that people were told.")
    not_told: list[str] = Field(default_factory=list, description="Texts that people were not told.")
    final_weight_percent: Percent | None = Field(None, description="The candidate's share of the requests at the end.")
    lock_free: bool | None = Field(None, description="Whether nobody holds the target at the end.")
    pages: Annotated[int, Field(ge=0)] | None = Field(
        None, description="How many messages the operations topic carried: alarms of the controller, failed rollbacks."
    )


class Scenario(_Part):
    """One scenario, whole."""

    name: str = Field(description="The file's own name, unless it is said.")
    description: str = ""
    seed: int = Field(1, description="Another seed is another draw of the same traffic.")
    horizon_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="When to give up waiting for an end; what the plan can take at most, unless it is said."
    )
    target: Literal["apigateway-stage", "lambda-alias"] = "apigateway-stage"
    api: Api = Field(Api(), description="Of a stage.")
    function: Function = Field(Function(), description="Of an alias.")
    traffic: Traffic = Traffic()
    base: Behaviour = Field(Behaviour(), description="How the live deployment or version answers.")
    candidate: CandidateBehaviour = Field(CandidateBehaviour(), description="How the new one answers.")
    routes: list[Route] = Field(default_factory=list, description="Routes of an API that differ.")
    namesakes: list[Namesake] = Field(default_factory=list, description="Other APIs of the same name and stage.")
    disturbances: list[Disturbance] = Field(default_factory=list, description="What hits both alike.")
    custom_metrics: list[CustomMetric] = Field(default_factory=list, description="What the code itself publishes.")
    alarms: list[Alarm] = Field(default_factory=list)
    signals: list[Signal] = Field(default_factory=list, description="What people do.")
    foreign_changes: list[ForeignChange] = Field(default_factory=list, description="What others do to the target.")
    metrics: Metrics = Field(Metrics(), description="How late and how well CloudWatch tells.")
    faults: list[Fault] = Field(default_factory=list, description="AWS calls that fail.")
    request: dict[str, Any] = Field(default_factory=dict, description="The request, without its target and candidate.")
    requests: list[FurtherRequest] = Field(
        default_factory=list,
        description="Further requests. The outcome is the first rollout's, or that of the one that superseded it.",
    )
    expected: Expected = Expected()

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        if self.target != "apigateway-stage":
            for field in ("routes", "namesakes"):
                if getattr(self, field):
                    raise _misfit(f"{field}", f"only a stage has them, and the target is {self.target}")
            if self.candidate.routes:
                raise _misfit("candidate.routes", f"only a stage has them, and the target is {self.target}")
        _check_routes(self)
        return self

    def asked(self, further: int | None = None) -> dict[str, Any]:
        """The request, or the further one of this number (from 0), without target and candidate if it names none."""
        if further is None:
            return dict(self.request)
        inherited = {name: value for name, value in self.request.items() if name != "requestId"}
        return {**inherited, **self.requests[further].request}

    def named_alarms(self) -> list[str]:
        """Those that a request names."""
        alarms = [alarm.name for alarm in self.alarms if alarm.named_in_request and not alarm.is_elsewhere]
        return list(dict.fromkeys(alarms))

    def all_routes(self) -> tuple[Route, ...]:
        """Every route with its share of the requests, 100 % together; none where no routes are told apart."""
        named = [*self.routes]
        known = {route.name for route in named}
        named += [
            Route(name=route.name, share_percent=route.share_percent or 0.0)
            for route in self.candidate.routes
            if route.name not in known
        ]
        rest = 100 - sum(route.share_percent for route in named)
        if not named or rest <= _SHARE_ROUNDING:
            return tuple(named)
        return (*named, Route(name=REST, share_percent=rest))


_SHARE_ROUNDING = 1e-6
"""By how many percent shares that a person wrote may miss 100."""
REST = "GET /"
"""The route of the requests that no route's share covers."""


def _check_routes(scenario: Scenario) -> None:
    """Raises: PydanticCustomError, which names the field."""
    known = {}
    for index, each in enumerate(scenario.routes):
        if each.name in known:
            raise _misfit(f"routes[{index}].name", f"{each.name} is named twice")
        known[each.name] = each.share_percent
    for index, route in enumerate(scenario.candidate.routes):
        place = f"candidate.routes[{index}]"
        if route.name not in known and route.share_percent is None:
            raise _misfit(f"{place}.share_percent", f"required, for routes has no {route.name}")
        share = known.setdefault(route.name, route.share_percent or 0.0)
        if route.share_percent not in (None, share):
            raise _misfit(f"{place}.share_percent", f"{route.name} has {share:g} % of the requests already")
    whole = sum(known.values())
    if whole > 100 + _SHARE_ROUNDING:
        raise _misfit("routes", f"the shares are {whole:g} % together, at most 100 % is possible")
    if REST in known and whole < 100 - _SHARE_ROUNDING:
        raise _misfit("routes", f"the shares are {whole:g} % together; the rest goes to {REST}, which has a share")


def _misfit(path: str, problem: str) -> PydanticCustomError:
    """The error of a validator of a whole part; `path` begins below that part."""
    return misfit(Problem(path, problem))


def load_scenario(path: Path) -> Scenario:
    """The scenario in this file.

    Raises: InvalidScenario.
    """
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        known = ", ".join(scenario.stem for scenario in sorted(SCENARIOS.glob("*.toml")))
        raise InvalidScenario(f"{path}: no such file; scenarios that come with the product: {known}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidScenario(f"{path}: {error}") from error
    return parse_scenario({"name": path.stem, **document}, str(path))


def parse_scenario(document: dict[str, Any], source: str) -> Scenario:
    """The scenario in this document; `source` names it in errors.

    Raises: InvalidScenario.
    """
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error, unknown_in(Scenario), "scenario")
        raise InvalidScenario(f"{source}: {in_one_line(problems)}") from error
