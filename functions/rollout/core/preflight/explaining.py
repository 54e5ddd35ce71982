"""Which of preflight's warnings explain that a rollout is held: it was said beforehand, with the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rollout.core.judge import MetricKind, Standing, judge

if TYPE_CHECKING:
    from rollout.core.findings import Finding
    from rollout.core.rollout import Rollout

EXPLAINS: Mapping[str, frozenset[Standing]] = {
    "no-recent-data": frozenset({Standing.UNMEASURED}),
    "lag-too-short": frozenset({Standing.UNMEASURED}),
    "canary-unseen": frozenset({Standing.UNMEASURED}),
    "canary-without-series": frozenset({Standing.UNMEASURED}),
    "not-looked-at": frozenset({Standing.UNMEASURED}),
    "weak-step": frozenset({Standing.UNMEASURED, Standing.UNDECIDED}),
    "cache-unused": frozenset({Standing.HARMFUL}),
}
"""By a warning's code: as what a metric then stands that it was about, or any where it was about none. All others
explain no hold.
"""


def explaining(rollout: Rollout) -> Sequence[Finding]:
    """The warnings of a held rollout which say why a metric stands in its way; none where none does.

    A metric that is harmful outweighs all that are not proven: only what explains the harm is told then.
    """
    if not rollout.warnings or rollout.step < 0:
        return ()
    verdicts = judge(rollout.evidence, rollout.settings.judge, rollout.settings.plan).verdicts
    standing = {each.name: each.verdict for each in verdicts if each.required and not each.dry_run}
    harmful = {each.name: each.verdict for each in verdicts if each.verdict is Standing.HARMFUL and not each.dry_run}
    kinds = {metric.name: metric.kind for metric in rollout.settings.judge.metrics}
    if harmful:  # a cache makes the base faster, and nothing else
        standing = {name: each for name, each in harmful.items() if kinds.get(name) is MetricKind.LATENCY}
    return tuple(finding for finding in rollout.warnings if _explains(finding, standing))


def _explains(finding: Finding, standing: Mapping[str, Standing]) -> bool:
    about = finding.metrics or standing.keys()
    return any(standing.get(name) in EXPLAINS.get(finding.code, ()) for name in about)
