"""The lines that traffic leaves: as many as were counted up to a bound, always the same, and telling the same story."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest

from rollout.core.why.function_log import LogLine, errors_in, spans_in
from rollout_simulator.arms import Arm
from rollout_simulator.example_api import ACCESS_LOG_FORMAT
from rollout_simulator.moto_patches.log_events import KEPT_MINUTES, LogEvent
from rollout_simulator.scenario import parse_scenario
from rollout_simulator.traffic_logs import MOST_FAILURES, MOST_SUCCESSES, TrafficLogs

MINUTE = 29_540_880
ERRORS, CLIENT_ERRORS = 40, 5


def logs(*, seed: int = 1, **failure: object) -> TrafficLogs:
    described = {"message": "KeyError: 'sku'", **failure}
    candidate = {"error_percent": 40, "failures": [described]}
    scenario = parse_scenario({"name": "test", "base": {"error_percent": 0}, "candidate": candidate}, "test")
    made = TrafficLogs(scenario, seed, ["orders"], ACCESS_LOG_FORMAT)
    made.count(MINUTE, Arm(100, ERRORS, CLIENT_ERRORS), flag="true", candidate=True, version="2")
    made.count(MINUTE, Arm(1_000_000, 1_000, 0), flag="false", candidate=False, version="1")
    return made


def lines(events: Sequence[LogEvent]) -> list[LogLine]:
    return [LogLine(event.stream, event.at, event.message) for event in events]


def test_a_minute_has_its_failures_up_to_a_bound_whatever_the_traffic() -> None:
    documents = [json.loads(event.message) for event in logs().access_log(MINUTE)]
    failed = [(each["isCanaryRequest"], each["status"]) for each in documents if each["status"] >= 400]
    assert (ERRORS, CLIENT_ERRORS) == (failed.count(("true", 502)), failed.count(("true", 404)))
    assert MOST_FAILURES == failed.count(("false", 500))
    assert len(documents) - len(failed) == 2 * MOST_SUCCESSES


def test_the_same_minute_always_has_the_same_lines_and_another_seed_others() -> None:
    one, again, other = logs(), logs(), logs(seed=2)
    one.function_log("orders", MINUTE)
    assert one.access_log(MINUTE) == again.access_log(MINUTE) != other.access_log(MINUTE)
    assert one.function_log("orders", MINUTE) == again.function_log("orders", MINUTE)


def test_a_request_has_one_id_in_both_logs() -> None:
    made = logs()
    answered = {json.loads(event.message)["integrationRequestId"] for event in made.access_log(MINUTE)}
    assert answered == set(spans_in(lines(made.function_log("orders", MINUTE))))


def test_an_environment_serves_one_request_at_a_time() -> None:
    spans = spans_in(lines(logs().function_log("orders", MINUTE))).values()
    for stream in {span.stream for span in spans}:
        own = sorted((span.first, span.last) for span in spans if span.stream == stream)
        assert all(one[1] <= other[0] for one, other in pairwise(own))


EXITED = "Runtime exited with error: exit status 1"


@pytest.mark.parametrize(
    ("source", "message", "said"),
    [
        ("handler", "KeyError: 'sku'", {"KeyError: 'sku'"}),
        ("start", "KeyError: 'sku'", {"KeyError: 'sku'", "KeyError"}),
        ("timeout", "it hangs", {"Task timed out after # seconds", "Task timed out"}),
        ("exit", EXITED, {"Runtime exited with error: exit status #", "Runtime.ExitError"}),
        ("answer", "no such order", {"no such order"}),
        ("gateway", "Invalid request body", set()),
    ],
)
def test_each_source_of_a_failure_is_read_as_what_it_is(source: str, message: str, said: set[str]) -> None:
    errors = errors_in(lines(logs(source=source, message=message).function_log("orders", MINUTE)))
    assert said == {error.said for error in errors if error.version == "2"}


def test_what_api_gateway_answers_by_itself_calls_no_function() -> None:
    made = logs(source="gateway", error_type="ACCESS_DENIED", status=500)
    denied = [json.loads(event.message) for event in made.access_log(MINUTE) if "ACCESS_DENIED" in event.message]
    assert ERRORS == len(denied)
    assert {"-"} == {each["integrationRequestId"] for each in denied}


def test_a_minute_that_has_not_passed_has_no_lines_yet_and_old_ones_are_forgotten() -> None:
    made = logs()
    assert [] == list(made.access_log(MINUTE + 1))
    made.count(MINUTE + 1, Arm(10, 0, 0), flag="-", candidate=False, version="1")
    assert 10 == len(made.access_log(MINUTE + 1))
    for minute in range(MINUTE + 2, MINUTE + 2 + KEPT_MINUTES):
        made.count(minute, Arm(1, 0, 0), flag="-", candidate=False, version="1")
    assert [] == list(made.access_log(MINUTE))
