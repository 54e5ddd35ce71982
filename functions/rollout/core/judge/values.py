"""One block of a business value: the mean of the canary's samples against that of the base's.

Order values are heavy-tailed and their spread is unknown, so the block's difference

    D = mean_c − (r·mean_b + d)

is judged by its sign, and its size only decides how much is staked on the sign. With the tolerance kept,
D is distributed around some μ ≥ 0; if that distribution is symmetric with one mode, then *given the size*
|D| the sign "−" has probability at most ½. A gambler who stakes the share b(|D|) on it therefore plays an
unfavourable game,

    e = 1 − b·sign(D),          0 ≤ b ≤ 1,          E[e | |D|, past] ≤ 1,

whatever the spread of this minute, of the others, or of the shape. b = tanh(δ·|D|/σ) makes e the
likelihood ratio of the sign for normal differences with an effect of δ standard deviations. σ is the root
mean square of the differences so far, this one included (its size is given, only its sign is the bet),
which makes the whole scale-free.

Both arms are measured in the same minute, so what moves both (a campaign, the night) cancels. Minutes
have different numbers of samples; z = D·√h with h = 1/(1/n_c + r²/n_b) has the same variance in all.

This is the t-test made anytime-valid in the manner of Lai, *On Confidence Sequences* (1976), and of
Pérez-Ortiz, Lardy, de Heide & Grünwald, *E-statistics, Group Invariance and Anytime-Valid Testing*
(2024), who bet on what is left of the data when their scale is taken out, |D|/σ and the signs; but it
bets on the signs only, in the manner of Efron, *Student's t-Test under Symmetry Conditions* (1969). It
gives up speed (at most a factor of 2 in a minute, so seven minutes to reach 100:1) for what a product needs:
a one-sided null, minutes of unequal spread, heavy tails, and no conviction by a single minute. What it still
assumes is symmetry: with only a few samples of a skewed value the sign is not quite a fair coin, so a block has
at least 20 in both arms.
"""

from math import exp, log, log1p, sqrt

from . import harm, safety
from .evidence import Scale
from .readings import Moments
from .settings import MetricSettings, Tolerance

_LN2 = log(2.0)


def standardised(canary: Moments, base: Moments, tolerance: Tolerance) -> float:
    """z = D·√h: the minute's difference from what is tolerated, in units of one sample's spread."""
    relative, absolute = tolerance
    difference = canary.total / canary.samples - (relative * base.total / base.samples + absolute)
    return difference / sqrt(1.0 / canary.samples + relative * relative / base.samples)


def sign_log_es(z: float, scale: Scale, effects: tuple[float, ...], dispersion: float = 1.0) -> list[float]:
    """ln(1 + tanh(δ·z/σ)) for each effect δ: bets that differences are positive. Swap the sign of z for
    the other.

    `scale` includes this minute. Zero differences say nothing.
    """
    if not scale.squares or not z:
        return [0.0] * len(effects)
    usual = sqrt(scale.squares / scale.minutes)
    return [_log_one_plus_tanh(effect * z / usual) / dispersion for effect in effects]


def _log_one_plus_tanh(y: float) -> float:
    """ln(1 + tanh y) = ln 2 − ln(1 + exp(−2y))."""
    return _LN2 - log1p(exp(-2.0 * y)) if y > -300.0 else _LN2 + 2.0 * y


def harm_log_es(metric: MetricSettings, canary: Moments, base: Moments, scale: Scale) -> tuple[list[float], Scale]:
    """ln e of one block against "within tolerance", for each bet; and the scale with this block."""
    z = standardised(canary, base, metric.tolerance)
    scale = Scale(scale.minutes + 1, scale.squares + z * z)
    return sign_log_es(-z, scale, harm.EFFECTS, metric.phi), scale


def safety_log_es(
    metric: MetricSettings, margin: Tolerance, canary: Moments, base: Moments, scale: Scale
) -> tuple[list[float], Scale]:
    """ln e of one block against "beyond the margin", for each bet; and the scale with this block."""
    z = standardised(canary, base, margin)
    scale = Scale(scale.minutes + 1, scale.squares + z * z)
    return sign_log_es(z, scale, safety.EFFECTS, metric.phi), scale
