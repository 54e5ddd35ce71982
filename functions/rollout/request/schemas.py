"""The published JSON Schemas, made of the types that the code itself is checked against."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from rollout.core.events import (
    CauseDocument,
    CountDocument,
    EffectDocument,
    MomentsDocument,
    StateChanged,
    VerdictDocument,
)
from rollout.core.target import Json
from rollout.request.model import REQUESTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Untitled(GenerateJsonSchema):
    """Without the titles that only repeat the fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Never."""
        return False


def request_schema() -> Json:
    """The JSON Schema of a request."""
    kinds = [(model, "validation") for model in REQUESTS.values()]
    _, definitions = models_json_schema(kinds, by_alias=True, schema_generator=_Untitled)  # type: ignore[arg-type]
    return {
        "$schema": DIALECT,
        "title": "Rollout request",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in REQUESTS.values()],
        **definitions,
    }


def state_changed(*, strict: bool = False) -> TypeAdapter[StateChanged]:
    """Validates the detail of a `Rollout State Changed` event.

    A receiver ignores fields that it does not know, for a later version may have more; `strict` refuses them.
    """
    config = with_config(ConfigDict(extra="forbid" if strict else "ignore", use_attribute_docstrings=True))
    for part in (CauseDocument, CountDocument, EffectDocument, MomentsDocument, VerdictDocument, StateChanged):
        config(part)
    return TypeAdapter(StateChanged)


def state_changed_schema() -> Json:
    """The JSON Schema of the detail of a `Rollout State Changed` event."""
    schema = state_changed().json_schema(schema_generator=_Untitled)
    return {"$schema": DIALECT, **schema, "title": "Rollout State Changed"}
