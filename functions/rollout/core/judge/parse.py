"""From JSON (already loaded) to the judge's values: the judge block and the plan of a request, and
recorded minutes.

Unknown fields are errors, here as everywhere: a misspelt "beta" must not quietly be the default. Raises
InvalidSettings with the path of the field, or InvalidReading.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from .checks import check_plan, check_preset, number, whole
from .errors import InvalidReading, InvalidSettings
from .metric_defaults import DEFAULT_QUANTILES, defaults_of, series, series_name
from .observing import with_base_dispersion
from .plan import Plan, Step
from .readings import Count, Moments, Pair, Totals, checked_count
from .replaying import RecordedMinute
from .settings import (
    FastLane,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    Tolerance,
    default_tolerance,
)

JUDGE_FIELDS = frozenset({"preset", "alpha", "beta", "maxBakeFactor", "capShare", "fastLane", "gate", "metrics"})
METRIC_FIELDS = frozenset(
    {
        "name",
        "kind",
        "quantiles",
        "tolerance",
        "dispersion",
        "weight",
        "required",
        "dryRun",
        "maxExcess",
        "warmUpMinutes",
    }
)
NOTHING: frozenset[str] = frozenset()


class Recording(NamedTuple):
    """What `rollout judge` replays."""

    settings: JudgeSettings
    plan: Plan
    base_history: Mapping[str, Totals]
    minutes: tuple[RecordedMinute, ...]


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

    A recording whose judge names no metrics is judged by those that it recorded. A base history by minute also
    tells how clumped the metric's counts are.
    """
    fields = frozenset({"plan", "judge", "baseHistory", "minutes"})
    recording = _object(document, "recording", fields)
    plan = parse_plan(recording.get("plan"))
    history, base_minutes = _history(recording.get("baseHistory"))
    minutes = tuple(
        _minute(each, f"minutes[{index}]") for index, each in enumerate(_list(recording.get("minutes"), "minutes"))
    )
    recorded = dict.fromkeys([*history, *(name for minute in minutes for name in minute.pairs)])
    settings = parse_judge(recording.get("judge"), default_names=recorded)
    return Recording(with_base_dispersion(settings, base_minutes), plan, history, minutes)


def _metrics(block: object, at: str, preset: str, fields: Set[str]) -> list[MetricSettings]:
    """One entry of `metrics`: one series, or one for each quantile."""
    metric = _object(block, at, fields)
    name = metric.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidSettings(f"{at}.name", f"found {name!r}", "the name of a metric")
    given = _kind(metric.get("kind"), f"{at}.kind")
    meant = defaults_of(name, given)
    if meant is None:
        raise InvalidSettings(f"{at}.kind", f"missing, and {name!r} does not tell what it counts", _KINDS)
    one = MetricSettings(
        name,
        meant.kind,
        _tolerance(
            metric.get("tolerance"), f"{at}.tolerance", meant.tolerance or default_tolerance(meant.kind, preset)
        ),
        _optional(metric, "dispersion", at, least=1, most=100),
        _optional(metric, "weight", at, above=0, most=1000),
        _flag(metric.get("required", meant.required), f"{at}.required"),
        _flag(metric.get("dryRun", False), f"{at}.dryRun"),
        number(metric.get("maxExcess", meant.max_excess), f"{at}.maxExcess", above=0, most=1),
        None if metric.get("warmUpMinutes") is None else whole(metric["warmUpMinutes"], f"{at}.warmUpMinutes", least=0),
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


def _optional(metric: Mapping[str, Any], field: str, at: str, **bounds: float) -> float | None:
    value = metric.get(field)
    return None if value is None else number(value, f"{at}.{field}", **bounds)


def _history(block: object) -> tuple[dict[str, Totals], dict[str, tuple[Count | None, ...]]]:
    """The base's sums by metric; and its minutes, of the metrics that are recorded by minute."""
    sums: dict[str, Totals] = {}
    by_minute = {}
    for name, each in _object({} if block is None else block, "baseHistory", None).items():
        at = f"baseHistory.{name}"
        if isinstance(each, Mapping) and "minutes" in each:
            minutes = _history_minutes(_reading(each, at, frozenset({"minutes"}))["minutes"], name)
            known = [minute for minute in minutes if minute is not None]
            by_minute[name] = minutes
            sums[name] = Count(sum(minute.requests for minute in known), sum(minute.bad for minute in known))
        else:
            sums[name] = _measure(each, at)
    return sums, by_minute


def _history_minutes(value: object, name: str) -> tuple[Count | None, ...]:
    at = f"baseHistory.{name}.minutes"
    minutes: list[Count | None] = []
    for index, each in enumerate(_list(value, at)):
        if each is None:
            minutes.append(None)
            continue
        numbers = _list(each, f"{at}[{index}]")
        if len(numbers) != 2:
            raise InvalidReading(f"{at}[{index}]", f"expected requests and bad, found {_shown(each)}")
        requests, bad = numbers
        minutes.append(checked_count(Count(requests, bad), None, name, "base"))  # type: ignore[arg-type]
    return tuple(minutes)


def _minute(block: object, at: str) -> RecordedMinute:
    pairs = {}
    minute = dict(_reading(block, at, None))
    number_of_it = minute.pop("minute", None)
    weight_of_it = minute.pop("weight", None)
    if number_of_it is not None and type(number_of_it) is not int:
        raise InvalidReading(f"{at}.minute", f"expected a whole number, found {number_of_it!r}")
    weight = None
    if weight_of_it is not None:
        weight = number(weight_of_it, f"{at}.weight", above=0, most=99.99) / 100.0
    for name, each in minute.items():
        if each is None:
            continue
        pair = _reading(each, f"{at}.{name}", frozenset({"canary", "base"}))
        canary, base = (
            None if pair.get(arm) is None else _measure(pair[arm], f"{at}.{name}.{arm}") for arm in ("canary", "base")
        )
        pairs[name] = Pair(canary, base)
    return RecordedMinute(pairs, number_of_it, weight)


def _measure(block: object, at: str) -> Totals:
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
