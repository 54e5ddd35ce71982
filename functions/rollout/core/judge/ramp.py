"""The rungs of a ramp: which the evidence allows, and what the next one still lacks.

Law: a rung is taken when, for every required metric, it and every lower one are proven safe, three minutes of this
weight are measured, and the combined evidence of harm is below 0.74 (a raise under suspicion makes it worse). The step
before 100 % needs the ordinary gate and the ramp's measured minutes in all. Thirty minutes without a raise: a person
decides. A probe, the only rung before a plan of steps, then goes on: what follows is what a plan may begin with.

The guarantee: with probability 1 − β a step, no weight is taken at which an excess that was present throughout the
step costs more than the ramp's risk before the next look. An excess that begins later, or only under load, is caught by
harm.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import log
from typing import NamedTuple

from . import explain, safety
from .evidence import Evidence, MetricEvidence
from .plan import Plan, Ramp, Step, exposed, is_probe, reachable
from .settings import JudgeSettings, MetricSettings
from .verdict import Proof

WEIGHTS = tuple(Decimal(each) for each in ("0.1", "0.2", "0.5", "1", "2", "5", "10", "25", "50"))
LEAST_MINUTES = 3
LONGEST_MINUTES = 30
"""Measured; of any kind three times as many."""
LONGEST_OF_ANY_KIND = 90
MINUTES_BESIDE_A_BAKE = 4.5
"""What any step takes beside its judged minutes: the metric lag and the rest of the minute of the weight change."""
SUSPICION = log(0.74)
LEAST_REQUESTS = 200.0
"""So many canary requests a minute are enough to convict a disaster in one."""
REACTION_MINUTES = 2
"""Beside the lag: the minute of the raise and the one that is judged."""


def rungs(ramp: Ramp) -> Plan:
    """All of them."""
    return tuple(Step(weight, LEAST_MINUTES, ramp=ramp) for weight in WEIGHTS)


def seen_after(plan: Plan, lag_minutes: int) -> Plan:
    """The plan whose raises cost no more than their risk though a minute is seen so late."""
    return tuple(
        step._replace(ramp=step.ramp._replace(lag_minutes=lag_minutes)) if step.ramp else step for step in plan
    )


def from_start(plan: Plan, requests_per_minute: float) -> Plan:
    """The plan without the rungs below the one at which this traffic begins; of a plan without a ramp all."""
    ramp = plan[0].ramp
    if ramp is None:
        return plan
    most = ramp.risk_seconds / (60.0 * (ramp.lag_minutes + REACTION_MINUTES))
    wanted = LEAST_REQUESTS / requests_per_minute if requests_per_minute > 0.0 else most
    start = min(most, max(plan[0].weight, wanted))
    skipped = sum(step.ramp is not None and step.weight <= start + 1e-12 for step in plan)
    return plan[max(0, skipped - 1) :]


def likely_course(plan: Plan) -> tuple[Plan, int]:
    """The steps that a canary takes which is as good as the base under traffic enough, each with its measured minutes;
    and the minutes of them all."""
    taken, step, measured = [], 0, 0
    while step < len(plan):
        here = plan[step]
        minutes, targets = here.bake_minutes, reachable(plan, step)
        if here.ramp is not None and exposed(plan, targets[-1]) == 1.0:
            minutes = max(minutes, here.ramp.soak_minutes - measured)
        taken.append(here._replace(bake_minutes=minutes))
        measured += minutes
        step = targets[-1]
    return tuple(taken), measured


class Rise(NamedTuple):
    """How far a ramp may rise now: `to` is the step, None where it stays; `words` say what it is raised by, or what
    comes next. `blocking` is the metric that it waits for."""

    to: int | None
    words: str
    blocking: str | None
    proof: Proof


def rise(evidence: Evidence, settings: JudgeSettings, plan: Plan, safe: frozenset[str], log_e: float) -> Rise:
    """The highest rung that is allowed. `safe` are the names of the metrics that are proven for the lowest."""
    targets = reachable(plan, evidence.step)
    gating = [metric for metric in settings.metrics if metric.gates]
    reached, blocking = len(targets), None
    for metric in gating:
        seen = evidence.metrics[metric.name]
        of_it = _reached(seen, metric, settings, plan, evidence.step) if metric.name in safe else 0
        if of_it < reached:
            reached, blocking = of_it, metric
    to = targets[reached - 1] if reached else None
    lacks = () if _has_waited(plan, evidence) else _lacks(evidence, plan, to, log_e)
    target = targets[min(reached, len(targets) - 1)] if to is None else to
    waits = [blocking] if blocking is not None and to is None else gating
    proofs = [_proof(evidence, each, settings, plan, target, is_proven=to is not None) for each in waits]
    proof = min(proofs, key=lambda each: each.log_s)
    if to is None and _has_waited(plan, evidence):
        shown = f"{evidence.bake_minutes} min of the probe show no harm"
        return Rise(target, f"to {_weight(proof)} without that proof: {shown}", None, proof)
    if to is not None and not lacks:
        return Rise(to, f"to {_weight(proof)}: {proof.words} is proven, {_of(proof, settings)}", None, proof)
    when = f"for {proof.words} is proven, now" if proof.proven else f"when {proof.words} is proven; now"
    words = [f"next: {_weight(proof)} {when} {_of(proof, settings)}", *lacks]
    return Rise(None, "; ".join(words), proof.metric, proof)


def _has_waited(plan: Plan, evidence: Evidence) -> bool:
    """Whether this is a probe that has measured as much as any rung may. The step after it is one that a plan may begin
    with, so it needs no proof.
    """
    return is_probe(plan, evidence.step) and evidence.bake_minutes >= LONGEST_MINUTES


def _reached(seen: MetricEvidence, metric: MetricSettings, settings: JudgeSettings, plan: Plan, step: int) -> int:
    """How many of the steps that can be reached this metric allows; a metric with one gate for all allows all."""
    gates, targets = safety.gates(metric.kind, settings.gate, plan, step), reachable(plan, step)
    return seen.rungs if len(gates) == len(targets) else len(targets) * bool(seen.rungs)


def _lacks(evidence: Evidence, plan: Plan, to: int | None, log_e: float) -> Sequence[str]:
    """What is missing beside the proof."""
    found, ramp = [], plan[evidence.step].ramp
    if evidence.bake_minutes < LEAST_MINUTES:
        found.append(f"{evidence.bake_minutes} of {LEAST_MINUTES} min measured at this weight")
    measured = evidence.baked_before + evidence.bake_minutes
    if ramp is not None and to is not None and exposed(plan, to) == 1.0 and measured < ramp.soak_minutes:
        found.append(f"{measured} of {ramp.soak_minutes} min measured in all")
    if log_e >= SUSPICION:
        found.append(f"odds of harm are {explain.odds(log_e)}, a raise needs less than {explain.odds(SUSPICION)}")
    return found


def _proof(
    evidence: Evidence, metric: MetricSettings, settings: JudgeSettings, plan: Plan, target: int, *, is_proven: bool
) -> Proof:
    """How near this metric is to what the raise to this step needs."""
    gates, targets = safety.gates(metric.kind, settings.gate, plan, evidence.step), reachable(plan, evidence.step)
    gate = targets.index(target) if len(gates) == len(targets) else 0
    seen = evidence.metrics[metric.name]
    weight = plan[target].weight_percent if target < len(plan) else Decimal(100)
    log_s = safety.log_evidence(seen.safety, len(gates), gate)
    return Proof(metric.name, weight, gates[gate], log_s, is_proven)


def _weight(proof: Proof) -> str:
    return f"{float(proof.weight_percent):g} %"


def _of(proof: Proof, settings: JudgeSettings) -> str:
    return f"{explain.odds(proof.log_s)} of {explain.odds(settings.log_proof)}"
