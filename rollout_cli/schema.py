"""`rollout schema`: the JSON Schema of a request."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of a request."""
    from rollout.request.schemas import request_schema  # noqa: PLC0415

    typer.echo(json.dumps(request_schema(), indent=2, ensure_ascii=False))
