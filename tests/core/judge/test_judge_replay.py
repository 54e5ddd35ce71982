"""`rollout judge --json`: the document goes in, this object comes out."""

import json

from rollout.core.judge import Action, Pair, parse_recording, replay
from rollout.request.judge import parse_judge
from tests.core.judge.builders import HEALTHY, NAME, Minute, a_pair, a_plan, some_settings


def minutes_of(*minutes: Minute) -> list[dict[str, Pair]]:
    return [{NAME: a_pair(minute)} for minute in minutes]


def test_the_keys_are_those_of_the_contract() -> None:
    document = {
        "plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 1}, {"weightPercent": 50, "bakeMinutes": 1}]},
        "judge": {"metrics": [{"name": NAME}]},
        "baseHistory": {NAME: {"requests": 36000, "bad": 36}},
        "minutes": [
            {
                NAME: {
                    "canary": {"requests": 6000, "bad": 6},
                    "base": {"requests": 6000, "bad": 6},
                }
            }
        ]
        * 5,
    }
    shown = json.loads(json.dumps(replay(*parse_recording(document, parse_judge)).to_dict(), allow_nan=False))
    assert set(shown) == {"verdict", "atMinute", "minutes"}
    assert (shown["verdict"], shown["atMinute"]) == ("promote", 2)
    assert [(minute["step"], minute["action"]) for minute in shown["minutes"]] == [
        (0, "advance"),
        (1, "promote"),
    ]
    for minute in shown["minutes"]:
        assert set(minute) == {"step", "action", "logE", "metrics"}
        assert set(minute["metrics"][NAME]) == {"logE", "logECapped", "logS", "verdict"}
        assert minute["metrics"][NAME]["verdict"] == "safe"


def test_it_stops_at_the_first_last_word() -> None:
    worse: Minute = (60, 60, 1140, 12)
    replayed = replay(some_settings(), a_plan(), {}, minutes_of(HEALTHY, worse, HEALTHY))
    assert (replayed.verdict, replayed.at_minute, len(replayed.minutes)) == (Action.ROLL_BACK, 2, 2)


def test_a_recording_that_ends_early_has_the_last_action_as_its_verdict() -> None:
    assert replay(some_settings(), a_plan(), {}, minutes_of(HEALTHY)).verdict is Action.CONTINUE
    assert replay(some_settings(), a_plan(), {}, minutes_of(*[HEALTHY] * 10)).verdict is Action.ADVANCE
    nothing = replay(some_settings(), a_plan(), {}, [])
    assert (nothing.verdict, nothing.at_minute, nothing.minutes) == (Action.CONTINUE, 0, ())
