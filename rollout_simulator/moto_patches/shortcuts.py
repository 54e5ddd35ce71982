"""Results that moto and botocore compute for every call although they never change; a fifth of a run's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.utils import method_names_from_class

from rollout_simulator.moto_patches.patching import replacements

_RESPONSES = replacements(responses, method_names_from_class="looks the methods of a class up anew for each call")
_USER_AGENT = replacements(UserAgentString, to_string="puts the text together anew for each call")

USER_AGENT = "rollout-pilot-simulator"


@contextmanager
def taken() -> Iterator[None]:
    """For as long as this is open."""
    methods = _RESPONSES(method_names_from_class=cache(method_names_from_class))
    with methods, _USER_AGENT(to_string=lambda _: USER_AGENT):
        yield
