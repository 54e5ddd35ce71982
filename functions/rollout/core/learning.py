"""What one healthy rollout teaches the next: how clumped the target's errors are.

Each metric's dispersion φ is kept per target. A promotion moves it half-way to what that rollout showed, so one odd day
neither sets nor erases it; the judge bounds every estimate to 1…10. A dispersion that the request itself gives wins.
"""

from __future__ import annotations

from collections.abc import Mapping

from rollout.core.judge import JudgeSettings

NOT_GIVEN = 1.0
"""The judge's default: errors come one by one."""


def blended(known: Mapping[str, float], seen: Mapping[str, float]) -> dict[str, float]:
    """The dispersions to keep, from those kept so far and those of a rollout that was promoted."""
    return {**known, **{name: (known.get(name, phi) + phi) / 2 for name, phi in seen.items()}}


def with_learned(settings: JudgeSettings, known: Mapping[str, float]) -> JudgeSettings:
    """The settings with the known dispersion of every metric for which the request gives none."""
    return settings._replace(
        metrics=tuple(
            metric._replace(dispersion=known[metric.name])
            if metric.dispersion == NOT_GIVEN and metric.name in known
            else metric
            for metric in settings.metrics
        )
    )
