"""The benchmark measures the product's judge and the peers' rules as they are, and the page says what it found."""

from math import inf
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.judge import pictures, report
from benchmarks.judge.bound import first_possible_minute
from benchmarks.judge.ending import Ending
from benchmarks.judge.goals import goals, situation_goals
from benchmarks.judge.measure import rng_for
from benchmarks.judge.ours import NAME, follow_all, settings_with
from benchmarks.judge.peers import PEERS, Rule
from benchmarks.judge.peers.pocock import critical_value
from benchmarks.judge.traffic import PLAN, Cell, Noise, Release, Rollouts, draw
from rollout.core.judge import Count, Pair, replay, with_base_dispersion

CELLS = (
    Cell(20.0, 0.01),
    Cell(2.0, 0.001),
    Cell(2.0, 0.05, noise=Noise.BURSTY),
    Cell(200.0, 0.001, Release.WORSE, 3.0, Noise.SHARED),
    Cell(20.0, 0.01, Release.ALL_FAIL),
    Cell(2000.0, 0.001, Release.LEAK, 5.0, Noise.CLUMPED),
)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_what_is_measured_is_what_the_judge_would_say(cell: Cell) -> None:
    """Rollout by rollout the same end, at the same minute, as by the replay of the same minutes."""
    rollouts = draw(cell, 8, rng_for(cell, 5))
    for index, ending in enumerate(follow_all(rollouts, [settings_with()])):
        before = rollouts.history_requests[index].tolist(), rollouts.history_bad[index].tolist()
        history = list(map(Count, *before))
        settings = with_base_dispersion(settings_with(), {NAME: history})
        sums = {NAME: Count(sum(before[0]), sum(before[1]))}
        replayed = replay(settings, PLAN, sums, judged_minutes(rollouts, index, ending))
        assert (ending.action, ending.minutes) == (replayed.verdict, replayed.at_minute)


def judged_minutes(rollouts: Rollouts, index: int, ending: Ending) -> list[dict[str, Pair]]:
    """The minutes that the rollout was judged by, in one row."""
    minutes: list[dict[str, Pair]] = []
    for step, count in enumerate(ending.step_minutes):
        counts = zip(*(arm[index, step, :count].tolist() for arm in rollouts.arms), strict=True)
        minutes.extend({NAME: Pair(Count(*each[:2]), Count(*each[2:]))} for each in counts)
    return minutes


def planned(canary_bad: int, base_bad: int, minutes: int = 40) -> Rollouts:
    """One rollout with the same counts in every minute: 1,000 requests in each arm."""
    ones = np.ones((1, minutes), dtype=np.int64)
    history = np.full((1, 30), 1000), np.full((1, 30), base_bad)
    return Rollouts(
        *history, np.zeros((1, 4), dtype=np.int64), 1000 * ones, canary_bad * ones, 1000 * ones, base_bad * ones
    )


@pytest.mark.parametrize("rule", PEERS.values(), ids=list(PEERS))
def test_every_rule_sees_that_everything_fails_and_lets_the_perfect_pass(rule: Rule) -> None:
    noise = np.random.default_rng(1).integers(0, 3, (1, 40))
    failing = planned(1000, 1)._replace(base_bad=noise)
    assert 1 <= rule(failing)[0] <= 10
    assert rule(planned(0, 0)).tolist() == [0]


@pytest.mark.parametrize(
    ("name", "minute"),
    [("Flagger's threshold count", 5), ("Argo's failureLimit", 4), ("CloudWatch alarm, 3 of 3 minutes", 3)],
)
def test_thresholds_fire_when_they_say(name: str, minute: int) -> None:
    assert PEERS[name](planned(60, 60)).tolist() == [minute]


def test_pococks_critical_value_is_that_of_the_tables() -> None:
    """Jennison & Turnbull, *Group Sequential Methods* (2000): 2.413 for five looks, 2.5 % on each side."""
    assert critical_value(5, 0.025) == pytest.approx(2.413, abs=0.01)


def test_the_bound_is_none_for_what_is_tolerated() -> None:
    assert first_possible_minute(Cell(2000.0, 0.0001, Release.WORSE, 3.0)) == inf
    assert first_possible_minute(Cell(2000.0, 0.05, Release.ALL_FAIL)) == 1.0


@pytest.mark.parametrize("noise", [Noise.CLUMPED, Noise.BURSTY])
def test_clumps_are_as_dispersed_as_is_said(noise: Noise) -> None:
    rollouts = draw(Cell(200.0, 0.01, noise=noise), 400, np.random.default_rng(3))
    bad = rollouts.base_bad[:, 0].astype(float)
    assert bad.mean() == pytest.approx(200 * 60 * 0.95 * 0.01, rel=0.02)
    assert bad.var() / bad.mean() == pytest.approx(noise.dispersion, rel=0.1)


def test_the_page_is_what_the_last_run_found() -> None:
    results = report.load()
    page = report.PAGE.read_text(encoding="utf-8")
    for name, block in report.blocks(results).items():
        assert f"{report.mark_of(name)}\n\n{block}\n\n{report.mark_of(name)}" in page
    drawn = pictures.pictures(results["cells"], results["seed"])
    for name, picture in drawn.items():
        ElementTree.fromstring(picture)
        assert (report.PICTURES / name).read_text(encoding="utf-8") == picture
        assert f"(pictures/{name})" in page


def test_a_goal_that_is_missed_is_said() -> None:
    results = report.load()
    found = [*goals(results["cells"]), *situation_goals(results["situations"])]
    assert len(found) == 12
    assert report.goals_table(found).count("**no**") == sum(not goal.reached for goal in found)
