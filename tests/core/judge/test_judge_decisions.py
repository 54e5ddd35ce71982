"""From evidence to one action: every cell of the table, and what must never happen."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    FastLane,
    InvalidEvidence,
    JudgeSettings,
    MetricSettings,
    MinuteReading,
    Pair,
    Standing,
    Tolerance,
    begin,
    begin_step,
    is_harmful,
    judge,
    observe,
    observe_all,
)
from rollout.core.judge import explain as words
from tests.core.judge.builders import (
    HEALTHY,
    NAME,
    Minute,
    a_pair,
    a_plan,
    a_reading,
    evidence_of,
    orders,
    some_settings,
)

ALL_FAIL: Minute = (60, 60, 1140, 12)
SILENT_CANARY: Minute = (0, 0, 1200, 12)


def evidence_like(*, harm: bool, bake_over: bool, proven: bool, time_left: bool, step: int = 0) -> Evidence:
    """Evidence of this kind, for a bake of 10 minutes and at most 30."""
    minutes = (20 if time_left else 30) if bake_over else 5
    evidence = evidence_of([HEALTHY])
    metric = evidence.metrics[NAME]
    wealth = tuple(20.0 if harm else -20.0 for _ in metric.harm)
    metric = metric._replace(harm=wealth, harm_capped=wealth, proven=proven)
    return evidence._replace(metrics={NAME: metric}, step=step, step_minutes=minutes, bake_minutes=minutes)


TABLE = [
    # harm   bake over  proven  time left  action
    (True, True, True, True, "rollback"),
    (True, True, True, False, "rollback"),
    (True, True, False, True, "rollback"),
    (True, True, False, False, "rollback"),
    (True, False, True, True, "rollback"),
    (True, False, False, True, "rollback"),
    (False, False, True, True, "continue"),
    (False, False, False, True, "continue"),
    (False, True, True, True, "advance"),
    (False, True, True, False, "advance"),
    (False, True, False, True, "extend"),
    (False, True, False, False, "hold"),
]


@pytest.mark.parametrize(("harm", "bake_over", "proven", "time_left", "action"), TABLE)
def test_every_cell_of_the_table(harm: bool, bake_over: bool, proven: bool, time_left: bool, action: str) -> None:
    evidence = evidence_like(harm=harm, bake_over=bake_over, proven=proven, time_left=time_left)
    assert judge(evidence, some_settings(), a_plan()).action == action


def test_after_the_last_step_an_advance_is_a_promotion() -> None:
    evidence = evidence_like(harm=False, bake_over=True, proven=True, time_left=True, step=3)
    assert judge(evidence, some_settings(), a_plan()).action is Action.PROMOTE


def test_before_the_first_minute_there_is_nothing_to_say() -> None:
    judgement = judge(begin(some_settings(), a_plan(), {}), some_settings(), a_plan())
    assert (judgement.action, judgement.log_e) == (Action.CONTINUE, 0.0)
    assert judgement.verdicts[0].verdict is Standing.UNMEASURED


@pytest.mark.parametrize("silence", [SILENT_CANARY, (60, 1, 0, 0), (0, 0, 0, 0)])
def test_no_data_never_promotes(silence: Minute) -> None:
    evidence = evidence_of([silence] * 30)
    judgement = judge(evidence, some_settings(), a_plan())
    assert judgement.action is Action.HOLD
    assert judgement.verdicts[0].verdict is Standing.UNMEASURED
    assert "not measured" in judgement.reason


def test_a_missing_metric_never_promotes() -> None:
    settings, plan = some_settings(NAME, "Errors"), a_plan()
    evidence = begin(settings, plan, {})
    for number in range(30):
        evidence = observe(evidence, a_reading(number, HEALTHY), settings, plan)
    judgement = judge(evidence, settings, plan)
    assert (judgement.action, judgement.deciding_metric) == (Action.HOLD, "Errors")


def with_missing_points(*numbers: int, minutes: int) -> Evidence:
    """So many healthy minutes, in some of which the canary's point is missing."""
    evidence = evidence_of([])
    for number in range(1, minutes + 1):
        pair = Pair(None, Count(1140, 12)) if number in numbers else a_pair(HEALTHY)
        evidence = observe(evidence, MinuteReading(number, 0, {NAME: pair}), some_settings(), a_plan())
    return evidence


def test_points_that_stop_coming_are_not_safe_however_good_they_were() -> None:
    evidence = with_missing_points(11, 12, minutes=12)
    assert evidence.metrics[NAME].proven
    judgement = judge(evidence, some_settings(), a_plan())
    assert judgement.action is Action.EXTEND
    assert judgement.verdicts[0].verdict is Standing.UNMEASURED
    assert "its last 2 min have no data" in judgement.reason
    assert judge(with_missing_points(11, minutes=11), some_settings(), a_plan()).action is Action.ADVANCE


def test_a_bake_is_over_when_so_many_minutes_were_measured() -> None:
    assert judge(with_missing_points(4, 5, minutes=11), some_settings(), a_plan()).action is Action.EXTEND
    assert judge(with_missing_points(4, 5, minutes=12), some_settings(), a_plan()).action is Action.ADVANCE


def test_three_bakes_of_any_minutes_are_the_longest_that_a_step_lasts() -> None:
    judgement = judge(with_missing_points(*range(1, 25), minutes=30), some_settings(), a_plan())
    assert judgement.action is Action.HOLD
    assert "only 6 of 10 min at 5% were measured in 30 min, 30 were allowed" in judgement.reason


def test_the_pauses_of_sparse_traffic_are_not_suspicious() -> None:
    sparse: Minute = (8, 0, 52, 0)
    minutes = ([sparse] + [(0, 0, 20, 0)] * 5) * 40
    evidence = evidence_of(minutes, plan=a_plan((5, 240), (10, 10)))
    assert judge(evidence, some_settings(), a_plan((5, 240), (10, 10))).action is Action.ADVANCE


def test_one_error_in_three_requests_does_not_roll_back() -> None:
    evidence = evidence_of([(3, 1, 57, 0)], history=Count(1800, 2))
    assert judge(evidence, some_settings(), a_plan()).action is Action.CONTINUE


def test_a_burst_of_one_minute_does_not_convict_but_two_bad_minutes_do() -> None:
    burst: Minute = (60, 19, 1140, 1)
    settings, plan, history = some_settings(), a_plan(), Count(36000, 36)
    assert judge(evidence_of([burst], history=history), settings, plan).action is Action.CONTINUE
    assert judge(evidence_of([burst] * 4, history=history), settings, plan).action is Action.ROLL_BACK


def test_when_everything_fails_one_minute_is_enough() -> None:
    judgement = judge(evidence_of([ALL_FAIL], history=Count(36000, 360)), some_settings(), a_plan())
    assert judgement.action is Action.ROLL_BACK
    assert judgement.log_e_capped < judgement.log_e_limit < judgement.log_e


@pytest.mark.parametrize(
    ("minute", "convicts"),
    [
        ((60, 20, 1140, 12), True),
        ((60, 19, 1140, 12), False),  # too few
        ((100, 25, 1140, 0), True),
        ((100, 25, 1140, 12), True),  # less than 25 points above, but against overwhelming odds
        ((600, 20, 11400, 114), False),  # neither
    ],
)
def test_the_fast_lane_needs_twenty_bad_and_25_points_or_odds_of_its_own(minute: Minute, convicts: bool) -> None:
    evidence = evidence_of([minute], history=Count(36000, 360))
    assert (judge(evidence, some_settings(), a_plan()).action is Action.ROLL_BACK) == convicts


def test_the_verdict_says_when_the_fast_lane_convicts_and_its_reason_has_that_figure() -> None:
    settings, plan = some_settings(), a_plan()
    verdict = judge(evidence_of([ALL_FAIL], settings, plan), settings, plan).verdicts[0]
    assert verdict.by_fast_lane
    assert verdict.log_e_capped < verdict.log_e_limit <= verdict.log_e
    assert f"{words.odds(verdict.log_e)} against" in verdict.reason
    assert not judge(evidence_of([HEALTHY], settings, plan), settings, plan).verdicts[0].by_fast_lane


def test_against_a_fixed_ceiling_no_difference_to_a_base_is_told() -> None:
    fixed = JudgeSettings.of(metrics=[MetricSettings(NAME, tolerance=Tolerance(0.0, 0.2))])
    for settings, told in ((some_settings(), True), (fixed, False)):
        verdict = judge(evidence_of([HEALTHY], settings, a_plan()), settings, a_plan()).verdicts[0]
        assert told == (verdict.effect is not None) == ("points" in verdict.reason)


def test_the_fast_lane_is_a_setting() -> None:
    settings = some_settings(fast_lane=FastLane(min_bad=100))
    evidence = evidence_of([ALL_FAIL], settings, history=Count(36000, 360))
    assert judge(evidence, settings, a_plan()).action is Action.CONTINUE


def test_when_both_arms_fail_alike_nobody_is_accused() -> None:
    evidence = evidence_of([(60, 60, 1140, 1140)] * 5, history=Count(36000, 36))
    assert judge(evidence, some_settings(), a_plan()).action is not Action.ROLL_BACK


def test_a_leak_that_starts_late_is_seen() -> None:
    plan = a_plan((50, 200), (60, 10))
    evidence = evidence_of([(60000, 600, 60000, 600)] * 120 + [(60000, 1800, 60000, 600)] * 8, plan=plan)
    assert judge(evidence, some_settings(), plan).action is Action.ROLL_BACK


def test_safety_starts_afresh_at_each_step_and_harm_goes_on() -> None:
    evidence = evidence_of([HEALTHY] * 10)
    later = begin_step(evidence, 1, some_settings(), a_plan())
    metric = later.metrics[NAME]
    assert (metric.safety, metric.proven, metric.canary) == ((), False, Count(0, 0))
    assert metric.harm == evidence.metrics[NAME].harm
    assert (later.step, later.step_minutes, later.minutes) == (1, 0, 10)


def test_beginning_a_step_twice_is_harmless_and_an_earlier_one_is_refused() -> None:
    evidence = begin_step(evidence_of([HEALTHY] * 10), 1, some_settings(), a_plan())
    assert begin_step(evidence, 1, some_settings(), a_plan()) is evidence
    with pytest.raises(InvalidEvidence, match="already in step 1"):
        begin_step(evidence, 0, some_settings(), a_plan())


def test_piled_up_minutes_are_judged_one_by_one() -> None:
    settings, plan = some_settings(), a_plan()
    readings = [a_reading(1, HEALTHY), a_reading(2, ALL_FAIL), a_reading(3, HEALTHY)]
    evidence, judgement = observe_all(begin(settings, plan, {}), readings, settings, plan)
    assert (judgement.action, evidence.last_minute) == (Action.ROLL_BACK, 2)
    _, calm = observe_all(begin(settings, plan, {}), readings[:1], settings, plan)
    assert calm.action is Action.CONTINUE


@given(st.lists(st.sampled_from([HEALTHY, ALL_FAIL, (60, 4, 1140, 12), (0, 0, 1140, 12)]), max_size=12))
@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.001])
def test_the_short_cut_convicts_exactly_when_the_judge_does(alpha: float, minutes: list[Minute]) -> None:
    settings, plan = some_settings(alpha=alpha), a_plan()
    for count in range(len(minutes) + 1):
        evidence = evidence_of(minutes[:count], settings, plan)
        assert is_harmful(evidence, settings, plan) is (judge(evidence, settings, plan).action is Action.ROLL_BACK)


def three_metrics(settings: JudgeSettings, minutes: dict[str, Minute], times: int) -> Evidence:
    plan = a_plan()
    evidence = begin(settings, plan, {name: Count(36000, 360) for name in minutes})
    pairs = {name: a_pair(minute) for name, minute in minutes.items()}
    for number in range(times):
        evidence = observe(evidence, MinuteReading(number, 0, pairs), settings, plan)
    return evidence


def test_with_several_metrics_the_guilty_one_is_named() -> None:
    settings = some_settings("a5xx", "b5xx", "c5xx")
    worse: Minute = (60, 9, 1140, 12)
    evidence = three_metrics(settings, {"a5xx": HEALTHY, "b5xx": worse, "c5xx": HEALTHY}, 6)
    judgement = judge(evidence, settings, a_plan())
    assert (judgement.action, judgement.deciding_metric) == (Action.ROLL_BACK, "b5xx")
    assert judgement.log_e_limit == pytest.approx(-log(0.03))
    assert [each.verdict for each in judgement.verdicts].count(Standing.HARMFUL) == 1


def test_weak_evidence_from_several_metrics_adds_up() -> None:
    """At α = 0.05 and ten metrics each alone needs 200:1, all together need an average of 20:1."""
    names = [f"{letter}5xx" for letter in "abcdefghij"]
    settings = some_settings(*names)
    worse: Minute = (60, 3, 1140, 12)
    evidence = three_metrics(settings, dict.fromkeys(names, worse), 3)
    judgement = judge(evidence, settings, a_plan())
    assert all(each.log_e_capped < each.log_e_limit for each in judgement.verdicts)
    assert judgement.action is Action.ROLL_BACK
    assert "(limit 20:1)" in judgement.reason
    assert "all metrics together" in judgement.reason


def test_weights_are_shares_and_move_the_limit_of_a_metric() -> None:
    metrics = [MetricSettings("a5xx", weight=3.0), MetricSettings("b5xx")]
    settings = JudgeSettings.of(metrics=metrics, alpha=0.01)
    assert settings.shares() == {"a5xx": 0.75, "b5xx": 0.25}
    assert settings.log_limit(0.25) == pytest.approx(log(400))
    assert settings.log_cap(0.25) == pytest.approx(0.58 * log(400))


def test_a_dry_run_is_explained_and_decides_nothing() -> None:
    metrics = [MetricSettings(NAME), MetricSettings("4XXError", dry_run=True)]
    settings = JudgeSettings.of(metrics=metrics)
    assert settings.alpha == 0.01
    evidence = three_metrics(settings, {NAME: HEALTHY, "4XXError": ALL_FAIL}, 10)
    judgement = judge(evidence, settings, a_plan())
    assert judgement.action is Action.ADVANCE
    assert judgement.verdicts[1].verdict is Standing.HARMFUL
    assert list(judgement.would_have_convicted) == ["4XXError"]
    told = words.with_shown_only(judgement.reason, judgement.would_have_convicted)
    assert "4XX is shown only, and would have rolled back (canary 600/600 (100.00%) vs base" in told
    assert judgement.log_e == judgement.verdicts[0].log_e


def test_a_metric_that_is_not_required_convicts_but_does_not_hold() -> None:
    metrics = [MetricSettings(NAME), MetricSettings("Errors", required=False)]
    settings, plan = JudgeSettings.of(metrics=metrics), a_plan()
    unmeasured = three_metrics(settings, {NAME: HEALTHY}, 10)
    assert judge(unmeasured, settings, plan).action is Action.ADVANCE
    failing = three_metrics(settings, {NAME: HEALTHY, "Errors": ALL_FAIL}, 2)
    assert judge(failing, settings, plan).deciding_metric == "Errors"


def test_fewer_orders_roll_back_and_more_do_not() -> None:

    settings, plan = JudgeSettings.of(metrics=[orders()]), a_plan((50, 5), (60, 5))
    history = Count(36000, 3600)
    name = settings.metrics[0].name

    def action(minute: Minute) -> Action:
        return judge(evidence_of([minute] * 5, settings, plan, history, name), settings, plan).action

    assert action((600, 30, 600, 60)) is Action.ROLL_BACK
    assert action((600, 60, 600, 60)) is Action.ADVANCE
    assert action((600, 120, 600, 60)) is Action.ADVANCE


def test_evidence_of_another_rollout_is_refused() -> None:
    evidence = evidence_of([HEALTHY])
    with pytest.raises(InvalidEvidence, match="knows no metric 'Errors'"):
        judge(evidence, some_settings("Errors"), a_plan())
    with pytest.raises(InvalidEvidence, match="knows no metric 'Errors'"):
        observe(evidence, MinuteReading(2, 0, {}), some_settings("Errors"), a_plan())
    with pytest.raises(InvalidEvidence, match="step 4 of a plan of 4"):
        judge(evidence._replace(step=4), some_settings(), a_plan())
