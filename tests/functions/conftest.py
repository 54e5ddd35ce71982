"""Every test of the functions has a world of its own."""

from __future__ import annotations

import pytest

from tests.functions.world import World


@pytest.fixture
def world() -> World:
    """A stage with nothing going on."""
    return World()
