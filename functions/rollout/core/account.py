"""What `rollout probe` has found of the account, as far as Prepare uses it.

AWS documents none of this. Without a probe the product goes by what it believes, and learns what it can from each
rollout's counts; what a request says itself comes first in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.core.target import Json

MOST_LAG = 30
"""Minutes, as in a request."""


class CanaryMetrics(StrEnum):
    """When a stage's canary has a series of its own, by the words of a probe."""

    ALWAYS = "not needed"
    WITH_LOGGING = "needed"
    NEVER = "no series"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What was found; None where the account did not tell.

    probed_on: the date. inclusive: whether a stage's series contains its canary's requests. canary_series: the value of
    the canary's dimension Stage, with {stage} for the stage's name. canary_metrics: when it has one. lag_minutes: how
    late points came at most.
    """

    probed_on: str = ""
    inclusive: bool | None = None
    canary_series: str | None = None
    canary_metrics: CanaryMetrics | None = None
    lag_minutes: int | None = None

    @classmethod
    def from_document(cls, document: Json) -> AccountFacts:
        """What a probe has stored. A value that this version does not know is as if it had not been found."""
        answers: Mapping[str, object] = document.get("answers") or {}
        series, late = answers.get("canary-series"), answers.get("lateness")
        named = isinstance(series, str) and series != "none" and 0 < len(series) <= 128
        return cls(
            probed_on=str(document.get("probedAt", ""))[:10],
            inclusive={"inclusive": True, "exclusive": False}.get(str(answers.get("base-semantics"))),
            canary_series=str(series) if named else None,
            canary_metrics=next((each for each in CanaryMetrics if each == answers.get("execution-logging")), None),
            lag_minutes=late if isinstance(late, int) and 0 <= late <= MOST_LAG else None,
        )


def canary_lacks_series(found: CanaryMetrics | None, execution_logging: bool | None) -> bool:
    """Whether a stage's canary can be expected to have no series of its own, by what a probe has found, if one has, and
    by what can be seen of the stage (None: nothing).
    """
    if found is None or found is CanaryMetrics.WITH_LOGGING:
        return execution_logging is False
    return found is CanaryMetrics.NEVER
