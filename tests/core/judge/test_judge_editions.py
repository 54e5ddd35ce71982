"""A rollout that began under the first edition of the judge goes on with all that it has seen."""

import json
from decimal import Decimal
from math import exp, log
from pathlib import Path
from typing import Any

import pytest

from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    JudgeSettings,
    MinuteReading,
    Moments,
    Pair,
    Step,
    begin,
    judge,
    observe,
)
from rollout.core.judge.harm import stake_left
from tests.core.judge.builders import HEALTHY, NAME, a_plan, evidence_of, some_settings

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("first_edition_evidence.json").read_text(encoding="utf-8"))
PLAN = tuple(Step(Decimal(weight), bake) for weight, bake in GOLDEN["plan"])
SETTINGS = JudgeSettings.from_dict(GOLDEN["settings"])


def test_its_evidence_is_what_it_was_but_for_the_stake_on_starts_to_come() -> None:
    """A third of what the first edition kept for the start of the last step is given up: E falls by exactly that."""
    evidence = Evidence.from_dict(GOLDEN["evidence"])
    judgement = judge(evidence, SETTINGS, PLAN)
    given_up = 0.3 * 0.5 - 0.2 * 0.5
    for verdict in judgement.verdicts:
        before = exp(GOLDEN["judgement"]["metrics"][verdict.name]["logE"])
        assert exp(verdict.log_e) == pytest.approx(before - given_up, rel=1e-12)
        assert verdict.log_e <= log(before)
    assert judgement.action == GOLDEN["judgement"]["action"]
    assert [each.verdict for each in judgement.verdicts] == [
        each["verdict"] for each in GOLDEN["judgement"]["metrics"].values()
    ]


def test_its_settings_stand_as_they_were_stored() -> None:
    assert SETTINGS.cap_share == 0.5
    assert [metric.dispersion for metric in SETTINGS.metrics] == [1.0] * 5
    assert [metric.name for metric in SETTINGS.metrics if metric.dry_run] == ["4XXError"]


def test_nothing_of_its_stake_is_put_in_twice() -> None:
    evidence = Evidence.from_dict(GOLDEN["evidence"])
    left = stake_left(evidence.minutes, evidence.step_starts, len(PLAN) - 1)
    assert left < 0.2 * (59 / 60) ** 16 + 0.3 * 0.5


def minute(number: int, bad: int) -> MinuteReading:
    pairs: dict[str, Pair] = {
        metric.name: Pair(Count(300, 3), Count(900, 9)) for metric in SETTINGS.metrics if metric.name != "OrderValue"
    }
    pairs["5XXError"] = Pair(Count(300, bad), Count(900, 2))
    pairs["OrderValue"] = Pair(Moments(30, 900.0), Moments(90, 2700.0))
    return MinuteReading(number, 1, pairs)


@pytest.mark.parametrize(("bad", "action"), [(0, Action.ADVANCE), (300, Action.ROLL_BACK)])
def test_it_goes_on_to_its_end(bad: int, action: Action) -> None:
    evidence = Evidence.from_dict(GOLDEN["evidence"])
    for number in range(3):
        evidence = observe(evidence, minute(29_000_019 + number, bad), SETTINGS, PLAN)
        evidence = Evidence.from_dict(json.loads(json.dumps(evidence.to_dict())))
    assert judge(evidence, SETTINGS, PLAN).action is action
    assert evidence.to_dict()["version"] == 2


def dynamodb_bytes(value: object) -> int:
    """The size of a value in DynamoDB's own JSON."""

    def typed(each: object) -> object:
        if isinstance(each, bool):
            return {"BOOL": each}
        if isinstance(each, int | float):
            return {"N": repr(each)}
        if isinstance(each, str):
            return {"S": each}
        if each is None:
            return {"NULL": True}
        if isinstance(each, list):
            return {"L": [typed(one) for one in each]}
        assert isinstance(each, dict)
        return {"M": {name: typed(one) for name, one in each.items()}}

    return len(json.dumps(typed(value), separators=(",", ":")))


def test_a_metric_takes_less_than_four_kilobytes_of_the_record() -> None:
    settings, plan = some_settings(), a_plan((5, 400))
    evidence = evidence_of([HEALTHY, (60, 20, 1140, 12), (1, 0, 2, 0)] * 40, settings, plan)
    for number in range(1000, 1240):
        readable = number % 2 == 0
        pairs = {NAME: Pair(Count(61, 1), Count(1137, 11))} if readable else {}
        evidence = observe(evidence, MinuteReading(29_000_000 + number, 0, pairs, readable=readable), settings, plan)
    assert len(evidence.missed_minutes()) == 60
    assert dynamodb_bytes(evidence.to_dict()["metrics"][NAME]) < 4096


def test_everything_that_the_package_promises_is_there() -> None:
    from rollout.core import judge as package  # noqa: PLC0415

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        package.nothing_of_the_kind  # noqa: B018


def test_before_the_first_minute_nothing_is_lost_either() -> None:
    fresh = begin(some_settings(), a_plan(), {})
    assert Evidence.from_dict(json.loads(json.dumps(fresh.to_dict()))) == fresh
