"""The table of a probe: each question, what the product believes, how it is asked, and what an answer changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollout_cli.account_probe import metrics
from rollout_cli.account_probe.alias import alias_weight_precision
from rollout_cli.account_probe.answer import Answer, Value
from rollout_cli.account_probe.metrics import Traffic
from rollout_cli.account_probe.stage import (
    base_under_canary,
    promotion_by_copies,
    read_after_write,
    removing_twice,
    stage_weight_precision,
)
from rollout_cli.account_probe.subject import Subject
from rollout_cli.account_probe.tags import tag_inheritance

READ_BY_PREPARE = "Prepare reads it"


@dataclass(frozen=True, slots=True)
class Question:
    """One row.

    believed: the value that the product goes by. unit: of a number. changes: what an answer that differs changes, by
    the value; "" stands for every other.
    """

    id: str
    asks: str
    believed: Value
    changes: Mapping[str, str]
    unit: str = ""

    def differs(self, answer: Answer) -> bool:
        """Whether the account is other than the product believes; a number within what is believed is not."""
        if answer.value is None:
            return False
        if isinstance(answer.value, int) and isinstance(self.believed, int):
            return answer.value > self.believed
        return answer.value != self.believed

    def consequence(self, answer: Answer) -> str:
        """What this answer changes, in words."""
        if answer.value is None:
            return "nothing: it is as before the probe"
        if not self.differs(answer):
            return "nothing: it is as believed"
        return self.changes.get(str(answer.value), self.changes.get("", ""))

    def shown(self, value: Value | None) -> str:
        """The value for a person."""
        if value is None:
            return "not known"
        return f"{value} {self.unit}" if self.unit else str(value)


@dataclass(frozen=True, slots=True)
class OfResources(Question):
    """Asked by a few calls about what the probe has made."""

    ask: Callable[[Subject], Answer] = lambda _: Answer(None)


@dataclass(frozen=True, slots=True)
class OfTraffic(Question):
    """Asked of what CloudWatch has of the probe's own requests."""

    ask: Callable[[Traffic], Answer] = lambda _: Answer(None)


OF_RESOURCES: tuple[OfResources, ...] = (
    OfResources(
        "promotion-by-copies",
        "Do the two copies alone promote a canary?",
        "promotes",
        {"": "promotions of stages would be refused: do not roll out on stages of this account with this version"},
        ask=promotion_by_copies,
    ),
    OfResources(
        "base-under-canary",
        "May the base's deployment be changed under a canary?",
        "allowed",
        {"": "going back from a promotion before its canary is removed would be refused, and somebody paged"},
        ask=base_under_canary,
    ),
    OfResources(
        "read-after-write",
        "For how long may GetStage show the stage as it was before a change?",
        0,
        {"": "each change waits until it is seen; what was left moments ago is not taken for a stranger's"},
        unit="seconds",
        ask=read_after_write,
    ),
    OfResources(
        "removing-twice",
        "What does removing a canary do that is not there?",
        "refused",
        {"ignored": "nothing: a second removal does not hurt either way"},
        ask=removing_twice,
    ),
    OfResources(
        "stage-weight-precision",
        "What becomes of a percentage with three decimals?",
        "kept",
        {"": "write weights of stages with at most two decimals"},
        ask=stage_weight_precision,
    ),
    OfResources(
        "alias-weight-precision",
        "What becomes of small alias weights, and of many decimals?",
        "kept",
        {"": "write weights of aliases with at most two decimals of a percent"},
        ask=alias_weight_precision,
    ),
    OfResources(
        "tag-inheritance",
        "Is CreateDeployment checked against the API's tags?",
        "inherited",
        {"not inherited": "name a deploymentId in requests, or deploy the controller with RestApiId"},
        ask=tag_inheritance,
    ),
)
"""In the order they are asked."""

OF_TRAFFIC: tuple[OfTraffic, ...] = (
    OfTraffic(
        "canary-series",
        "What is the canary's value of the dimension Stage?",
        metrics.BELIEVED,
        {
            "none": f"{READ_BY_PREPARE}: canaries are measured by the access log where it has metrics",
            "": f"{READ_BY_PREPARE}: it is measurement.canarySeries where a request names none",
        },
        ask=metrics.canary_series,
    ),
    OfTraffic(
        "execution-logging",
        "Does the canary's series need execution logging?",
        "needed",
        {
            "not needed": f"{READ_BY_PREPARE}: it no longer warns of a stage without execution logging",
            "no series": f"{READ_BY_PREPARE}: it warns of every stage that has no metrics of its access log",
        },
        ask=metrics.execution_logging,
    ),
    OfTraffic(
        "base-semantics",
        "Does the stage's series count the canary's requests?",
        "inclusive",
        {"exclusive": f"{READ_BY_PREPARE}: the canary is not subtracted, unless a rollout's counts say otherwise"},
        ask=metrics.base_semantics,
    ),
    OfTraffic(
        "lateness",
        "How long after its end does a minute have its points?",
        3,
        {"": f"{READ_BY_PREPARE}: it is lagMinutes where a request names none"},
        unit="minutes",
        ask=metrics.lateness,
    ),
)

QUESTIONS: tuple[Question, ...] = (*OF_TRAFFIC, *OF_RESOURCES)
"""As they are shown."""
