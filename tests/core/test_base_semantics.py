"""Whether the stage's series contains the canary's requests, learned from the counts."""

from __future__ import annotations

from math import exp, isfinite
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.base_semantics import BaseSemantics, BaseSetting

counts = st.integers(0, 100_000)
weights = st.floats(0.0001, 0.9999)


def minutes(*, inclusive: bool, requests: int, weight: float, number: int, seed: int) -> BaseSemantics:
    """What is learned from so many simulated minutes of about so many requests to the stage and its canary."""
    random = Random(seed)
    learned = BaseSemantics()
    for _ in range(number):
        total = requests + random.randrange(-requests // 10, requests // 10 + 1)
        canary = sum(random.random() < weight for _ in range(total))
        learned = learned.observe(canary, total if inclusive else total - canary, weight)
    return learned


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize(
    ("requests", "weight", "number"), [(300, 0.5, 10), (500, 0.25, 40), (2_000, 0.1, 60)], ids=["50 %", "25 %", "10 %"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_truth_is_found(inclusive: bool, requests: int, weight: float, number: int, seed: int) -> None:
    learned = minutes(inclusive=inclusive, requests=requests, weight=weight, number=number, seed=seed)
    assert (True, inclusive) == (learned.decided, learned.inclusive)


@pytest.mark.parametrize("requests", [0.3, 1, 3, 6, 20])
@pytest.mark.parametrize("weight", [0.01, 0.05, 0.1, 0.25, 0.5])
def test_little_traffic_says_nothing_wrong(requests: float, weight: float) -> None:
    """An arm without a request has no point in a minute, so only the minutes with both arms are seen."""
    wrong = 0
    for seed in range(40):
        random = Random(seed)
        learned, ever_exclusive = BaseSemantics(), False
        for _ in range(300):
            canary, base = (poisson(random, mean * requests) for mean in (weight, 1 - weight))
            if canary:
                learned = learned.observe(canary, canary + base, weight)
            ever_exclusive |= not learned.inclusive
        wrong += ever_exclusive
    assert wrong <= 1


def poisson(random: Random, mean: float) -> int:
    """Knuth's way; for small means."""
    limit, drawn, product = exp(-mean), 0, random.random()
    while product > limit:
        drawn, product = drawn + 1, product * random.random()
    return drawn


def test_without_a_request_nothing_is_learned() -> None:
    assert BaseSemantics() == BaseSemantics().observe(0, 0, 0.05)


def test_until_it_is_known_the_canary_is_subtracted() -> None:
    assert (True, False) == (BaseSemantics().inclusive, BaseSemantics().decided)


def test_a_few_requests_decide_nothing() -> None:
    assert not minutes(inclusive=False, requests=20, weight=0.05, number=20, seed=1).decided


@pytest.mark.parametrize(("canary", "stage"), [(100_000, 0), (0, 100_000), (60_000, 50_000), (50_000, 50_000)])
def test_no_single_minute_decides(canary: int, stage: int) -> None:
    """One late point looks like a share that fits neither reading."""
    assert not BaseSemantics().observe(canary, stage, 0.5).decided


@given(counts, counts, weights)
def test_no_single_minute_decides_whatever_it_shows(canary: int, stage: int, weight: float) -> None:
    learned = BaseSemantics().observe(canary, stage, weight)
    assert isfinite(learned.log_ratio)
    assert not learned.decided


def test_a_wrong_beginning_can_be_made_up_for() -> None:
    wrong = BaseSemantics()
    for _ in range(1_000):
        wrong = wrong.observe(100, 100, 0.5)
    assert not wrong.inclusive
    for _ in range(100):
        wrong = wrong.observe(100, 200, 0.5)
    assert wrong.inclusive


@pytest.mark.parametrize("setting", [setting for setting in BaseSetting if setting is not BaseSetting.AUTO])
def test_what_the_request_says_is_not_questioned(setting: BaseSetting) -> None:
    said = BaseSemantics(setting)
    assert (said, True) == (said.observe(500, 1_000, 0.05), said.decided)
    assert (setting is BaseSetting.INCLUSIVE) == said.inclusive


@given(st.sampled_from(BaseSetting), st.floats(-30, 30))
def test_it_comes_back_from_its_document_as_it_was(setting: BaseSetting, log_ratio: float) -> None:
    learned = BaseSemantics(setting, log_ratio)
    assert learned == BaseSemantics.from_document(learned.to_document())


@pytest.mark.parametrize("inclusive", [True, False])
def test_what_a_probe_has_found_holds_from_the_first_minute_and_through_chance(inclusive: bool) -> None:
    for seed in range(20):
        random = Random(seed)
        learned = BaseSemantics().believing(inclusive)
        assert (True, inclusive) == (learned.decided, learned.inclusive)
        for _ in range(60):
            total = 400
            canary = sum(random.random() < 0.05 for _ in range(total))
            learned = learned.observe(canary, total if inclusive else total - canary, 0.05)
            assert inclusive is learned.inclusive


@pytest.mark.parametrize("inclusive", [True, False])
def test_counts_that_keep_saying_otherwise_overturn_what_a_probe_has_found(inclusive: bool) -> None:
    random, learned = Random(1), BaseSemantics().believing(not inclusive)
    for _ in range(60):
        canary = sum(random.random() < 0.25 for _ in range(2_000))
        learned = learned.observe(canary, 2_000 if inclusive else 2_000 - canary, 0.25)
    assert inclusive is learned.inclusive


def test_what_a_request_says_comes_before_what_a_probe_has_found() -> None:
    said = BaseSemantics(BaseSetting.INCLUSIVE)
    assert said == said.believing(inclusive=False)
    assert BaseSemantics() == BaseSemantics().believing(None)
