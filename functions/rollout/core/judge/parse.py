"""From JSON (already loaded) to the judge's values: the judge block and the plan of a request, and
recorded minutes.

Unknown fields are errors, here as everywhere: a misspelt "beta" must not quietly be the default. Raises
InvalidSettings with the path of the field, or InvalidReading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal, InvalidOperation

from .checks import check_plan, check_preset, number, whole
from .errors import InvalidReading, InvalidSettings
from .known import DEFAULT_QUANTILES, known, series, series_name
from .named import TYPE_CHECKING, NamedTuple
from .plan import Plan, Step
from .readings import Count, Measure, Moments, Pair
from .settings import (
    FastLane,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    Tolerance,
    default_tolerance,
)

if TYPE_CHECKING:
    from typing import Any

JUDGE_FIELDS = frozenset({"preset", "alpha", "beta", "maxBakeFactor", "capShare", "fastLane", "gate", "metrics"})
METRIC_FIELDS = frozenset({"name", "kind", "quantiles", "tolerance", "dispersion", "weight", "required", "dryRun"})
NOTHING: frozenset[str] = frozenset()


class Recording(NamedTuple):
    """What `rollout judge` replays."""

    settings: JudgeSettings
    plan: Plan
    base_history: Mapping[str, Measure]
    minutes: tuple[Mapping[str, Pair], ...]


def parse_judge(
    block: object, path: str = "judge", *, also_known: Set[str] = NOTHING, default_names: Iterable[str] = ()
) -> JudgeSettings:
    """The `judge` block of a request, with every default filled in.

    `also_known` are fields of a metric that others own (where its series is found, say) and that are not
    looked at here. `default_names` are the metrics to judge if the block names none; without them, the
    product's defaults.
    """
    judge = _object({} if block is None else block, path, JUDGE_FIELDS)
    preset = judge.get("preset", "balanced")
    check_preset(preset)
    blocks = judge.get("metrics")
    if blocks is None:
        blocks = [{"name": name} for name in default_names] or None
    metrics: list[MetricSettings] | None = None
    if blocks is not None:
        metrics = []
        for index, each in enumerate(_list(blocks, f"{path}.metrics")):
            metrics += _metrics(each, f"{path}.metrics[{index}]", preset, METRIC_FIELDS | also_known)
    defaults = JudgeSettings((), 0.0)
    return JudgeSettings.of(
        preset,
        metrics,
        alpha=judge.get("alpha"),
        beta=judge.get("beta", defaults.beta),
        gate=_tolerance(judge.get("gate"), f"{path}.gate", defaults.gate),
        max_bake_factor=judge.get("maxBakeFactor", defaults.max_bake_factor),
        cap_share=judge.get("capShare", defaults.cap_share),
        fast_lane=_fast_lane(judge.get("fastLane"), f"{path}.fastLane"),
    )


def parse_plan(block: object, path: str = "plan") -> Plan:
    """The steps of a `plan` block; `watchMinutes` is not the judge's business."""
    plan = _object(block, path, frozenset({"steps", "watchMinutes"}))
    steps = []
    for index, each in enumerate(_list(plan.get("steps"), f"{path}.steps")):
        at = f"{path}.steps[{index}]"
        step = _object(each, at, frozenset({"weightPercent", "bakeMinutes"}))
        weight = _decimal(step.get("weightPercent"), f"{at}.weightPercent")
        steps.append(Step(weight, whole(step.get("bakeMinutes"), f"{at}.bakeMinutes", least=1)))
    check_plan(tuple(steps), path)
    return tuple(steps)


def parse_recording(document: object) -> Recording:
    """The document of `rollout judge`: plan, judge, baseHistory, minutes.

    A recording whose judge names no metrics is judged by those that it recorded.
    """
    fields = frozenset({"plan", "judge", "baseHistory", "minutes"})
    recording = _object(document, "recording", fields)
    plan = parse_plan(recording.get("plan"))
    history = _history(recording.get("baseHistory"))
    minutes = tuple(
        _minute(each, f"minutes[{index}]") for index, each in enumerate(_list(recording.get("minutes"), "minutes"))
    )
    recorded = dict.fromkeys([*history, *(name for minute in minutes for name in minute)])
    settings = parse_judge(recording.get("judge"), default_names=recorded)
    return Recording(settings, plan, history, minutes)


def _metrics(block: object, at: str, preset: str, fields: Set[str]) -> list[MetricSettings]:
    """One entry of `metrics`: one series, or one for each quantile."""
    metric = _object(block, at, fields)
    name = metric.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidSettings(f"{at}.name", f"found {name!r}", "the name of a metric")
    given = _kind(metric.get("kind"), f"{at}.kind")
    meant = known(name, given)
    if meant is None:
        raise InvalidSettings(f"{at}.kind", f"missing, and {name!r} does not tell what it counts", _KINDS)
    one = MetricSettings(
        name,
        meant.kind,
        _tolerance(metric.get("tolerance"), f"{at}.tolerance", default_tolerance(meant.kind, preset)),
        number(metric.get("dispersion", 1.0), f"{at}.dispersion", least=1, most=100),
        None if metric.get("weight") is None else number(metric["weight"], f"{at}.weight", above=0, most=1000),
        _flag(metric.get("required", meant.required), f"{at}.required"),
        _flag(metric.get("dryRun", meant.dry_run), f"{at}.dryRun"),
    )
    quantiles = _quantiles(metric.get("quantiles"), one, f"{at}.quantiles")
    return [one._replace(name=series_name(name, each)) for each in quantiles] or [one]


def _quantiles(value: object, metric: MetricSettings, at: str) -> tuple[float, ...]:
    """The quantiles to spread a latency metric over; none for a series that has its own."""
    has_its_own = series(metric.name)[1] is not None
    if metric.kind is not MetricKind.LATENCY or has_its_own:
        if value is not None:
            raise InvalidSettings(at, f"{metric.name!r} is a single series", "quantiles of a latency only")
        return ()
    if value is None:
        return DEFAULT_QUANTILES
    quantiles = [number(each, f"{at}[{index}]", above=0, most=99.999) for index, each in enumerate(_list(value, at))]
    if not quantiles:
        raise InvalidSettings(at, "no quantiles", "one or more, such as 90 and 99")
    return tuple(quantiles)


_KINDS = ", ".join(MetricKind)


def _kind(value: object, at: str) -> MetricKind | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(MetricKind):
        raise InvalidSettings(at, f"unknown kind {value!r}", _KINDS)
    return MetricKind(value)


def _tolerance(block: object, at: str, default: Tolerance) -> Tolerance:
    """A tolerance; what it leaves out is as in the default."""
    if block is None:
        return default
    given = _object(block, at, frozenset({"relative", "absolute"}))
    return Tolerance(
        number(given.get("relative", default.relative), f"{at}.relative"),
        number(given.get("absolute", default.absolute), f"{at}.absolute"),
    )


def _fast_lane(block: object, at: str) -> FastLane:
    if block is None:
        return FastLane()
    given = _object(block, at, frozenset({"minBad", "excess"}))
    default = FastLane()
    return FastLane(given.get("minBad", default.min_bad), given.get("excess", default.excess))


def _history(block: object) -> dict[str, Measure]:
    history = _object({} if block is None else block, "baseHistory", None)
    return {name: _measure(each, f"baseHistory.{name}") for name, each in history.items()}


def _minute(block: object, at: str) -> dict[str, Pair]:
    pairs = {}
    for name, each in _reading(block, at, None).items():
        pair = _reading(each, f"{at}.{name}", frozenset({"canary", "base"}))
        canary, base = (
            None if pair.get(arm) is None else _measure(pair[arm], f"{at}.{name}.{arm}") for arm in ("canary", "base")
        )
        pairs[name] = Pair(canary, base)
    return pairs


def _measure(block: object, at: str) -> Measure:
    """The numbers as they stand; whether they can have happened is for the judge to say."""
    is_value = isinstance(block, Mapping) and "samples" in block
    fields = ("samples", "total") if is_value else ("requests", "bad")
    given = _reading(block, at, frozenset(fields))
    missing = [field for field in fields if field not in given]
    if missing:
        raise InvalidReading(at, f"{missing[0]} is missing")
    first, second = (given[field] for field in fields)
    return Moments(first, second) if is_value else Count(first, second)


def _decimal(value: object, at: str) -> Decimal:
    """The number exactly as it was written: 0.1 stays a tenth."""
    if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        try:
            return Decimal(str(value))
        except InvalidOperation:
            pass
    raise InvalidSettings(at, f"expected a number, found {value!r}", "above 0, below 100")


def _flag(value: object, at: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidSettings(at, f"found {value!r}", "true, false")
    return value


def _list(value: object, at: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise InvalidSettings(at, f"found {_shown(value)}", "a list")
    return value


def _object(value: object, at: str, fields: Set[str] | None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidSettings(at, f"found {_shown(value)}", "an object")
    for field in value:
        if fields is not None and field not in fields:
            raise InvalidSettings(f"{at}.{field}", "unknown field", ", ".join(sorted(fields)))
    return value


def _reading(value: object, at: str, fields: Set[str] | None) -> Mapping[str, Any]:
    """As `_object`, for what was measured."""
    try:
        return _object(value, at, fields)
    except InvalidSettings as error:
        raise InvalidReading(error.field, f"{error.problem} (allowed: {error.allowed})") from None


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:60]
