"""DynamoDB's limit on the size of an item: 400 KB, as AWS counts it.

moto adds an updated attribute to the item that still holds its old value, so that an update counts twice; counts
characters and digits by rules of its own; and refuses beyond 405,000. An update that it refuses leaves in the item
what was written before the refusal, or a new item that holds only its key.

AWS: an item has at most 409,600 bytes, the key included, after the write (documented: 400 KB; recorded to the byte by
a public conformance suite). Sizes, all documented ("DynamoDB item sizes and formats") but the number's:

    item          each attribute's name in UTF-8 and its value
    S, B          the bytes, for S in UTF-8
    N             1 + half the digits before the decimal point + half those after it, each half rounded up, + 1 for a
                  minus sign; without leading and trailing zeros; 1 for zero (recorded: the documentation's rule gives
                  less for some)
    BOOL, NULL    1
    L, M          3, and 1 for each element with its name and value
    SS, NS, BS    the sum of the members

PutItem, BatchWriteItem: ValidationException "Item size has exceeded the maximum allowed size". UpdateItem: "Item size
to update has exceeded the maximum allowed size". In a transaction a Put that is too large is the same
ValidationException, before anything is checked; an Update cancels the transaction with the reason ValidationError
(both recorded).

Not modelled: in most regions UpdateItem also refuses an update whose written attributes, with some 20 bytes for each
clause, exceed 409,600 (recorded): up to about 100 bytes less than here. Nor is the size of updates by the legacy
AttributeUpdates checked.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from decimal import Context, Decimal
from typing import Any

from moto.dynamodb.exceptions import ItemSizeTooLarge, ItemSizeToUpdateTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

from rollout_simulator.moto_patches.patching import replacements

MOST_BYTES = 409_600
_ALL_DIGITS = Context(prec=38)

_ATTRIBUTES = replacements(
    LimitedSizeDict, __setitem__="counts an attribute that is written again twice, and refuses beyond 405,000 bytes"
)
_ITEM = replacements(Item, __init__="counts digits and characters by rules of its own")
_UPDATE = replacements(UpdateExpressionExecutor, execute="is where an update is applied")
_BACKEND = replacements(
    DynamoDBBackend,
    update_item="leaves in the item what a refused update had written",
    transact_write_items="answers an Update that is too large with ValidationException; checks a Put after conditions",
)


class ValidationError(Exception):
    """Why a transaction is cancelled; moto takes the reason's code from the name of the class."""


_in_transaction: ContextVar[bool] = ContextVar("_in_transaction", default=False)


@contextmanager
def patched() -> Iterator[None]:
    """Measure items as AWS does for as long as this is open."""
    with ExitStack() as stack:
        for patch in (
            _ATTRIBUTES(__setitem__=dict.__setitem__),
            _ITEM(__init__=_measured(Item.__init__)),
            _UPDATE(execute=_measuring(UpdateExpressionExecutor.execute)),
            _BACKEND(
                update_item=_whole_or_not_at_all(DynamoDBBackend.update_item),
                transact_write_items=_cancelling(DynamoDBBackend.transact_write_items),
            ),
        ):
            stack.enter_context(patch)
        yield


def item_size(item: Mapping[str, Any]) -> int:
    """The bytes that DynamoDB counts for an item, given as in its API (`{"pk": {"S": "a"}}`) or as moto keeps it."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(given: Any) -> int:
    """The bytes that DynamoDB counts for a value without its name."""
    kind, value = (given.type, given.value) if isinstance(given, DynamoType) else next(iter(given.items()))
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return number_size(value)
        case "B":
            return _binary_size(value)
        case "SS" | "NS" | "BS":
            return sum(value_size({kind[0]: member}) for member in value)
        case "L":
            return 3 + sum(1 + value_size(element) for element in value)
        case "M":
            return 3 + len(value) + item_size(value)
    return 1


def number_size(written: str) -> int:
    """The bytes that DynamoDB counts for a number, however it was written."""
    sign, digits, exponent = Decimal(written).normalize(_ALL_DIGITS).as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return 1
    before = max(len(digits) + exponent, 0) if exponent < 0 else len(digits)
    after = len(digits) - before
    return 1 + -(-before // 2) + -(-after // 2) + sign


def _binary_size(value: bytes | str) -> int:
    """moto keeps a binary value as the API's Base64, or decoded."""
    if isinstance(value, bytes):
        return len(value)
    return len(value) * 3 // 4 - value[-2:].count("=")


def _measured(init: Any) -> Any:
    def construct(item: Any, *args: Any, **kwargs: Any) -> None:
        init(item, *args, **kwargs)
        if item_size(item.attrs) > MOST_BYTES:
            raise ItemSizeTooLarge

    return construct


def _measuring(execute: Any) -> Any:
    def measured(executor: Any, node: Any = None) -> None:
        execute(executor, node)
        # It calls itself for each clause; the item counts when all are done.
        if node is None and item_size(executor.item.attrs) > MOST_BYTES:
            raise ItemSizeTooLarge

    return measured


def _whole_or_not_at_all(update: Any) -> Any:
    def update_item(backend: Any, table_name: str, key: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        before = copy.deepcopy(backend.get_item(table_name, key))
        try:
            return update(backend, table_name, key, *args, **kwargs)
        except Exception as error:
            _put_back(backend.get_table(table_name), key, before)
            if isinstance(error, ItemSizeToUpdateTooLarge) and _in_transaction.get():
                raise ValidationError(error.exception_msg) from error
            raise

    return update_item


def _put_back(table: Any, key: Mapping[str, Any], item: Any) -> None:
    hash_key = DynamoType(key[table.hash_key_attr])
    if table.range_key_attr is None:
        items, last = table.items, hash_key
    else:
        items, last = table.items[hash_key], DynamoType(key[table.range_key_attr])
    if item is None:
        items.pop(last, None)
    else:
        items[last] = item


def _cancelling(transact: Any) -> Any:
    def transact_write_items(backend: Any, transact_items: Sequence[Mapping[str, Any]]) -> None:
        for item in transact_items:
            if "Put" in item and item_size(item["Put"]["Item"]) > MOST_BYTES:
                raise ItemSizeTooLarge
        token = _in_transaction.set(True)
        try:
            transact(backend, transact_items)
        finally:
            _in_transaction.reset(token)

    return transact_write_items
