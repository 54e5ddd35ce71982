"""What moto and botocore work out again for every call although it never changes; a fifth of a simulation's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.utils import method_names_from_class

from rollout_simulator.moto_patches.patching import replaced

USER_AGENT = "rollout-pilot-simulator"


@contextmanager
def taken() -> Iterator[None]:
    """For as long as this is open."""
    with ExitStack() as stack:
        stack.enter_context(replaced(responses, "method_names_from_class", cache(method_names_from_class)))
        stack.enter_context(replaced(UserAgentString, "to_string", lambda _: USER_AGENT))
        yield
