"""A rollout that began under the first edition goes on under the second with the same evidence.

The first edition's E is the plain mean of its eight bets and 0.5, 0.3 and 0.2 of stake. Each bet's wealth is
scaled to its weight here, W' = W/(8·weight), so that Σ weight'·W' is that mean; the stake that is not yet in is
smaller here (0.2 and 0.1), and of what is over the share for any time goes to the learning bet now. So E does not
grow by the reading, it stays a supermartingale from one rule to the other, and α holds over the whole rollout. All
that was seen is kept; of the stake on later starts a third is given up.

The e-processes of the new safety lines start at 1 now, which is valid at any time; what was proven stays proven.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any

from . import harm
from .log_space import log_plus


def upgraded(block: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the second edition. Raises what a damaged one brings about: KeyError, ValueError and the like."""
    minutes = int(block["minutes"])
    over = 0.0 if minutes == 0 else (0.2 - harm.EVERY_MINUTE) * (1.0 - harm.HAZARD) ** (minutes - 1)
    step, step_minutes = int(block["step"]), int(block["stepMinutes"])
    return {
        "lastMinute": block["lastMinute"],
        "minutes": minutes,
        "step": step,
        "stepMinutes": step_minutes,
        "stepStarts": block["stepStarts"],
        "bakeMinutes": step_minutes,
        "starts": [None] * (step + 1 if step_minutes else step),
        "baseFailed": False,
        "splits": {},
        "endedSplits": {},
        "metrics": {name: _metric(metric, over) for name, metric in block["metrics"].items()},
    }


def _metric(block: Mapping[str, Any], over: float) -> dict[str, Any]:
    is_value = "harmScale" in block
    measured = block["measured"]
    sums = ("harmScale", "safetyScale") if is_value else ("spread",)
    return {
        "kind": "value" if is_value else "count",
        "pastBase": _text(block["pastBase"]),
        "pastCanary": _text(block["canary"]),
        "canary": _text(block["canary"]),
        "base": _text(block["base"]),
        "pending": _text([0, 0.0, 0, 0.0, 0] if is_value else [0, 0, 0, 0, 0]),
        "harm": _text(_rescaled(block["harm"], over)),
        "harmCapped": _text(_rescaled(block["harmCapped"], over)),
        "safety": [_text(block["safety"])] if block["safety"] else [],
        "proven": block["proven"],
        "fast": block["fast"],
        "blocks": measured,
        "seen": measured,
        "silent": block["silent"],
        "warmed": measured,
        **{name: _text(block[name]) for name in sums},
    }


def _rescaled(wealth: Sequence[float], over: float) -> Sequence[float]:
    """The first edition's bets as the second weighs them; the stake that is `over` goes to the learning bet."""
    if not wealth:
        return ()
    if len(wealth) != len(harm.KAPPAS):
        return [log_plus(each, over) if over else each for each in wealth]
    scaled = [each - log(len(wealth) * weight) for each, weight in zip(wealth, harm.WEIGHTS, strict=False)]
    return (*scaled, log(over / harm.LEARNING_WEIGHT))


def _text(numbers: Iterable[float]) -> str:
    return " ".join(map(repr, numbers))
