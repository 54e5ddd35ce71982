"""The errors of API Gateway's control plane, with the code and the HTTP status that botocore shows.

    ApiGatewayException
    ├── BadRequest            BadRequestException        400
    ├── NotFound              NotFoundException          404
    ├── Conflict              ConflictException          409
    └── LimitExceeded         LimitExceededException     429

The codes and statuses are those of the service's own model.
"""

from __future__ import annotations

from moto.apigateway.exceptions import ApiGatewayException


class BadRequest(ApiGatewayException):
    """The request is invalid in the present state."""

    def __init__(self, message: str) -> None:
        super().__init__("BadRequestException", message)


class NotFound(ApiGatewayException):
    """There is no such API, stage or deployment."""

    code = 404

    def __init__(self, message: str) -> None:
        super().__init__("NotFoundException", message)


class Conflict(ApiGatewayException):
    """Something of that name exists, or another change of the resource is in progress."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ConflictException", message)


class LimitExceeded(ApiGatewayException):
    """A quota of the account is used up."""

    code = 429

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)
