"""AWS's error codes, as the services document them, in our words."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from rollout.adapters.faults import translated
from rollout.errors import NotAllowed, RolloutError, Throttled, Unavailable

DENIED = (
    "AccessDenied",  # query services such as CloudWatch and SNS
    "AccessDeniedException",  # JSON services such as DynamoDB, Lambda, Step Functions; API Gateway, too
    "UnauthorizedException",  # API Gateway
    "UnauthorizedOperation",
    "UnrecognizedClientException",  # an access key that does not exist
    "InvalidClientTokenId",  # the same of query services
    "ExpiredToken",
    "ExpiredTokenException",
)
TOO_MANY = (
    "ProvisionedThroughputExceededException",  # DynamoDB
    "RequestLimitExceeded",  # DynamoDB, for an account
    "Throttling",  # query services
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",  # API Gateway, Lambda
)
PASSING = (
    "InternalError",
    "InternalFailure",
    "InternalServerError",  # DynamoDB
    "InternalServiceError",
    "InternalServiceException",
    "InternalServiceFault",  # CloudWatch
    "LimitExceededException",
    "ServiceException",  # Lambda
    "ServiceUnavailable",
    "ServiceUnavailableException",  # API Gateway
    "TransactionConflictException",  # DynamoDB
    "TransactionInProgressException",  # DynamoDB
)
EXPECTED: dict[str, type[RolloutError]] = {
    **dict.fromkeys(DENIED, NotAllowed),
    **dict.fromkeys(TOO_MANY, Throttled),
    **dict.fromkeys(PASSING, Unavailable),
}


def answered(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "UpdateStage",
    )


@pytest.mark.parametrize("code", EXPECTED)
def test_an_error_that_every_service_may_answer_with_is_called_what_it_is(code: str) -> None:
    with pytest.raises(RolloutError, match=f"UpdateStage prod: {code}: why") as caught, translated("UpdateStage prod"):
        raise answered(code)
    assert EXPECTED[code] is type(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_unknown_error_with_a_status_of_trouble_is_worth_another_try(status: int) -> None:
    with pytest.raises(Unavailable), translated("UpdateStage prod"):
        raise answered("NeverHeardOf", status)


@pytest.mark.parametrize("status", [400, 404, 409, 428, 430, 499])
def test_what_a_service_says_of_the_request_itself_is_for_the_adapter_to_understand(status: int) -> None:
    with pytest.raises(ClientError, match="NeverHeardOf"), translated("UpdateStage prod"):
        raise answered("NeverHeardOf", status)


def test_an_answer_that_does_not_come_is_worth_another_try() -> None:
    with pytest.raises(Unavailable, match="UpdateStage prod: Connect timeout"), translated("UpdateStage prod"):
        raise ConnectTimeoutError(endpoint_url="https://apigateway.example")
