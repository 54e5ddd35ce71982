"""The answer of preflight: what would be rolled out, and everything that speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

from rollout.core.findings import Finding, Severity
from rollout.core.preflight.checks import findings
from rollout.core.preflight.observations import Observations
from rollout.core.preflight.prospect import Prospect, prospect_of
from rollout.core.rollout_request import RolloutRequest


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """findings: errors first. A request with an error is refused; warnings are shown, and kept with the rollout."""

    prospect: Prospect
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What refuses the request."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def preflight(request: RolloutRequest, observed: Observations) -> PreflightResult:
    """Judge what was observed, and touch nothing."""
    prospect = prospect_of(request, observed)
    return PreflightResult(prospect, findings(prospect))
