"""Whether the stage's own series already contains the canary's traffic.

No official page says so. With a share w of requests sent to the canary, its count is w of the stage's when the
stage's series includes it, and w/(1−w) when it does not. Given the stage's count s, the canary's count x is

    binomial, P(x) = C(s, x)·w^x·(1−w)^(s−x), when the series includes it, and
    negative binomial, P(x) = C(x+s, x)·w^x·(1−w)^(s+1), when it does not (whatever the traffic is beforehand).

A minute without a canary request has no point of the canary, so both are taken given x ≥ 1. Then their ratio is an
e-value against "includes it": at any traffic it ever reaches 1,000 in at most one of a thousand such rollouts. Until
the counts have told one from the other, the canary is subtracted: for a healthy canary that leaves the base's rate
unchanged, and for a harmful one it errs towards seeing the harm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import expm1, inf, lgamma, log, log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.core.target import Json


class BaseSetting(StrEnum):
    """What the request says about the stage's series."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    AUTO = "auto"


_DECIDED = log(1000)
_MINUTE_CAP = _DECIDED / 3
"""No single minute may decide: one late point looks like a share that fits neither reading."""


@dataclass(frozen=True, slots=True)
class BaseSemantics:
    """The setting, and for `auto` the log-likelihood ratio so far (positive: exclusive)."""

    setting: BaseSetting = BaseSetting.AUTO
    log_ratio: float = 0.0

    def believing(self, inclusive: bool | None) -> BaseSemantics:
        """With what a probe of the account has found, where the request leaves it open; None: nothing.

        It counts as two decisions' worth of evidence: a few minutes' chance does not overturn it, a rollout whose own
        counts keep saying otherwise does.
        """
        if self.setting is not BaseSetting.AUTO or inclusive is None:
            return self
        return replace(self, log_ratio=-2 * _DECIDED if inclusive else 2 * _DECIDED)

    @property
    def inclusive(self) -> bool:
        """Whether the canary is to be subtracted from the stage's series."""
        if self.setting is BaseSetting.AUTO:
            return self.log_ratio < _DECIDED
        return self.setting is BaseSetting.INCLUSIVE

    @property
    def decided(self) -> bool:
        """Whether the counts (or the request) have settled the question."""
        return self.setting is not BaseSetting.AUTO or abs(self.log_ratio) >= _DECIDED

    @property
    def in_words(self) -> str:
        """What the counts say, for a person."""
        contains = "contains" if self.inclusive else "does not contain"
        return f"the stage's series {contains} the canary's requests, by their counts"

    def observe(self, canary: int, stage: int, weight: float) -> BaseSemantics:
        """Learn from one minute: requests of the canary's and the stage's series at weight 0 < `weight` < 1."""
        if self.setting is not BaseSetting.AUTO or canary == 0:
            return self
        ratio = _log_excluded(canary, stage, weight) - _log_included(canary, stage, weight)
        capped = max(-_MINUTE_CAP, min(_MINUTE_CAP, ratio))
        bounded = max(-4 * _DECIDED, min(4 * _DECIDED, self.log_ratio + capped))
        return replace(self, log_ratio=bounded)

    def to_document(self) -> Json:
        """A JSON object."""
        return {"setting": self.setting.value, "logRatio": self.log_ratio}

    @classmethod
    def from_document(cls, document: Json) -> BaseSemantics:
        """The inverse of `to_document`."""
        return cls(BaseSetting(document["setting"]), document["logRatio"])


def _log_included(canary: int, stage: int, weight: float) -> float:
    """ln P(canary | stage, canary ≥ 1) when the stage's series includes the canary; −∞ when that cannot be."""
    if canary > stage:
        return -inf
    none = stage * log1p(-weight)
    drawn = _log_choose(stage, canary) + canary * log(weight) + (stage - canary) * log1p(-weight)
    return drawn - log(-expm1(none))


def _log_excluded(canary: int, stage: int, weight: float) -> float:
    """ln P(canary | stage, canary ≥ 1) when it does not."""
    none = (stage + 1) * log1p(-weight)
    return _log_choose(canary + stage, canary) + canary * log(weight) + none - log(-expm1(none))


def _log_choose(whole: int, part: int) -> float:
    return lgamma(whole + 1) - lgamma(part + 1) - lgamma(whole - part + 1)
