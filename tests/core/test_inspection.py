"""Access-log formats as a preflight reads them."""

from __future__ import annotations

import pytest

from rollout.core.inspection import logged_variables


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"status":"$context.status"}', {"status"}),
        ('{"status":$context.status,"ms":$context.responseLatency}', {"status", "responseLatency"}),
        ('{"who":"$context.identity.sourceIp $context.identity.caller"}', {"identity.sourceIp", "identity.caller"}),
        ("{}", set()),
    ],
)
def test_a_json_format_says_what_it_logs(written: str, expected: set[str]) -> None:
    assert logged_variables(written) == frozenset(expected)


@pytest.mark.parametrize("written", ["$context.requestId $context.status", "", '["$context.status"]', '{"status":'])
def test_a_format_that_is_no_json_object_says_nothing(written: str) -> None:
    assert logged_variables(written) is None
