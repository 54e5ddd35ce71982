"""Claim: see that a target is this controller's before anything else of it is read."""

from __future__ import annotations

from rollout.core.controllers import Claim, Owner, beyond_reach, claim_on
from rollout.core.target import Target
from rollout.errors import NotOurs, TargetMissing
from rollout.ports import Ports


def check_claim(ports: Ports, target: Target) -> None:
    """Refuse a target that another controller claims, or that has not opted in.

    Raises: NotOurs, and what the ports raise.
    """
    claim = claim_of(ports, target)
    if claim.owner is not Owner.OURS:
        raise NotOurs(claim.reason, by_another=claim.owner is Owner.ANOTHERS)


def claim_of(ports: Ports, target: Target) -> Claim:
    """Whose the target is; one that does not exist is for whoever is asked.

    Raises: what the ports raise.
    """
    own = ports.controllers.own
    tag = None if beyond_reach(target, own) else _tag(ports, target)
    others = () if tag == own.name else ports.controllers.others()
    return claim_on(target, tag, own, others)


def _tag(ports: Ports, target: Target) -> str | None:
    try:
        return ports.inspector(target).opted_in_by(target)
    except TargetMissing:
        return None
