"""Late data are evidence: counted when they come, once, under the weight of their own step."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    MinuteReading,
    Pair,
    begin,
    begin_step,
    judge,
    observe,
    observe_late,
    parse_recording,
    replay,
)
from rollout.request.judge import parse_judge
from tests.core.judge.builders import HEALTHY, NAME, Minute, a_plan, a_reading, some_settings

PLAN = a_plan((5, 6), (50, 6))
SETTINGS = some_settings()
FAILING: Minute = (60, 60, 1140, 1)
IN_STEP_0 = [HEALTHY] * 6
IN_STEP_1: list[Minute] = [(600, 6, 600, 6)] * 6


def of_step(canary: int, base: int) -> st.SearchStrategy[list[Minute]]:
    minute = st.tuples(st.integers(0, canary), st.integers(0, 30)).map(lambda bad: (canary, bad[0], base, bad[1]))
    return st.lists(minute, min_size=6, max_size=6)


MINUTES = st.builds(lambda one, other: one + other, of_step(60, 1140), of_step(600, 600))


def missing(number: int, step: int) -> MinuteReading:
    return MinuteReading(number, step, {}, readable=False)


def with_gaps(minutes: list[Minute], gaps: set[int]) -> Evidence:
    """Six minutes of each step; those in `gaps` could not be read."""
    evidence = begin(SETTINGS, PLAN, {})
    for number, minute in enumerate(minutes):
        step = number // 6
        evidence = begin_step(evidence, step, SETTINGS, PLAN)
        reading = missing(number, step) if number in gaps else a_reading(number, minute, step)
        evidence = observe(evidence, reading, SETTINGS, PLAN)
    return evidence


def late(minutes: list[Minute], numbers: list[int]) -> list[MinuteReading]:
    return [a_reading(number, minutes[number], number // 6) for number in numbers]


@given(MINUTES, st.sets(st.integers(0, 11), min_size=1), st.randoms())
@settings(max_examples=25, deadline=None)
def test_in_whatever_order_late_minutes_are_given_the_evidence_is_the_same(
    minutes: list[Minute],
    gaps: set[int],
    random: st.randoms,  # type: ignore[valid-type]
) -> None:
    evidence = with_gaps(minutes, gaps)
    ordered = sorted(gaps)
    shuffled = list(ordered)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = observe_late(evidence, late(minutes, ordered), SETTINGS, PLAN)
    assert one == observe_late(evidence, late(minutes, shuffled), SETTINGS, PLAN)
    assert one.missed_minutes() == ()


@given(MINUTES, st.sets(st.integers(0, 11), min_size=2), st.data())
@settings(max_examples=25, deadline=None)
def test_in_however_many_parts_they_come_every_request_is_counted_once(
    minutes: list[Minute], gaps: set[int], data: st.DataObject
) -> None:
    evidence = with_gaps(minutes, gaps)
    parts = data.draw(st.permutations(sorted(gaps)))
    for number in parts:
        evidence = observe_late(evidence, late(minutes, [number]), SETTINGS, PLAN)
        evidence = observe_late(evidence, late(minutes, [number]), SETTINGS, PLAN)  # it comes twice
    seen = evidence.metrics[NAME]
    requests = seen.past_canary[0] + seen.pending_canary[0], seen.past_base[0] + seen.pending_base[0]
    assert requests == (sum(each[0] for each in minutes), sum(each[2] for each in minutes))
    assert evidence.bake_minutes == 6
    assert (evidence.minutes, evidence.last_minute) == (12, 11)


def test_a_minute_that_was_counted_in_its_time_is_not_counted_again() -> None:
    evidence = with_gaps(IN_STEP_0 + IN_STEP_1, set())
    assert observe_late(evidence, late([(60, 60, 1140, 0)] * 12, list(range(12))), SETTINGS, PLAN) == evidence


def test_a_minute_of_which_an_arm_is_still_missing_is_waited_for() -> None:
    evidence = with_gaps(IN_STEP_0 + IN_STEP_1, {8})
    half = MinuteReading(8, 1, {NAME: Pair(Count(600, 6), None)})
    assert observe_late(evidence, [half], SETTINGS, PLAN) == evidence


def test_harm_that_comes_late_convicts() -> None:
    plan = a_plan((5, 30), (50, 6))
    evidence = begin(SETTINGS, plan, {NAME: Count(36000, 36)})
    for number in range(20):
        evidence = observe(evidence, missing(number, 0), SETTINGS, plan)
    assert judge(evidence, SETTINGS, plan).action is Action.CONTINUE
    failing = [a_reading(number, (60, 60, 1140, 1)) for number in range(3)]
    evidence = observe_late(evidence, failing, SETTINGS, plan)
    assert judge(evidence, SETTINGS, plan).action is Action.ROLL_BACK


def test_what_comes_late_of_an_ended_step_speaks_for_harm_under_its_own_weight_and_proves_nothing() -> None:
    evidence = with_gaps(IN_STEP_0 + IN_STEP_1, {1, 2, 3})
    after = observe_late(evidence, late([FAILING] * 12, [1, 2, 3]), SETTINGS, PLAN)
    assert after.metrics[NAME].safety == evidence.metrics[NAME].safety
    assert after.metrics[NAME].canary == evidence.metrics[NAME].canary
    assert after.metrics[NAME].harm > evidence.metrics[NAME].harm
    assert after.ended_splits[0][""].total > evidence.ended_splits[0][""].total
    assert after.splits == evidence.splits


def test_what_comes_late_of_another_share_than_was_sent_is_doubted_and_dropped() -> None:
    evidence = with_gaps(IN_STEP_0 + IN_STEP_1, {0, 1, 2, 3, 4, 5})
    lopsided: Minute = (600, 600, 600, 0)
    after = observe_late(evidence, late([lopsided] * 12, [0, 1, 2, 3, 4, 5]), SETTINGS, PLAN)
    assert after.ended_splits[0][""].doubted
    assert after.metrics[NAME].harm == evidence.metrics[NAME].harm
    assert after.missed_minutes() == ()


def test_a_recording_may_have_numbers_and_what_comes_late_counts_for_its_bake() -> None:
    def minute(number: int, points: bool = True) -> dict[str, object]:
        arms = {"canary": {"requests": 600, "bad": 6}, "base": {"requests": 11400, "bad": 114}}
        return {"minute": number, "weight": 5, NAME: arms if points else {"canary": None, "base": arms["base"]}}

    recording = {
        "plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 4}]},
        "minutes": [minute(71), minute(72, points=False), minute(73), minute(74), minute(72)],
    }
    replayed = replay(*parse_recording(recording, parse_judge))
    assert [each.judgement.action for each in replayed.minutes] == ["continue"] * 3 + ["extend", "promote"]
    twice = {**recording, "minutes": [minute(71), minute(71), minute(72)]}
    assert replay(*parse_recording(twice, parse_judge)).minutes[-1].judgement.action is Action.CONTINUE
