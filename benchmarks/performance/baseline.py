"""The bare handler that each function is compared with: Logger, the same clients, as many calls to each, nothing else.

Which services it calls, in order, is in the environment; so one file serves for all. It ships nowhere.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

logger = Logger(service="baseline")
CALLED = [service for service in os.environ["CALLED"].split(",") if service]
CLIENTS: dict[str, Any] = {
    service: boto3.client(service, config=Config(retries={"total_max_attempts": 1}))  # type: ignore[call-overload]
    for service in dict.fromkeys(CALLED)
}

CALLS: Mapping[str, Callable[[Any], Any]] = {
    "apigateway": lambda client: client.get_stage(restApiId="a1b2c3d4e5", stageName="prod"),
    "cloudwatch": lambda client: client.describe_alarms(AlarmNames=["none"]),
    "dynamodb": lambda client: client.get_item(
        TableName=os.environ["TABLE_NAME"], Key={"pk": {"S": "none"}, "sk": {"S": "none"}}
    ),
    "events": lambda client: client.put_events(Entries=[{"Source": "baseline", "DetailType": "none", "Detail": "{}"}]),
    "lambda": lambda client: client.get_function_configuration(FunctionName="none"),
    "logs": lambda client: client.describe_log_groups(limit=1),
    "resourcegroupstaggingapi": lambda client: client.get_resources(TagFilters=[{"Key": "none"}]),
    "sns": lambda client: client.publish(TopicArn=os.environ["NOTIFICATION_TOPIC_ARN"], Message="none"),
    "stepfunctions": lambda client: client.describe_execution(
        executionArn="arn:aws:states:us-east-1:123456789012:execution:none:none"
    ),
}


def handler(event: Mapping[str, Any], _context: object) -> Mapping[str, Any]:
    """One cheap call for each that the function makes."""
    for service in CALLED:
        try:
            CALLS[service](CLIENTS[service])
        except ClientError as error:  # what is not there is not there
            logger.debug("not there", extra={"error": str(error)})
    logger.info("done", extra={"keys": len(event)})
    return {"done": True}
