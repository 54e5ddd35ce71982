"""What CloudWatch learns of the controller itself, so that the template's own alarms see what they watch.

Its functions' printed metrics (Embedded Metric Format), the functions' Invocations and Errors, and the depth of its
queue. AWS/States and the functions' throttles are not simulated: nothing here runs into those limits.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from moto.sqs.models import sqs_backends

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import SECONDS_PER_MINUTE
from rollout_simulator.template import ACCOUNT, REGION

MILLISECONDS_PER_MINUTE = 60_000


class ControllerTelemetry:
    """Publishes what is new whenever it is asked to."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self._functions = [
            name for name in aws.deployment.physical.values() if name.startswith(f"{aws.deployment.stack_name}-")
        ]
        self._read: Counter[str] = Counter()

    def publish(self) -> None:
        """Publish what has come up since the last time; it is seen at once."""
        self._publish_invocations()
        self._publish_printed()
        self._publish_queues()

    def _publish_invocations(self) -> None:
        ended, self._aws.output.ended = self._aws.output.ended, []
        runs = Counter((each.function_name, int(each.started) // SECONDS_PER_MINUTE) for each in ended)
        failed = Counter((each.function_name, int(each.started) // SECONDS_PER_MINUTE) for each in ended if each.failed)
        for (function, minute), number in runs.items():
            errors = Distribution.of_flags(number, failed[function, minute])
            self._add(
                "AWS/Lambda", "Invocations", {"FunctionName": function}, minute, Distribution.of_flags(number, number)
            )
            self._add("AWS/Lambda", "Errors", {"FunctionName": function}, minute, errors)

    def _publish_printed(self) -> None:
        for function in self._functions:
            lines = self._aws.output.since(function, self._read[function])
            self._read[function] += len(lines)
            for line in lines:
                if '"_aws"' in line:
                    self._publish_embedded(json.loads(line))

    def _publish_embedded(self, document: dict[str, Any]) -> None:
        """One line in the Embedded Metric Format: a series for each of its metrics and groups of dimensions."""
        minute = document["_aws"]["Timestamp"] // MILLISECONDS_PER_MINUTE
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                values = Distribution.of_values(value if isinstance(value, list) else [value])
                for group in directive["Dimensions"]:
                    dimensions = {name: str(document[name]) for name in group}
                    self._add(directive["Namespace"], metric["Name"], dimensions, minute, values)

    def _publish_queues(self) -> None:
        minute = int(self._aws.clock.timestamp()) // SECONDS_PER_MINUTE
        for name, queue in sqs_backends[ACCOUNT][REGION].queues.items():
            if depth := queue.approximate_number_of_messages:
                values = Distribution.of_values([float(depth)])
                self._add("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, minute, values)

    def _add(self, namespace: str, metric: str, dimensions: dict[str, str], minute: int, values: Distribution) -> None:
        now = datetime.now(UTC)
        self._aws.metrics.add(namespace, metric, dimensions, minute, values, visible_from=now)
