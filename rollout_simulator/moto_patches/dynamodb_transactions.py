"""DynamoDB transactions that cost what they write.

moto copies its whole table once for each item of a transaction, to restore it when the transaction fails, so that a
table of thousands of items takes seconds to write to. Here only the items that the transaction names are copied and
restored. Results are the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from rollout_simulator.moto_patches.patching import replacements

_BACKEND = replacements(DynamoDBBackend, transact_write_items="copies the whole table once for each item it writes")
_MODELS = replacements(models, copy="is what transact_write_items copies tables with")


@contextmanager
def patched() -> Iterator[None]:
    """For as long as this is open."""
    original = DynamoDBBackend.transact_write_items

    def transact(backend: DynamoDBBackend, transact_items: Sequence[Any]) -> None:
        before = list(_items_before(backend, transact_items))
        try:
            original(backend, list(transact_items))
        except Exception:
            for table, hash_key, range_key, item in before:
                _put_back(table, hash_key, range_key, item)
            raise

    with (
        _BACKEND(transact_write_items=transact),
        _MODELS(copy=SimpleNamespace(deepcopy=_copy_of_anything_but_tables)),
    ):
        yield


def _copy_of_anything_but_tables(value: Any) -> Any:
    return value if isinstance(value, Table) else copy.deepcopy(value)


def _items_before(
    backend: DynamoDBBackend, transact_items: Sequence[Any]
) -> Iterator[tuple[Table, DynamoType, DynamoType, Any]]:
    for transact_item in transact_items:
        (operation,) = transact_item.values()
        table = backend.tables.get(operation.get("TableName"))
        if table is None:
            continue
        attributes = operation.get("Key") or operation.get("Item", {})
        if table.hash_key_attr in attributes and table.range_key_attr in attributes:
            hash_key, range_key = (
                DynamoType(attributes[table.hash_key_attr]),
                DynamoType(attributes[table.range_key_attr]),
            )
            yield table, hash_key, range_key, copy.deepcopy(table.items.get(hash_key, {}).get(range_key))


def _put_back(table: Table, hash_key: DynamoType, range_key: DynamoType, item: Any) -> None:
    if item is not None:
        table.items[hash_key][range_key] = item
    elif hash_key in table.items:
        table.items[hash_key].pop(range_key, None)
