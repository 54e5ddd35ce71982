"""Which of preflight's warnings explain that a rollout is held: it was said beforehand, with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollout.core.judge import Standing, judge

if TYPE_CHECKING:
    from rollout.core.findings import Finding
    from rollout.core.rollout import Rollout

_OF_SILENCE = frozenset({"no-recent-data", "access-log-missing", "access-log-unfit", "canary-unseen", "not-looked-at"})
"""Warned of where a required metric was then not measured."""
_OF_LITTLE_TRAFFIC = frozenset({"weak-step"})
"""Warned of where a required metric was then measured and not proven."""


def explaining(rollout: Rollout) -> Sequence[Finding]:
    """The warnings of a rollout that waits for want of proof which say why there is none; none of any other."""
    if not rollout.warnings or rollout.step < 0:
        return ()
    verdicts = judge(rollout.evidence, rollout.settings.judge, rollout.settings.plan).verdicts
    lacking = {verdict.verdict for verdict in verdicts if verdict.required and not verdict.dry_run}
    codes: frozenset[str] = frozenset()
    if Standing.HARMFUL in lacking:
        return ()
    if Standing.UNMEASURED in lacking:
        codes |= _OF_SILENCE | _OF_LITTLE_TRAFFIC
    if Standing.UNDECIDED in lacking:
        codes |= _OF_LITTLE_TRAFFIC
    return tuple(finding for finding in rollout.warnings if finding.code in codes)
