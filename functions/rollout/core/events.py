"""`Rollout State Changed`: the event of each transition of a rollout.

A receiver may get an event twice and out of order: `eventId` identifies it, `at` gives the order.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

DETAIL_TYPE = "Rollout State Changed"

State = Literal[
    "PREPARED",
    "BAKING",
    "HELD",
    "PAUSED",
    "WATCHING",
    "ROLLING_BACK",
    "PROMOTED",
    "ROLLED_BACK",
    "STOPPED",
    "REJECTED",
    "FAILED",
]


class CountDocument(TypedDict):
    """Requests of one arm in the present step, and how many of them were bad."""

    requests: int
    bad: int


class MomentsDocument(TypedDict):
    """A business value of one arm in the present step: how many samples, and their sum."""

    samples: int
    total: float


class EffectDocument(TypedDict):
    """How much worse the canary's rate is than the base's in the present step. Below 0 the canary is the better one."""

    difference: float
    """The difference of the rates: 0.031 is 3.1 points of a hundred."""
    low: float
    """The lower end of an interval that has the true difference with 95 %, approximately, however often one looks."""
    high: float
    """Its upper end."""


class VerdictDocument(TypedDict):
    """The judge's verdict on one metric, with its numbers."""

    metric: str
    """Its name, such as `5XXError` or `Latency.p99`."""
    verdict: Literal["harmful", "safe", "undecided", "unmeasured"]
    """The verdict."""
    reason: str
    """The verdict in words."""
    logE: float
    """ln of the evidence of harm over the whole rollout."""
    logECapped: float
    """The same, with each minute's gain capped. It must reach the limit too before a rollback."""
    logS: float
    """ln of the evidence of safety in this step."""
    canary: CountDocument | MomentsDocument
    """The canary's sums of this step."""
    base: CountDocument | MomentsDocument
    """The base's sums of this step."""
    allowedRate: float | None
    """The rate of bad requests that is tolerated in this step; null as long as the base has no data."""
    effect: NotRequired[EffectDocument | None]
    """How large the difference is, for people; it decides nothing. Null where an arm was not measured, and for values.
    Not there in events of earlier versions."""
    dryRun: bool
    """Whether the metric is shown only, and decides nothing."""
    required: bool
    """Whether the weight is raised only when this metric is proven safe."""
    fastLane: NotRequired[bool]
    """Whether `logE` convicts although `logECapped` does not: the newest minute alone is bad enough."""


class FindingDocument(TypedDict):
    """What preflight found."""

    code: str
    """Its kind: a section of docs/reference/preflight.md."""
    severity: Literal["error", "warning"]
    """An error refuses the request."""
    what: str
    """What was found."""
    why: str
    """Why it matters."""
    fix: str
    """How to fix it."""
    command: NotRequired[str]
    """The end of `fix`, where that can be pasted into a shell."""
    metrics: NotRequired[list[str]]
    """The metrics that it is about, where it is about certain ones."""


class CauseDocument(TypedDict):
    """What brought the decision about."""

    kind: Literal["REQUEST", "JUDGE", "COMMAND", "ALARM", "DEADLINE", "FOREIGN_CHANGE", "TASK_FAILURE", "RECOVERY"]
    """Its kind: a command by an actor, an alarm, the judge's verdicts, or a failure."""
    command: NotRequired[str]
    """The command: `abort`, `pause`, …"""
    actor: NotRequired[str]
    """Who gave the command, as the command said."""
    alarm: NotRequired[str]
    """The name of the alarm."""
    reason: NotRequired[str]
    """What the actor, the alarm or the failed task said."""
    at: NotRequired[str]
    """When the command was given or the alarm fired, ISO 8601."""
    step: NotRequired[int | None]
    """The step that the command was meant for, from 0; null if for any."""


class SampleDocument(TypedDict):
    """One failed request, to look it up by."""

    at: str
    """When it was answered, ISO 8601."""
    requestId: str
    """API Gateway's or Lambda's id of it; "" where the log has none."""
    traceId: str
    """X-Ray's id of its trace; "" where the log has none."""


class FailureGroupDocument(TypedDict):
    """Failures of one route, status and message."""

    route: str
    """Method and resource path; "" where no log says."""
    status: int
    """The response's status; 0 for lines of a function's log that no response could be found for."""
    message: str
    """The error's message, without numbers, ids and what looks like a secret."""
    canary: int
    """How many of the candidate's failures are of this group."""
    canaryOf: int
    """Of how many of this kind: server's errors, client's errors, or lines of a function's log."""
    base: int
    """The same of the base."""
    baseOf: int
    """Of how many of this kind."""
    samples: list[SampleDocument]
    """Up to three of the candidate's."""


class WhyDocument(TypedDict):
    """What the logs say of the candidate's failures."""

    groups: list[FailureGroupDocument]
    """The most telling first."""
    since: str
    """From when on the logs were read, ISO 8601; "" where they were not."""
    until: str
    """Until when, ISO 8601."""
    notes: list[str]
    """What could not be read, or not be told."""


class StateChanged(TypedDict):
    """The detail of a `Rollout State Changed` event; its source is `rollout.pilot`."""

    eventId: str
    """The same whenever the event is sent again."""
    rolloutId: str
    """The rollout's name, as commands take it."""
    execution: str
    """The ARN of the execution that carries it."""
    target: Any
    """The target as in a request; for a request that was refused, whatever stood there."""
    state: State
    """The state that the rollout has entered."""
    decision: str
    """What the workflow does next."""
    reason: str
    """Why, in words and numbers."""
    notice: NotRequired[str]
    """What people should know now, though the state has not changed: an alarm that does not exist any more."""
    cause: NotRequired[CauseDocument | None]
    """What brought the decision about. Not there when the request was refused; null when it is not known."""
    evidence: list[VerdictDocument]
    """The judge's verdicts, where the state was entered upon an analysis; else empty."""
    at: str
    """When it was entered, ISO 8601."""
    startedAt: str
    """When the rollout began, ISO 8601."""
    step: NotRequired[int]
    """The present step, from 0; -1 before the first. Not there when nothing was begun."""
    steps: NotRequired[int]
    """How many steps the plan has."""
    weightPercent: NotRequired[float]
    """The candidate's share of the requests: 100 once promoted, 0 without a canary."""
    answerDue: NotRequired[str]
    """In `HELD` and `PAUSED`: without an answer by then the rollout is rolled back, ISO 8601."""
    findings: NotRequired[list[FindingDocument]]
    """What preflight found, in `PREPARED`, `HELD` and `REJECTED`, where it found anything."""
    why: NotRequired[WhyDocument]
    """In `ROLLED_BACK`: why the candidate failed, where logs were to be read."""
    explains: NotRequired[list[str]]
    """The codes of those findings that explain why the rollout is held, where any does."""
