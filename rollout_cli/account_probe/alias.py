"""Questions about an alias of a function, asked of the probe's own."""

from __future__ import annotations

from botocore.exceptions import ClientError

from rollout_cli.account_probe.access import code_of, words_of
from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.subject import ALIAS, Subject

WEIGHTS = (0.0001, 0.12345)
"""The smallest that the product may need, and one of five decimals."""
_REFUSALS = frozenset({"InvalidParameterValueException", "ValidationException"})


def alias_weight_precision(subject: Subject) -> Answer:
    """Weights that are small and that have many decimals: written, and read back."""
    base, candidate = subject.versions
    changed = []
    for weight in WEIGHTS:
        try:
            subject.functions.update_alias(
                FunctionName=subject.name,
                Name=ALIAS,
                FunctionVersion=base,
                RoutingConfig={"AdditionalVersionWeights": {candidate: weight}},
            )
        except ClientError as error:
            if code_of(error) not in _REFUSALS:
                raise
            return Answer("refused", f"{weight:g}: {words_of(error)}")
        alias = subject.functions.get_alias(FunctionName=subject.name, Name=ALIAS)
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        if (shown := weights.get(candidate, 0.0)) != weight:
            changed.append(f"{weight:g} became {shown:g}")
    return Answer("rounded", ", ".join(changed)) if changed else Answer("kept")
