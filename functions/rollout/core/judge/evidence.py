"""What the judge remembers between two minutes. A value: as small after a week as after a minute, and
plain JSON.

Logarithms are natural. JSON keeps every digit of a float, so that what is read back is what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from .dispersion import Spread, estimate
from .errors import InvalidEvidence
from .named import TYPE_CHECKING, NamedTuple
from .readings import Count, Measure, Moments

if TYPE_CHECKING:
    from typing import Any

VERSION = 1


class Scale(NamedTuple):
    """For a business value: the minutes counted and the squares of their differences, to know what is
    usual."""

    minutes: int = 0
    squares: float = 0.0


class MetricEvidence(NamedTuple):
    """What one metric has shown.

    `harm` and `harm_capped` hold ln W of each bet over the whole rollout, `safety` those of this step
    (empty before the first minute). `canary` and `base` are the sums of this step, `past_base` all base
    data so far, with the history. `measured` minutes of this step had both arms, `silent` is the run of
    the newest that had not.
    """

    past_base: Measure
    canary: Measure
    base: Measure
    harm: tuple[float, ...] = ()
    harm_capped: tuple[float, ...] = ()
    safety: tuple[float, ...] = ()
    proven: bool = False
    fast: bool = False
    """Whether the newest minute alone is bad enough for the fast lane."""
    measured: int = 0
    silent: int = 0
    spread: Spread = Spread()
    harm_scale: Scale = Scale()
    safety_scale: Scale = Scale()

    def in_new_step(self) -> MetricEvidence:
        """The same, with all that belongs to a step started afresh."""
        nothing = self.canary._replace(**dict.fromkeys(self.canary._fields, 0))
        return self._replace(
            canary=nothing,
            base=nothing,
            safety=(),
            proven=False,
            fast=False,
            measured=0,
            silent=0,
            safety_scale=Scale(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        block: dict[str, Any] = {
            "pastBase": list(self.past_base),
            "canary": list(self.canary),
            "base": list(self.base),
            "harm": list(self.harm),
            "harmCapped": list(self.harm_capped),
            "safety": list(self.safety),
            "proven": self.proven,
            "fast": self.fast,
            "measured": self.measured,
            "silent": self.silent,
        }
        if isinstance(self.canary, Moments):
            return block | {"harmScale": list(self.harm_scale), "safetyScale": list(self.safety_scale)}
        return block | {"spread": list(self.spread)}

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> MetricEvidence:
        """The inverse of `to_dict`."""
        is_value = "harmScale" in block
        measure = Moments if is_value else Count
        return cls(
            measure(*block["pastBase"]),
            measure(*block["canary"]),
            measure(*block["base"]),
            _floats(block["harm"]),
            _floats(block["harmCapped"]),
            _floats(block["safety"]),
            bool(block["proven"]),
            bool(block["fast"]),
            int(block["measured"]),
            int(block["silent"]),
            Spread() if is_value else Spread(*block["spread"]),
            Scale(*block["harmScale"]) if is_value else Scale(),
            Scale(*block["safetyScale"]) if is_value else Scale(),
        )


class Evidence(NamedTuple):
    """All that a rollout has shown so far.

    `last_minute` is the newest minute counted (None before the first); `minutes` were judged in all,
    `step_minutes` of them in `step`; `step_starts` later steps have had their first minute.
    """

    metrics: Mapping[str, MetricEvidence]
    last_minute: int | None = None
    minutes: int = 0
    step: int = 0
    step_minutes: int = 0
    step_starts: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "version": VERSION,
            "lastMinute": self.last_minute,
            "minutes": self.minutes,
            "step": self.step,
            "stepMinutes": self.step_minutes,
            "stepStarts": self.step_starts,
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
        }

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_dict`. Raises InvalidEvidence for what this version did not write."""
        if not isinstance(block, Mapping) or block.get("version") != VERSION:
            raise InvalidEvidence(f"the stored evidence is not of version {VERSION} of the judge")
        try:
            return cls(
                {name: MetricEvidence.from_dict(metric) for name, metric in block["metrics"].items()},
                None if block["lastMinute"] is None else int(block["lastMinute"]),
                int(block["minutes"]),
                int(block["step"]),
                int(block["stepMinutes"]),
                int(block["stepStarts"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidEvidence(f"the stored evidence is damaged: {error!r}") from error


def learned(evidence: Evidence) -> dict[str, float]:
    """The dispersion φ of each metric that this rollout saw enough of, between 1 and 10.

    For `MetricSettings.dispersion` of later rollouts; meaningful after a promotion.
    """
    estimates = {name: estimate(metric.spread) for name, metric in evidence.metrics.items()}
    return {name: phi for name, phi in estimates.items() if phi is not None}


def _floats(values: list[float]) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if not all(map(isfinite, numbers)):
        raise ValueError("a logarithm is not finite")
    return numbers
