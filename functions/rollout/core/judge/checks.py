"""What settings and plans may say. Every refusal names the field as it stands in the request."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from .errors import InvalidSettings

LEAST_RATE = 1e-9
"""Of alpha, beta, a tolerance and an excess. Logarithms of what is not far above zero leave the range of a float."""
LEAST_SHARE = 0.001
"""Of a metric's weight, and of the proof of harm that one block of minutes may bring."""
LEAST_RELATIVE = 0.01
MOST_BAKE_MINUTES = 20_160
"""Two weeks."""

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plan import Plan
    from .settings import JudgeSettings, MetricKind, MetricSettings, Tolerance


def check_preset(preset: object, known: Mapping[str, Tolerance]) -> None:
    """Raises InvalidSettings unless the preset is known."""
    if not isinstance(preset, str) or preset not in known:
        raise InvalidSettings("judge.preset", f"unknown preset {preset!r}", ", ".join(known))


def check_settings(settings: JudgeSettings, path: str = "judge") -> None:
    """Raises InvalidSettings for the first field that cannot be meant."""
    for index, metric in enumerate(settings.metrics):
        check_metric(metric, f"{path}.metrics[{index}]")
    _check_metrics_together(settings.metrics, f"{path}.metrics")
    number(settings.alpha, f"{path}.alpha", least=LEAST_RATE, most=0.5)
    number(settings.beta, f"{path}.beta", least=LEAST_RATE, most=0.5)
    number(settings.max_bake_factor, f"{path}.maxBakeFactor", least=1, most=100)
    number(settings.cap_share, f"{path}.capShare", least=LEAST_SHARE, most=1)
    number(settings.fast_lane.excess, f"{path}.fastLane.excess", least=0, most=1)
    whole(settings.fast_lane.min_bad, f"{path}.fastLane.minBad", least=1)
    number(settings.gate.relative, f"{path}.gate.relative", least=1, most=100)
    number(settings.gate.absolute, f"{path}.gate.absolute", least=0, most=1)
    if settings.gate.relative < 1 + LEAST_RELATIVE and settings.gate.absolute < LEAST_RATE:
        allowed = f"relative at least {1 + LEAST_RELATIVE} or absolute at least {plain(LEAST_RATE)}"
        raise InvalidSettings(f"{path}.gate", "leaves no margin to prove", allowed)


def check_plan(plan: Plan, path: str = "plan") -> None:
    """Raises InvalidSettings unless the weights rise strictly between 0 and 100 and every bake is whole
    minutes."""
    from decimal import Decimal  # noqa: PLC0415 - 1 ms that the start of every function would pay

    if not plan:
        raise InvalidSettings(f"{path}.steps", "no steps", "one or more")
    before = Decimal(0)
    for index, step in enumerate(plan):
        at = f"{path}.steps[{index}]"
        weight = step.weight_percent
        if not isinstance(weight, Decimal) or not weight.is_finite() or not before < weight < 100:
            raise InvalidSettings(f"{at}.weightPercent", f"found {weight}", f"above {before}, below 100")
        if weight % Decimal("0.01"):
            raise InvalidSettings(f"{at}.weightPercent", f"found {weight}", "at most 2 decimal places")
        whole(step.bake_minutes, f"{at}.bakeMinutes", least=1, most=MOST_BAKE_MINUTES)
        before = weight


def number(
    value: object,
    field: str,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> float:
    """The value, if it is a finite number within the bounds. Raises InvalidSettings."""
    allowed = _range(above, least, most)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InvalidSettings(field, f"expected a number, found {value!r}", allowed)
    too_small = (above is not None and value <= above) or (least is not None and value < least)
    if too_small or (most is not None and value > most):
        raise InvalidSettings(field, f"found {value if isinstance(value, float) else shortened(value)}", allowed)
    return value


def whole(value: object, field: str, *, least: int, most: int | None = None) -> int:
    """The value, if it is a whole number within the bounds. Raises InvalidSettings."""
    allowed = f"{least} or more" if most is None else f"{least} to {most}"
    if type(value) is not int:
        raise InvalidSettings(field, f"expected a whole number, found {value!r}", allowed)
    if value < least or (most is not None and value > most):
        raise InvalidSettings(field, f"found {shortened(value)}", allowed)
    return value


def shortened(value: int) -> str:
    """The whole number, or how many digits it has where nobody would read them all."""
    digits = len(str(abs(value))) if value.bit_length() < 10_000 else 0
    return str(value) if 0 < digits <= 20 else "a number of more than 20 digits"


def plain(value: float) -> str:
    """Without an exponent: 0.000001, 1000."""
    from decimal import Decimal  # noqa: PLC0415 - 1 ms that the start of every function would pay

    return format(Decimal(f"{value:.10g}"), "f")


def _range(above: float | None, least: float | None, most: float | None) -> str:
    words = [f"above {plain(above)}"] if above is not None else []
    words += [f"at least {plain(least)}"] if least is not None else []
    words += [f"at most {plain(most)}"] if most is not None else []
    return ", ".join(words) or "any number"


def check_metric(metric: MetricSettings, at: str) -> None:
    """Raises InvalidSettings for the first field of a metric that cannot be meant."""
    if not isinstance(metric.name, str) or not metric.name.strip():
        raise InvalidSettings(f"{at}.name", f"found {metric.name!r}", "the name of a metric")
    if metric.dispersion is not None:
        number(metric.dispersion, f"{at}.dispersion", least=1, most=100)
    number(metric.max_excess, f"{at}.maxExcess", least=LEAST_RATE, most=1)
    if metric.warm_up_minutes is not None:
        whole(metric.warm_up_minutes, f"{at}.warmUpMinutes", least=0)
    if metric.weight is not None:
        number(metric.weight, f"{at}.weight", least=LEAST_SHARE, most=1000)
    _check_tolerance(metric.tolerance, metric.kind, f"{at}.tolerance")


def _check_tolerance(tolerance: Tolerance, kind: MetricKind, at: str) -> None:
    if kind.higher_is_better:
        number(tolerance.relative, f"{at}.relative", least=LEAST_RELATIVE, most=1)
        number(tolerance.absolute, f"{at}.absolute", least=0, most=0)
        return
    number(tolerance.relative, f"{at}.relative", least=0, most=100)
    number(tolerance.absolute, f"{at}.absolute", least=0, most=1)
    if tolerance.relative < LEAST_RELATIVE and tolerance.absolute < LEAST_RATE:
        allowed = f"relative at least {LEAST_RELATIVE} or absolute at least {plain(LEAST_RATE)}"
        raise InvalidSettings(at, "tolerates nothing at all", allowed)


def _check_metrics_together(metrics: tuple[MetricSettings, ...], at: str) -> None:
    names = [metric.name for metric in metrics]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidSettings(f"{at}[{index}].name", f"{name!r} is named twice", "each metric once")
    if not any(metric.gates for metric in metrics):
        # With nothing to prove, silence would be success.
        problem = "nothing has to be proven safe" if metrics else "no metrics"
        raise InvalidSettings(at, problem, "at least one metric that is required and not on a dry run")
