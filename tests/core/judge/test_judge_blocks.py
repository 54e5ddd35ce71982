"""Counts wait until a block of them can be weighed; points that are not there give nothing to either arm."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Moments,
    Pair,
    Plan,
    Standing,
    Tolerance,
    begin,
    begin_step,
    conclude,
    is_harmful,
    judge,
    observe,
    replay,
    settle,
    would_convict,
)
from tests.core.judge.builders import HEALTHY, NAME, Minute, a_pair, a_plan, a_reading, evidence_of, some_settings

SPARSE = a_plan((50, 400))
NOTHING = Count(0, 0)


def after(*pairs: Pair, plan: Plan = SPARSE, judge_settings: JudgeSettings | None = None) -> Evidence:
    judge_settings = judge_settings or some_settings()
    evidence = begin(judge_settings, plan, {})
    for number, pair in enumerate(pairs, start=1):
        evidence = observe(evidence, MinuteReading(number, 0, {NAME: pair}), judge_settings, plan)
    return evidence


def test_a_block_closes_with_one_canary_request_and_ten_of_the_base() -> None:
    waiting = after(Pair(Count(1, 1), Count(9, 0)))
    assert (waiting.metrics[NAME].blocks, waiting.metrics[NAME].pending_canary) == (0, Count(1, 1))
    closed = after(Pair(Count(1, 1), Count(9, 0)), Pair(NOTHING, Count(1, 0)))
    assert (closed.metrics[NAME].blocks, closed.metrics[NAME].pending_canary) == (1, NOTHING)
    assert closed.metrics[NAME].past_canary == Count(1, 1)


def test_what_is_bad_never_decides_when_a_block_closes() -> None:
    for bad in (0, 1):
        assert after(*[Pair(Count(1, bad), Count(3, bad))] * 4).metrics[NAME].pending_minutes == 0
        assert after(*[Pair(Count(1, bad), Count(3, bad))] * 3).metrics[NAME].pending_minutes == 3


def test_after_sixty_minutes_one_request_in_each_arm_is_a_block() -> None:
    first = Pair(Count(1, 0), Count(1, 0))
    assert after(first, *[Pair(NOTHING, NOTHING)] * 58).metrics[NAME].blocks == 0
    assert after(first, *[Pair(NOTHING, NOTHING)] * 59).metrics[NAME].blocks == 1


def test_eighteen_failures_of_eighteen_are_seen_at_one_request_in_an_hour() -> None:
    """With blocks of minutes the canary's failures were thrown away with the minutes in which the base was silent."""
    minutes = [{NAME: Pair(Count(1, 1), NOTHING)}, *[{NAME: Pair(NOTHING, Count(1, 0))}] * 10] * 18
    assert replay(some_settings(), a_plan((9, 400)), {NAME: Count(400, 0)}, minutes).verdict is Action.ROLL_BACK


@pytest.mark.parametrize(
    ("kept", "weighed"), [(Pair(Count(2, 0), Count(3, 0)), True), (Pair(NOTHING, Count(3, 1)), False)]
)
def test_the_end_of_a_step_weighs_what_is_pending_or_drops_it(kept: Pair, weighed: bool) -> None:
    plan = a_plan((50, 400), (60, 10))
    evidence = after(kept, plan=plan)
    later = begin_step(evidence, 1, some_settings(), plan)
    assert (later.metrics[NAME].harm != evidence.metrics[NAME].harm) is weighed
    assert later.metrics[NAME].past_base == kept.base
    assert not later.metrics[NAME].is_pending


def test_an_answer_that_would_move_the_rollout_on_weighs_what_is_pending_first() -> None:
    judge_settings, plan = some_settings(max_bake_factor=1.0), a_plan((50, 3))
    evidence = evidence_of([(12, 6, 12, 0), (11, 5, 11, 0), (8, 6, 8, 0)], judge_settings, plan, Count(1000, 1))
    assert judge(evidence, judge_settings, plan).action is Action.HOLD
    settled, judgement = conclude(evidence, judge_settings, plan)
    assert judgement.action is Action.ROLL_BACK
    assert settled == settle(evidence, judge_settings, plan)


def test_while_it_bakes_nothing_is_settled() -> None:
    evidence = after(Pair(Count(1, 0), Count(5, 0)))
    assert conclude(evidence, some_settings(), SPARSE)[0] is evidence


@pytest.mark.parametrize(
    ("pair", "counts"),
    [
        (Pair(None, Count(114, 1)), True),  # six requests expected, at 5 %
        (Pair(None, Count(140, 1)), False),  # seven and more
        (Pair(Count(5, 0), None), False),  # ninety-five expected
        (Pair(None, None), False),  # no minute before it says what there is to expect
    ],
)
def test_a_missing_point_is_a_zero_where_few_requests_were_expected(pair: Pair, counts: bool) -> None:
    evidence = after(pair, plan=a_plan((5, 400)))
    assert (evidence.bake_minutes == 1) is counts
    assert (evidence.metrics[NAME].missed == ()) is counts
    if not counts:
        assert (evidence.metrics[NAME].canary, evidence.metrics[NAME].base) == (NOTHING, NOTHING)


def test_both_points_missing_are_zeros_where_the_step_has_little_traffic() -> None:
    assert after(Pair(Count(3, 0), Count(3, 0)), Pair()).bake_minutes == 2
    assert after(Pair(Count(3, 0), Count(4, 0)), Pair()).bake_minutes == 1


def test_a_minute_that_could_not_be_read_is_never_a_zero() -> None:
    evidence = after(Pair(Count(1, 0), Count(1, 0)))
    evidence = observe(evidence, MinuteReading(2, 0, {}, readable=False), some_settings(), SPARSE)
    assert (evidence.bake_minutes, evidence.missed_minutes()) == (1, (2,))


def test_of_a_step_sixty_missed_minutes_are_remembered() -> None:
    evidence = begin(some_settings(), a_plan((5, 400)), {})
    for number in range(100):
        evidence = observe(evidence, MinuteReading(number, 0, {}, readable=False), some_settings(), a_plan((5, 400)))
    assert evidence.missed_minutes() == tuple(range(40, 100))


@given(st.lists(st.booleans(), max_size=30))
@settings(max_examples=30, deadline=None)
def test_the_stake_goes_in_at_every_minute_whatever_it_brings(readable: list[bool]) -> None:
    evidence = begin(some_settings(), SPARSE, {})
    for number, each in enumerate(readable):
        reading = MinuteReading(number, 0, {NAME: Pair(NOTHING, NOTHING)}, readable=each)
        evidence = observe(evidence, reading if each else reading._replace(pairs={}), some_settings(), SPARSE)
        assert judge(evidence, some_settings(), SPARSE).log_e == pytest.approx(0.0, abs=1e-12)


def test_under_blocks_at_most_alpha_are_rolled_back_on_the_edge_of_the_tolerance() -> None:
    """100 rollouts at 0.2 requests a second whose rate doubles and halves each hour, at α = 0.1."""
    rng = np.random.default_rng(31)
    # Where the excess is bounded the edge is lower, and the test is of that line: take it away.
    wide = MetricSettings(NAME, max_excess=1.0)
    judge_settings, plan = JudgeSettings.of(metrics=[wide], alpha=0.1), a_plan((20, 120))
    rollouts, alpha = 100, 0.1
    rolled_back = 0
    for _ in range(rollouts):
        traffic = 12 * 2.0 ** np.sin(np.arange(120) / 60 * 2 * np.pi)
        rate = 0.05 * 2.0 ** np.sin(np.arange(120) / 45)
        canary, base = rng.poisson(traffic * 0.2), rng.poisson(traffic * 0.8)
        canary_bad = rng.binomial(canary, np.minimum(1.0, 1.25 * rate + 0.0002))
        base_bad = rng.binomial(base, rate)
        columns = zip(canary.tolist(), canary_bad.tolist(), base.tolist(), base_bad.tolist(), strict=True)
        evidence = begin(judge_settings, plan, {NAME: Count(360, 18)})
        for number, each in enumerate(columns):
            evidence = observe(evidence, a_reading(number, each), judge_settings, plan)
            if is_harmful(evidence, judge_settings, plan):
                rolled_back += 1
                break
    assert rolled_back / rollouts <= alpha + 3 * (alpha * (1 - alpha) / rollouts) ** 0.5


def test_values_wait_for_twenty_samples_in_both_arms() -> None:
    value = MetricSettings("OrderValue", MetricKind.BUSINESS_VALUE, Tolerance(0.9, 0.0))
    judge_settings = JudgeSettings.of(metrics=[value])
    evidence = begin(judge_settings, SPARSE, {})
    blocks = []
    for number in range(4):
        pair = Pair(Moments(10, 300.0), Moments(9, 270.0))
        evidence = observe(evidence, MinuteReading(number, 0, {value.name: pair}), judge_settings, SPARSE)
        blocks.append(evidence.metrics[value.name].blocks)
    assert blocks == [0, 0, 1, 1]
    assert settle(evidence, judge_settings, SPARSE).metrics[value.name].blocks == 1


def test_warm_up_minutes_are_shown_and_not_counted() -> None:
    latency = MetricSettings("Latency.p99", MetricKind.LATENCY, Tolerance(1.0, 0.0))
    judge_settings = JudgeSettings.of(metrics=[MetricSettings(NAME), latency])
    slow: Minute = (60, 30, 1140, 12)
    evidence = begin(judge_settings, a_plan(), {})
    for number in range(2):
        pairs = {NAME: a_pair(HEALTHY), latency.name: a_pair(slow)}
        evidence = observe(evidence, MinuteReading(number, 0, pairs), judge_settings, a_plan())
    seen = evidence.metrics[latency.name]
    assert (seen.canary, seen.blocks, seen.past_canary, seen.past_base) == (Count(120, 60), 0, NOTHING, NOTHING)
    verdict = judge(evidence, judge_settings, a_plan()).verdicts[1]
    assert verdict.verdict is Standing.UNMEASURED
    assert "warming up, 2 min are shown and not counted" in verdict.reason
    pairs = {NAME: a_pair(HEALTHY), latency.name: a_pair(slow)}
    assert observe(evidence, MinuteReading(2, 0, pairs), judge_settings, a_plan()).metrics[latency.name].blocks == 1


def test_the_latency_of_a_base_that_fails_is_not_compared_and_that_is_said() -> None:
    latency = MetricSettings("Latency.p99", MetricKind.LATENCY, Tolerance(1.0, 0.0), warm_up_minutes=0)
    judge_settings = JudgeSettings.of(metrics=[MetricSettings(NAME), latency])
    evidence = begin(judge_settings, a_plan(), {NAME: Count(1000, 60)})
    pairs = {NAME: a_pair((60, 0, 1140, 70)), latency.name: a_pair((60, 60, 1140, 12))}
    evidence = observe(evidence, MinuteReading(1, 0, pairs), judge_settings, a_plan())
    verdict = judge(evidence, judge_settings, a_plan()).verdicts[1]
    assert verdict.verdict is Standing.UNMEASURED
    assert verdict.log_e == pytest.approx(0.0, abs=1e-12)
    assert "not comparable, more than 5.00% of the base's requests fail" in verdict.reason


def test_a_bad_base_does_not_stretch_the_tolerance_beyond_the_most_excess() -> None:
    worse: Minute = (600, 444, 11400, 6840)  # 74 % against 60 %
    evidence = evidence_of([worse] * 4, history=Count(36000, 21600))
    judgement = judge(evidence, some_settings(), a_plan())
    assert judgement.action is Action.ROLL_BACK
    assert judgement.verdicts[0].allowed_rate == pytest.approx(0.62)


def test_a_base_that_fails_proves_nothing_about_a_canary_that_is_no_better() -> None:
    evidence = evidence_of([(600, 360, 11400, 6840)] * 10, history=Count(36000, 21600))
    judgement = judge(evidence, some_settings(), a_plan())
    assert evidence.metrics[NAME].proven
    assert (judgement.action, judgement.verdicts[0].verdict) == (Action.EXTEND, Standing.UNDECIDED)
    assert "the base itself fails (60.00%)" in judgement.reason


def test_the_fix_of_a_base_that_fails_goes_on() -> None:
    evidence = evidence_of([(600, 60, 11400, 6840)] * 10, history=Count(36000, 21600))
    assert judge(evidence, some_settings(), a_plan()).action is Action.ADVANCE


def test_a_step_for_harm_only_ends_without_a_proof_and_convicts_all_the_same() -> None:
    plan = a_plan((5, 10), (95, 10))
    plan = (plan[0], plan[1]._replace(harm_only=True))
    judge_settings = some_settings()
    evidence = begin_step(evidence_of([HEALTHY] * 10, judge_settings, plan), 1, judge_settings, plan)
    for number in range(20, 30):
        evidence = observe(evidence, a_reading(number, (19, 0, 1, 0), step=1), judge_settings, plan)
    assert not evidence.metrics[NAME].proven
    assert judge(evidence, judge_settings, plan).action is Action.PROMOTE
    failing = observe(evidence, a_reading(30, (1900, 1900, 100, 0), step=1), judge_settings, plan)
    assert judge(failing, judge_settings, plan).action is Action.ROLL_BACK


def test_what_would_convict_provisionally_is_not_kept() -> None:
    judge_settings, plan = some_settings(), a_plan()
    evidence = evidence_of([HEALTHY] * 3)
    before = evidence.to_dict()
    newer = [a_reading(4, HEALTHY), a_reading(5, (60, 60, 1140, 12)), a_reading(6, HEALTHY)]
    judgement = would_convict(evidence, newer, judge_settings, plan)
    assert judgement is not None
    assert judgement.action is Action.ROLL_BACK
    assert evidence.to_dict() == before
    assert would_convict(evidence, newer[:1], judge_settings, plan) is None


def test_no_bet_is_placed_on_what_it_is_about() -> None:
    """The ninth bet learns from what left pending before: a block's own errors do not move its rate."""
    one, other = (evidence_of([HEALTHY, (60, bad, 1140, 12)]).metrics[NAME].harm[8] for bad in (3, 4))
    third = evidence_of([HEALTHY, (60, 5, 1140, 12)]).metrics[NAME].harm[8]
    assert third - other == pytest.approx(other - one)
    assert other > one + log(1.05)
