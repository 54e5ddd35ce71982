"""The first edition of the judge, frozen: one metric of errors, its defaults, for comparison in the same draws.

The product's judge has moved on. This is the rule that it replaced, written anew with nothing but `math`, so that a
change of the product cannot move the figure that it is compared with. It agrees with the vectors of its time (a test
keeps that).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt

from benchmarks.judge.ending import Ending
from benchmarks.judge.traffic import BAKE, LONGEST, STEPS, WEIGHTS, Rollouts
from rollout.core.judge import Action

HARM_BETS = (1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
SAFETY_BETS = (0.1, 0.3, 0.5, 0.7, 0.85)
ALPHA, BETA = 0.01, 0.05
LIMIT, PROOF, CAP = -log(ALPHA), -log(BETA), -0.5 * log(ALPHA)
RELATIVE, ABSOLUTE = 1.25, 0.0002
GATE_RELATIVE, GATE_ABSOLUTE = 2.0, 0.005
FIRST_MINUTE, STEP_STARTS, EVERY_MINUTE, HAZARD = 0.5, 0.3, 0.2, 1.0 / 60.0
FAST_BAD, FAST_EXCESS = 20, 0.25
SUSPICIOUS_SILENCE_MINUTES, SUSPICIOUS_SILENCE_REQUESTS = 3, 7.0

Counts = Sequence[Sequence[int]]
"""By step, then by minute of the step."""


class FirstEdition:
    """One rollout as the first edition judges it; φ is `dispersion`."""

    def __init__(self, history: tuple[int, int], dispersion: float = 1.0) -> None:
        self.base_requests, self.base_bad = history
        self.dispersion = dispersion
        self.harm = [0.0] * len(HARM_BETS)
        self.harm_capped = [0.0] * len(HARM_BETS)
        self.minutes = self.step = self.step_starts = 0
        self._begin_step()

    def _begin_step(self) -> None:
        self.safety = [0.0] * len(SAFETY_BETS)
        self.proven = self.fast = False
        self.step_minutes = self.measured = self.silent = 0
        self.step_sums = [0, 0]

    def minute(self, canary: tuple[int, int], base: tuple[int, int]) -> Action:
        """What it does after one more minute of counts (requests, bad)."""
        stake = self._stake()
        rate = (self.base_bad + 1.0) / (self.base_requests + 1000.0)
        both = bool(canary[0] and base[0])
        tolerated = RELATIVE * rate + ABSOLUTE
        gains = [self._log_e(k * tolerated, canary, base, rate, RELATIVE, ABSOLUTE, 1.0) for k in HARM_BETS]
        self.harm = [exp(gain) * (wealth + stake) for wealth, gain in zip(self.harm, gains, strict=True)]
        self.harm_capped = [
            exp(min(gain, CAP)) * (wealth + stake) for wealth, gain in zip(self.harm_capped, gains, strict=True)
        ]
        relative, absolute = _margin(self.step)
        edge = relative * rate + absolute
        for index, share in enumerate(SAFETY_BETS):
            self.safety[index] += self._log_e(share * edge, canary, base, rate, relative, absolute, -1.0)
        self.base_requests += base[0]
        self.base_bad += base[1]
        self.minutes += 1
        self.step_minutes += 1
        self.measured += both
        self.silent = 0 if both else self.silent + 1
        self.step_sums = [self.step_sums[0] + canary[0], self.step_sums[1] + base[0]]
        self.proven = self.proven or _log_mean_exp(self.safety) >= PROOF
        self.fast = both and canary[1] >= FAST_BAD and canary[1] / canary[0] - base[1] / base[0] >= FAST_EXCESS
        return self._action()

    @property
    def log_e(self) -> float:
        """ln E, without the cap."""
        return self._log_evidence(self.harm)

    @property
    def log_e_capped(self) -> float:
        """ln E, with the cap."""
        return self._log_evidence(self.harm_capped)

    def _log_evidence(self, wealth: Sequence[float]) -> float:
        left = EVERY_MINUTE * (1.0 - HAZARD) ** (self.minutes - 1) + STEP_STARTS * (
            1.0 - self.step_starts / (STEPS - 1)
        )
        return log(sum(wealth) / len(wealth) + left)

    def _stake(self) -> float:
        if not self.minutes:
            return FIRST_MINUTE
        any_time = EVERY_MINUTE * HAZARD * (1.0 - HAZARD) ** (self.minutes - 1)
        if self.step_minutes or not self.step:
            return any_time
        self.step_starts += 1
        return any_time + STEP_STARTS / (STEPS - 1)

    def _log_e(
        self,
        bet: float,
        canary: tuple[int, int],
        base: tuple[int, int],
        rate: float,
        relative: float,
        absolute: float,
        side: float,
    ) -> float:
        if not canary[0] or not base[0]:
            return 0.0
        p1 = min(1.0, bet)
        rq = relative * canary[0] / base[0]
        c = 1.0 + rq
        h = p1 * rq + relative * rate - absolute * c
        root = sqrt(h * h + 4.0 * relative * rate * absolute * c)
        a = 2.0 * c * p1 / (h + 2.0 * absolute * c + root)
        if (a - 1.0) * side < 0.0:
            return 0.0
        b = 2.0 * c * relative * rate / (h + root) if h >= 0.0 else (root - h) / (2.0 * absolute)
        log_e = canary[1] * log(a) + base[1] * log(b) - canary[0] * absolute * (a - 1.0)
        return min(log_e / self.dispersion, 600.0)

    def _action(self) -> Action:
        if self.log_e_capped >= LIMIT or (self.fast and self.log_e >= LIMIT):
            return Action.ROLL_BACK
        if self.step_minutes < BAKE:
            return Action.CONTINUE
        if self.measured and self.proven and not self._suspiciously_silent():
            if self.step + 1 == STEPS:
                return Action.PROMOTE
            self.step += 1
            self._begin_step()
            return Action.ADVANCE
        return Action.HOLD if self.step_minutes >= LONGEST else Action.EXTEND

    def _suspiciously_silent(self) -> bool:
        before = self.step_minutes - self.silent
        if self.silent < SUSPICIOUS_SILENCE_MINUTES:
            return False
        return min(self.step_sums) / before * self.silent >= SUSPICIOUS_SILENCE_REQUESTS


def _margin(step: int) -> tuple[float, float]:
    scale = min(10.0, 1.0 / float(WEIGHTS[step + 1])) if step + 1 < STEPS else 1.0
    return 1.0 + scale * (GATE_RELATIVE - 1.0), scale * GATE_ABSOLUTE


def _log_mean_exp(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + log(sum(exp(each - top) for each in logs) / len(logs))


def follow_all(rollouts: Rollouts, dispersion: float = 1.0) -> list[Ending]:
    """Every rollout to its end by the first edition's rules."""
    histories = zip(
        rollouts.history_requests.sum(axis=1).tolist(), rollouts.history_bad.sum(axis=1).tolist(), strict=True
    )
    arms = zip(*(each.tolist() for each in rollouts.arms), strict=True)
    endings = (follow(history, *arm, dispersion=dispersion) for history, arm in zip(histories, arms, strict=True))
    return [ending.counted(rollouts, index) for index, ending in enumerate(endings)]


def follow(
    history: tuple[int, int],
    canary_requests: Counts,
    canary_bad: Counts,
    base_requests: Counts,
    base_bad: Counts,
    *,
    dispersion: float = 1.0,
) -> Ending:
    """One rollout to its end by the first edition's rules."""
    judge = FirstEdition(history, dispersion)
    step_minutes = [0]
    while True:
        step, minute = judge.step, judge.step_minutes
        canary = canary_requests[step][minute], canary_bad[step][minute]
        action = judge.minute(canary, (base_requests[step][minute], base_bad[step][minute]))
        step_minutes[-1] += 1
        if action.ends:
            return Ending(action, tuple(step_minutes))
        if action is Action.ADVANCE:
            step_minutes.append(0)
