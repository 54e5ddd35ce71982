"""From JSON (already loaded) to the judge's values: a recording, that is a plan and recorded minutes. Its `judge`
block is read by whoever reads requests.

Unknown fields are errors, here as everywhere. Raises InvalidSettings with the path of the field, or InvalidReading.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from .checks import check_plan, number, whole
from .errors import InvalidReading, InvalidSettings
from .observing import with_base_dispersion
from .plan import Plan, Step
from .readings import Count, Moments, Pair, Totals, checked_count
from .replaying import RecordedMinute
from .settings import JudgeSettings


class Recording(NamedTuple):
    """What `rollout judge` replays."""

    settings: JudgeSettings
    plan: Plan
    base_history: Mapping[str, Totals]
    minutes: tuple[RecordedMinute, ...]


def parse_plan(block: object, path: str = "plan") -> Plan:
    """The steps of a `plan` block, as they are given; how long is watched is not the judge's business."""
    plan = _object(block, path, frozenset({"steps", "watchMinutes", "control", "afterMinutes"}))
    steps = []
    for index, each in enumerate(_list(plan.get("steps"), f"{path}.steps")):
        at = f"{path}.steps[{index}]"
        step = _object(each, at, frozenset({"weightPercent", "bakeMinutes", "harmOnly"}))
        weight = _decimal(step.get("weightPercent"), f"{at}.weightPercent")
        harm_only = step.get("harmOnly", False)
        if not isinstance(harm_only, bool):
            raise InvalidSettings(f"{at}.harmOnly", f"found {_shown(harm_only)}", "true or false")
        steps.append(Step(weight, whole(step.get("bakeMinutes"), f"{at}.bakeMinutes", least=1), harm_only))
    check_plan(tuple(steps), path)
    return tuple(steps)


def parse_recording(document: object, parse_judge: Callable[[object, Sequence[str]], JudgeSettings]) -> Recording:
    """The document of `rollout judge`: plan, judge, baseHistory, minutes.

    A recording whose judge names no metrics is judged by those that it recorded: `parse_judge` reads the block,
    and is told their names.
    """
    fields = frozenset({"plan", "judge", "baseHistory", "minutes"})
    recording = _object(document, "recording", fields)
    plan = parse_plan(recording.get("plan"))
    history, base_minutes = _history(recording.get("baseHistory"))
    minutes = tuple(
        _minute(each, f"minutes[{index}]") for index, each in enumerate(_list(recording.get("minutes"), "minutes"))
    )
    recorded = dict.fromkeys([*history, *(name for minute in minutes for name in minute.pairs)])
    settings = parse_judge(recording.get("judge"), list(recorded))
    return Recording(with_base_dispersion(settings, base_minutes), plan, history, minutes)


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
