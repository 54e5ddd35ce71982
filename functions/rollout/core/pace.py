"""How long to wait until the next analysis.

Minutes are counted all the same, however many are read at once, so a slower pace loses no evidence; it only sees it
later. Days of baking should not cost dollars: the longer a step has been quiet, the longer the next look can wait, up
to the request's limit. Near a verdict, after a change, and when a person is expected, every minute is looked at.
"""

from __future__ import annotations

QUIET_SHARE = 0.1
"""The wait is at most this share of the time that the step has baked."""

NEAR_VERDICT = 0.25
"""Evidence beyond this share of its limit is near a verdict."""


def minutes_to_wait(*, judged: int, bake_minutes: int, evidence_share: float, most: int) -> int:
    """Whole minutes until the next analysis, from 1 to `most`.

    judged: minutes of this step judged so far. evidence_share: log evidence of harm over its limit (negative when the
    canary looks better than tolerated).
    """
    if evidence_share > NEAR_VERDICT:
        return 1
    quiet = int(judged * QUIET_SHARE)
    left = bake_minutes - judged
    soonest_end = left if left > 0 else 1
    return max(1, min(quiet, soonest_end, most))
