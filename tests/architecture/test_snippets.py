"""The template snippets that users copy are valid, and say what the code reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.adapters.access_log_metrics import ROUTE_STATUS, AccessLogMetrics
from rollout.core.access_log import DIMENSIONS, LATENCY, STATUS, VALUES, AccessLog, MetricFilter
from rollout.core.custom_metrics import PLACEHOLDERS
from rollout.core.sources import access_log_series
from rollout.core.target import Target
from rollout_simulator.example_api import ACCESS_LOG_FORMAT

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = ROOT / "examples" / "snippets"
ACCESS_LOG = SNIPPETS / "access-log-metrics.yaml"


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, which are kept as plain values."""


_Template.add_multi_constructor("!", lambda _loader, _tag, node: node.value)


def filters() -> list[dict[str, Any]]:
    resources = yaml.load(ACCESS_LOG.read_text(), _Template)["Resources"]
    found = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Logs::MetricFilter"]
    return [{**each["MetricTransformations"][0], "pattern": each["FilterPattern"]} for each in found]


@pytest.mark.parametrize("path", sorted(SNIPPETS.glob("*.yaml")), ids=lambda path: path.name)
def test_a_snippet_is_a_template_without_faults(path: Path) -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), str(path)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_the_filters_publish_what_is_read() -> None:
    series = access_log_series(Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"}))
    assert series is not None
    *of_all, of_routes = filters()
    for each, (metric, field) in zip(of_all, [(STATUS, "status"), (LATENCY, "responseLatency")], strict=True):
        assert (each["MetricNamespace"], each["MetricName"]) == (AccessLogMetrics.namespace, metric)
        assert (each["MetricValue"], each["pattern"]) == (f"$.{field}", f"{{ $.{field} = * }}")
        assert "DefaultValue" not in each  # a metric with dimensions may have none
        assert [one["Key"] for one in each["Dimensions"]] == list(series.base)
        assert {one["Key"]: one["Value"].removeprefix("$.") for one in each["Dimensions"]} == DIMENSIONS
    assert (of_routes["MetricName"], of_routes["MetricValue"]) == (ROUTE_STATUS, "$.status")
    assert [one["Key"] for one in of_routes["Dimensions"]] == ["ApiId", "Canary", "Route"]
    assert "DefaultValue" not in of_routes


@pytest.mark.parametrize("path", [ACCESS_LOG, ROOT / "docs" / "guide" / "access-logs.md"], ids=lambda path: path.name)
def test_the_format_that_is_shown_is_the_one_that_preflight_wants(path: Path) -> None:
    assert ACCESS_LOG_FORMAT in path.read_text()
    made = [
        MetricFilter("x", each["pattern"], each["MetricNamespace"], each["MetricName"], each["MetricValue"], dimensions)
        for each in filters()
        for dimensions in [{one["Key"]: one["Value"] for one in each["Dimensions"]}]
    ]
    log = AccessLog("arn:aws:logs:x:1:log-group:orders", ACCESS_LOG_FORMAT, made)
    assert log.fits(list(VALUES), {"ApiId": "a1b2c3d4e5", "Stage": "prod"})


@pytest.mark.parametrize("kind", PLACEHOLDERS)
def test_every_placeholder_is_in_the_guide(kind: str) -> None:
    guide = (ROOT / "docs" / "guide" / "custom-metrics.md").read_text()
    assert [name for name in PLACEHOLDERS[kind] if f"{{{name}}}" not in guide] == []
