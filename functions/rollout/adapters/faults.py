"""AWS's errors in our words. Every adapter makes its calls inside `translated`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from rollout.errors import NotAllowed, Throttled, Unavailable

_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "ExpiredToken",
        "ExpiredTokenException",
    }
)
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_PASSING = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceFault",
        "InternalServiceError",
        "InternalServiceException",
        "LimitExceededException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


def code_of(error: ClientError) -> str:
    """The error code that AWS answered with."""
    return error.response.get("Error", {}).get("Code", "")


def message_of(error: ClientError) -> str:
    """The message that AWS answered with."""
    return error.response.get("Error", {}).get("Message", "")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise NotAllowed, Throttled or Unavailable for the errors that every service shares.

    `what` says what was attempted. Other client errors pass through: they are the adapter's to understand.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        text = f"{what}: {code}: {message_of(error)}"
        if code in _DENIED:
            raise NotAllowed(text) from error
        if code in THROTTLED:
            raise Throttled(text) from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _PASSING or status >= 500 or status == 429:
            raise Unavailable(text) from error
        raise
    except BotoCoreError as error:  # time-outs, broken connections, no endpoint
        raise Unavailable(f"{what}: {error}") from error
