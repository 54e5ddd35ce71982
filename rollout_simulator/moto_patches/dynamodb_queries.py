"""DynamoDB queries that cost what they find.

moto copies and sorts the whole table for each query. AWS reads the items of one key, or of an index. Here a query
looks at the items of its key alone or, by an index, at those that have the index's attributes. Results are the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.dynamodb.models.table import Table

from rollout_simulator.moto_patches.patching import replacements

_TABLE = replacements(
    Table,
    query="sorts and copies all items of the table for each query",
    all_items="is what query calls for the items to look at",
)
_looked_at: ContextVar[list[Any] | None] = ContextVar("_looked_at", default=None)


@contextmanager
def patched() -> Iterator[None]:
    """For as long as this is open."""
    query_everything, all_items = Table.query, Table.all_items
    signature = inspect.signature(query_everything)

    def query(table: Table, *arguments: Any, **named: Any) -> Any:
        asked = signature.bind(table, *arguments, **named).arguments
        token = _looked_at.set(_in_question(table, asked["hash_key"], asked.get("index_name")))
        try:
            return query_everything(table, *arguments, **named)
        finally:
            _looked_at.reset(token)

    def narrowed(table: Table) -> list[Any]:
        items = _looked_at.get()
        return all_items(table) if items is None else items

    with _TABLE(query=query, all_items=narrowed):
        yield


def _in_question(table: Table, hash_key: Any, index_name: str | None) -> list[Any] | None:
    """The items that a query can find, in the table's order; None for all."""
    if not table.range_key_attr or (index_name is None and hash_key is None):
        return None
    found: Iterable[Any]
    if index_name is None:
        found = table.items.get(hash_key, {}).values()
    else:
        schemas = [index.schema for index in table.all_indexes() if index.name == index_name]
        names = {key["AttributeName"] for schema in schemas for key in schema}
        found = (item for items in table.items.values() for item in items.values() if names <= item.attrs.keys())
    return sorted(found, key=lambda item: (item.hash_key, item.range_key))
