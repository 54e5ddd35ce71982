"""Decide what the rollout does next."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.analyze import analyze
from rollout.tasks.next import Next


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`."""
    return analyze(ports, event["rolloutId"])
