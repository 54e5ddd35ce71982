"""What healthy rollouts teach the next one: how clumped the target's errors are.

Per target and metric the sums of Pearson's estimate are kept (see `judge.dispersion`). Each promotion fades what was
known to four fifths and adds its own, so that rare errors add up over rollouts and old habits are forgotten after about
five. The judge bounds the estimate to 1…10. A dispersion that the request itself gives wins.
"""

from __future__ import annotations

from collections.abc import Mapping

from rollout.core.judge import Evidence, JudgeSettings, Spread
from rollout.core.judge.dispersion import estimate

FADE = 0.8
Lesson = Mapping[str, float]
"""The sums of one metric: `minutes` with errors, `squares` of the surprises, their `variance` if errors came singly."""


def remembered(known: Mapping[str, Lesson], evidence: Evidence) -> dict[str, Lesson]:
    """The lessons to keep, from those kept so far and the evidence of a rollout that is being promoted."""
    lessons: dict[str, Lesson] = {
        name: {part: FADE * value for part, value in lesson.items()} for name, lesson in known.items()
    }
    for name, metric in evidence.metrics.items():
        seen, old = metric.spread, lessons.get(name, {})
        if seen.minutes:
            lessons[name] = {
                "minutes": old.get("minutes", 0.0) + seen.minutes,
                "squares": old.get("squares", 0.0) + seen.squares,
                "variance": old.get("variance", 0.0) + seen.variance,
            }
    return lessons


def with_learned(settings: JudgeSettings, known: Mapping[str, Lesson]) -> JudgeSettings:
    """The settings with the learned dispersion of every metric for which the request gives none."""
    return settings._replace(
        metrics=tuple(
            metric._replace(dispersion=dispersion(known[metric.name]))
            if metric.dispersion is None and metric.name in known
            else metric
            for metric in settings.metrics
        )
    )


def dispersion(lesson: Lesson) -> float | None:
    """φ by these sums; None while there is too little to go by."""
    sums = Spread(round(lesson["minutes"]), lesson["squares"], lesson["variance"])
    return estimate(sums)
