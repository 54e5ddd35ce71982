"""One minute's e-value is a fair bet: its expectation is at most 1 wherever the null holds, summed
exactly."""

from math import comb, exp, isfinite, log, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.judge import Count, MetricKind, MetricSettings, Tolerance
from rollout.core.judge.counts import harm_log_es, safety_log_es
from rollout.core.judge.minute import log_e, log_es
from tests.core.judge.builders import orders


def binomial(requests: int, rate: float) -> list[float]:
    return [comb(requests, k) * rate**k * (1.0 - rate) ** (requests - k) for k in range(requests + 1)]


def expectation(p1: float, canary: tuple[int, float], base: tuple[int, float], tolerance: Tolerance) -> float:
    """E[e] by summing over every outcome; arms are (requests, true rate), p̂ is wrong on purpose."""
    return sum(
        canary_weight
        * base_weight
        * exp(log_e(p1, Count(canary[0], canary_bad), Count(base[0], base_bad), 0.07, tolerance))
        for canary_bad, canary_weight in enumerate(binomial(*canary))
        for base_bad, base_weight in enumerate(binomial(*base))
    )


@pytest.mark.parametrize("base_rate", [0.0, 0.02, 0.2, 0.5])
@pytest.mark.parametrize("tolerance", [Tolerance(1.25, 0.002), Tolerance(1.0, 0.0), Tolerance(0.0, 0.2)])
@pytest.mark.parametrize("p1", [0.3, 0.7, 1.0])
def test_a_canary_on_the_tolerance_never_pays_on_average(base_rate: float, tolerance: Tolerance, p1: float) -> None:
    on_the_edge = tolerance.of(base_rate)
    assert expectation(p1, (12, on_the_edge), (20, base_rate), tolerance) <= 1.0 + 1e-12
    assert expectation(p1, (12, on_the_edge / 2), (20, base_rate), tolerance) <= 1.0 + 1e-12


@pytest.mark.parametrize("base_rate", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("worse_by", [1.0, 1.5])
def test_a_canary_beyond_the_margin_never_pays_for_safety(base_rate: float, worse_by: float) -> None:
    margin = Tolerance(1.2, 0.05)
    canary_rate = min(1.0, worse_by * margin.of(base_rate))
    assert expectation(0.03, (12, canary_rate), (20, base_rate), margin) <= 1.0 + 1e-12


def test_a_real_regression_pays() -> None:
    assert expectation(0.5, (12, 0.5), (20, 0.07), Tolerance(1.25, 0.002)) > 10.0


def test_a_bet_that_points_the_wrong_way_is_not_placed() -> None:
    canary, base, tolerance = Count(60, 5), Count(1140, 900), Tolerance(1.25, 0.0002)
    # The tolerance is at 99 %, so that p₁ = 0.5 would be a bet on the canary being better.
    assert log_es((0.5,), canary, base, 0.79, tolerance) != [0.0]
    assert log_es((0.5,), canary, base, 0.79, tolerance, above=True) == [0.0]


def test_dispersion_divides_the_evidence() -> None:
    canary, base, tolerance = Count(60, 5), Count(1140, 9), Tolerance(1.25, 0.0002)
    alone = log_e(0.03, canary, base, 0.01, tolerance)
    assert log_e(0.03, canary, base, 0.01, tolerance, dispersion=3.0) == pytest.approx(alone / 3.0, rel=1e-14)


def test_tiny_base_rates_lose_no_digits() -> None:
    # r = 1, d = 0, q = 1: the quadratic is linear and p′ = (p₁ + p̂)/2, so B = p̂/p′ is known in closed form.
    p1, tiny = 0.5, 1e-13
    expected = 20 * log1p((p1 - tiny) / (p1 + tiny)) + 3 * log(2 * tiny / (p1 + tiny))
    actual = log_e(p1, Count(40, 20), Count(40, 3), tiny, Tolerance(1.0, 0.0))
    assert actual == pytest.approx(expected, rel=1e-9)


arms = st.sampled_from([1, 7, 10**3, 10**9]).flatmap(
    lambda requests: st.sampled_from([0, 1, requests // 2, requests]).map(lambda bad: Count(requests, bad))
)


@given(
    arms,
    arms,
    st.sampled_from([1e-12, 1e-9, 0.01, 0.5, 0.999, 1.0]),
    st.sampled_from([Tolerance(1.25, 0.0002), Tolerance(1.0, 0.0), Tolerance(0.0, 0.01), Tolerance(100, 1)]),
)
def test_every_extreme_is_finite(canary: Count, base: Count, base_rate: float, tolerance: Tolerance) -> None:
    for metric in (MetricSettings("5XXError", tolerance=tolerance), orders()):
        for gains in (
            harm_log_es(metric, canary, base, base_rate),
            safety_log_es(metric, tolerance, canary, base, base_rate),
        ):
            assert all(map(isfinite, gains))


@given(
    canary=st.integers(1, 2000),
    base=st.integers(1, 2000),
    base_rate=st.floats(1e-6, 1.0),
    data=st.data(),
)
def test_one_more_canary_error_never_helps_the_canary(
    canary: int, base: int, base_rate: float, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, canary - 1))
    base_count = Count(base, data.draw(st.integers(0, base)))
    fewer, more = Count(canary, bad), Count(canary, bad + 1)
    margin = Tolerance(3.0, 0.01)
    for metric, sign in ((MetricSettings("5XXError", MetricKind.ERRORS), 1), (orders(), -1)):
        harm = zip(
            harm_log_es(metric, fewer, base_count, base_rate),
            harm_log_es(metric, more, base_count, base_rate),
            strict=True,
        )
        assert all(sign * before <= sign * after for before, after in harm)
        safety = zip(
            safety_log_es(metric, margin, fewer, base_count, base_rate),
            safety_log_es(metric, margin, more, base_count, base_rate),
            strict=True,
        )
        assert all(sign * before >= sign * after for before, after in safety)
