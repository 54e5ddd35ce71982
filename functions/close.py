"""Record how the rollout ended and release its target."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.close import close
from rollout.tasks.next import Next


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`; `request`, `execution` and `failure` for one that could not even be prepared; `lastTry`."""
    return close(
        ports,
        event["rolloutId"],
        request=event.get("request"),
        execution=event.get("execution", ""),
        failure=event.get("failure", ""),
        last_try=event.get("lastTry", False),
    )
