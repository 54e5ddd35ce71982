"""What handlers print is kept per function, whenever their loggers were made."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from rollout_simulator.moto_patches import lambda_output


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
    """A logger that took hold of its stream before the simulation began, as that of a module imported long ago."""
    made = logging.getLogger(request.node.name)
    handler = logging.StreamHandler(io.StringIO())
    made.addHandler(handler)
    made.setLevel(logging.INFO)
    yield made
    made.removeHandler(handler)


def test_each_functions_lines_are_its_own() -> None:
    with lambda_output.captured() as output:
        for name in ("one", "other"):
            with output.of(name):
                sys.stdout.write(f"from {name}\n")
    assert (["from one"], ["from other"]) == (output.lines("one"), output.lines("other"))


def test_a_logger_made_before_prints_into_the_simulation_and_afterwards_where_it_did(logger: logging.Logger) -> None:
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.stream
    with lambda_output.captured() as output, output.of("one"):
        logger.info("told")
    assert ["told"] == output.lines("one")
    logger.info("later")
    assert "later\n" == before.getvalue()


def test_what_is_printed_outside_of_an_invocation_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with lambda_output.captured():
        sys.stdout.write("shown\n")
    assert "shown\n" == capsys.readouterr().out
