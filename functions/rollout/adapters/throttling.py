"""Clients that wait out throttling, and repeat nothing else.

A throttled call was not carried out, so unlike any other failure it can be sent again unseen, whatever it does. What is
sent again at once keeps what the task has reached so far; when the whole task were repeated, its calls before would
be made once more, and where hundreds of rollouts share one account's rate they would take each other's.
"""

from __future__ import annotations

import random
from typing import Any

from rollout.adapters.faults import THROTTLED

MOST_ATTEMPTS = 7
LONGEST_PAUSE_SECONDS = 8.0
"""All pauses of one call together last 31 s at most, 16 s on average: within the functions' time-out."""


def wait_out_throttling(client: Any) -> Any:
    """The same client, which sends a throttled call again after a pause (exponential, with full jitter)."""
    client.meta.events.register_first("needs-retry", _pause)
    return client


def _pause(response: tuple[Any, Any] | None, attempts: int, **_: object) -> float | None:
    """Botocore asks so after each attempt: the seconds to wait before the next one, or None for no opinion."""
    if response is None or attempts >= MOST_ATTEMPTS:
        return None
    if response[1].get("Error", {}).get("Code") not in THROTTLED:
        return None
    return random.uniform(0, min(LONGEST_PAUSE_SECONDS, 2.0 ** (attempts - 1)))
