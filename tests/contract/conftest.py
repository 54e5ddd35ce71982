"""An empty account at noon, for the adapters that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from moto import mock_aws

from tests.contract.aws import NOW


@pytest.fixture
def aws() -> Iterator[None]:
    """moto, with a clock that stands still."""
    with time_machine.travel(NOW, tick=False), mock_aws():
        yield
