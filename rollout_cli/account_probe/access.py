"""The account as the probe sees it: everything that reaches outside is given in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

_T = TypeVar("_T")

THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "TooManyRequests"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
GONE = frozenset({"NotFoundException", "ResourceNotFoundException", "NoSuchEntity"})
"""What the services call these three."""


@dataclass(frozen=True, slots=True)
class Access:
    """client: makes a boto3 client of a service. client_of_role: the same with credentials of AssumeRole. now, sleep:
    the clock, in UTC and in seconds. invoke: the body that a GET of this URL answers with; raises OSError.
    """

    client: Callable[[str], Any]
    client_of_role: Callable[[Mapping[str, Any], str], Any]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    invoke: Callable[[str], str]

    def patiently(
        self, call: Callable[[], _T], *, also: frozenset[str] = frozenset(), seconds: float = 120.0, pause: float = 5.0
    ) -> _T:
        """What the call answers; it is made again for so long while AWS throttles it, or refuses it with one of `also`.

        CreateDeployment is allowed once in 5 seconds, DeleteRestApi once in 30 (documented quotas of an account).

        Raises: ClientError.
        """
        tried = 0.0
        while True:
            try:
                return call()
            except ClientError as error:
                if code_of(error) not in THROTTLED | also or tried >= seconds:
                    raise
            self.sleep(pause)
            tried += pause

    def until(self, true: Callable[[], bool], *, seconds: float, pause: float = 1.0) -> bool:
        """Whether this became true within so many seconds."""
        waited = 0.0
        while not true():
            if waited >= seconds:
                return False
            self.sleep(pause)
            waited += pause
        return True


def code_of(error: ClientError) -> str:
    """AWS's name for the error."""
    return str(error.response["Error"]["Code"])


def words_of(error: ClientError) -> str:
    """What AWS said."""
    return str(error.response["Error"].get("Message") or code_of(error))
