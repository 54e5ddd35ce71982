"""How near each raise of a ramp came to its proof, and what was proven when the weight was raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout.core.decision import Decision
from rollout.core.judge import Proof, Tolerance
from rollout.core.rollout import Rollout
from rollout.core.target import Json

MOST_LOOKS = 240


@dataclass(frozen=True, slots=True)
class RampLook:
    """One analysis of a ramp, at `minute` since the rollout began.

    percent: the weight of the next raise. words: what it needs to be proven. log_proof: ln of the odds of that, and
    log_limit of the odds that are enough. proven: whether they were enough by then. raised: whether this look raised
    the weight.
    """

    minute: float
    step: int
    percent: float
    words: str
    log_proof: float
    log_limit: float
    proven: bool
    raised: bool

    @property
    def share(self) -> float:
        """Of the evidence that is needed; 1 is enough."""
        return self.log_proof / self.log_limit


def ramp_looks(rollout: Rollout, history: Sequence[Json]) -> tuple[RampLook, ...]:
    """Every look of a ramp; of a long one about `MOST_LOOKS`, with each raise and the last look. None of another plan,
    nor of an older version's lines.
    """
    looks = [
        RampLook(
            minute=(datetime.fromisoformat(line["at"]) - rollout.started_at).total_seconds() / 60,
            step=line["step"],
            percent=proof["weightPercent"],
            words=Proof(
                proof["metric"], proof["weightPercent"], Tolerance(*proof["margin"]), proof["logS"], proof["proven"]
            ).words,
            proven=proof["proven"],
            log_proof=proof["logS"],
            log_limit=rollout.settings.judge.log_proof,
            raised=line["decision"] in (Decision.ADVANCE, Decision.PROMOTE),
        )
        for line in history
        if (proof := line.get("analysis", {}).get("proof"))
    ]
    every = -(-len(looks) // MOST_LOOKS) if looks else 1
    last = len(looks) - 1
    return tuple(look for at, look in enumerate(looks) if look.raised or at == last or at % every == 0)
