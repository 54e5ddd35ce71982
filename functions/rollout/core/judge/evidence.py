"""What the judge remembers between two minutes. A value: as small after a week as after a minute, and
plain JSON.

Logarithms are natural. JSON keeps every digit of a float, so that what is read back is what was written. Lists of
numbers are written as one string each, and what is at its default is left out: a record has room for many metrics.

Edition. The second edition of the judge writes version 2. A record of the first edition is read without loss, see
`first_edition`.
"""

from collections.abc import Iterable, Mapping
from math import floor, isfinite
from typing import Any, NamedTuple, Self

from .dispersion import Spread, estimate
from .errors import InvalidEvidence
from .readings import Count, Moments, Totals
from .settings import split_route
from .split import Split

VERSION = 2
FIRST_EDITION = 1
MOST_MISSED = 60
"""So many minutes of a step without a point are remembered, for the case that their points come late."""

LONGEST_TEXT = 300
"""Bytes of a route's evidence in the record."""
DIGITS = 3
"""After the point, of the logarithms in it below 100."""

Wealth = tuple[float, ...]


class Scale(NamedTuple):
    """For a business value: the blocks counted and the squares of their differences, to know what is
    usual."""

    minutes: int = 0
    squares: float = 0.0


class MetricEvidence(NamedTuple):
    """What one metric has shown.

    `past_base` and `past_canary` are all that left `pending`, counted or dropped, over the whole rollout; the
    base's with its history. `canary` and `base` are the sums of this step, as they are shown. `pending_…` is
    the block that is not closed yet, to which `pending_minutes` were added.

    `harm` and `harm_capped` hold ln W of each bet over the whole rollout, `safety` those of this step, for each
    line (empty before the first block). `blocks` were closed in this step, `seen` of its minutes had points;
    `missing` is the run of the newest that had none, `silent` of those without a request in both arms.
    `warmed` minutes of this step were shown and not counted because the canary was new at its weight.
    `missed` are the minutes without points, by number, that may still be read.
    """

    past_base: Totals
    canary: Totals
    base: Totals
    past_canary: Totals
    pending_canary: Totals
    pending_base: Totals
    pending_minutes: int = 0
    newest: tuple[Totals, Totals] | None = None
    """The newest minute's own counts (canary, base), if it went into the newest block."""
    harm: Wealth = ()
    harm_capped: Wealth = ()
    safety: tuple[Wealth, ...] = ()
    proven: bool = False
    rungs: int = 0
    """How many of the steps that an advance may go to were proven safe, from the lowest on."""
    half_as_bad: bool = False
    """Whether the canary was shown to be at most half as bad as the base."""
    fast: bool = False
    """Whether the newest minute alone is bad enough for the fast lane."""
    comparable: bool = True
    """Whether the newest minute could be compared: latency cannot where the base fails."""
    blocks: int = 0
    seen: int = 0
    missing: int = 0
    silent: int = 0
    warmed: int = 0
    missed: tuple[int, ...] = ()
    spread: Spread = Spread()
    harm_scale: Scale = Scale()
    safety_scale: Scale = Scale()

    @classmethod
    def fresh(cls, history: Totals) -> Self:
        """Before the first minute, of the base's sums from before the rollout."""
        nothing: Totals = Moments(0, 0.0) if isinstance(history, Moments) else Count(0, 0)
        return cls(history, nothing, nothing, nothing, nothing, nothing)

    @property
    def nothing(self) -> Totals:
        """No requests, or no samples."""
        return Moments(0, 0.0) if isinstance(self.canary, Moments) else Count(0, 0)

    @property
    def is_pending(self) -> bool:
        """Whether a block is open."""
        return self.pending_minutes > 0

    def in_new_step(self) -> Self:
        """The same, with all that belongs to a step started afresh. `pending` must be empty."""
        return self._replace(
            canary=self.nothing,
            base=self.nothing,
            newest=None,
            safety=(),
            proven=False,
            rungs=0,
            half_as_bad=False,
            fast=False,
            blocks=0,
            seen=0,
            missing=0,
            silent=0,
            warmed=0,
            safety_scale=Scale(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        block: dict[str, Any] = {
            "kind": "value" if isinstance(self.canary, Moments) else "count",
            "pastBase": _text(self.past_base),
            "pastCanary": _text(self.past_canary),
            "canary": _text(self.canary),
            "base": _text(self.base),
            "pending": _text([*self.pending_canary, *self.pending_base, self.pending_minutes]),
            "newest": "" if self.newest is None else _text([*self.newest[0], *self.newest[1]]),
            "harm": _text(self.harm),
            "harmCapped": "" if self.harm_capped == self.harm else _text(self.harm_capped),
            "safety": [_text(wealth) for wealth in self.safety],
            "proven": self.proven,
            "rungs": self.rungs,
            "halfAsBad": self.half_as_bad,
            "fast": self.fast,
            "incomparable": not self.comparable,
            "blocks": self.blocks,
            "seen": self.seen,
            "missing": self.missing,
            "silent": self.silent,
            "warmed": self.warmed,
            "missed": _text(_as_differences(self.missed)),
            "spread": "" if self.spread == Spread() else _text(self.spread),
            "harmScale": "" if self.harm_scale == Scale() else _text(self.harm_scale),
            "safetyScale": "" if self.safety_scale == Scale() else _text(self.safety_scale),
        }
        return {name: value for name, value in block.items() if value}

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        is_value = {"count": False, "value": True}[block["kind"]]

        def totals(numbers: list[Any]) -> Totals:
            requests, rest = numbers
            return Moments(requests, rest) if is_value else Count(requests, rest)

        def flag(name: str) -> bool:
            return bool(block.get(name, False))

        def count(name: str) -> int:
            return int(block.get(name, 0))

        pending = _numbers(block["pending"])
        newest = _numbers(block.get("newest", ""))
        wealth = _floats(block.get("harm", ""))
        return cls(
            totals(_numbers(block["pastBase"])),
            totals(_numbers(block["canary"])),
            totals(_numbers(block["base"])),
            totals(_numbers(block["pastCanary"])),
            totals(pending[:2]),
            totals(pending[2:4]),
            int(pending[4]),
            (totals(newest[:2]), totals(newest[2:])) if newest else None,
            wealth,
            _floats(block["harmCapped"]) if "harmCapped" in block else wealth,
            tuple([_floats(each) for each in block.get("safety", ())]),
            flag("proven"),
            count("rungs"),
            flag("halfAsBad"),
            flag("fast"),
            not flag("incomparable"),
            count("blocks"),
            count("seen"),
            count("missing"),
            count("silent"),
            count("warmed"),
            _from_differences(_numbers(block.get("missed", ""))),
            Spread(*_numbers(block["spread"])) if "spread" in block else Spread(),
            Scale(*_numbers(block["harmScale"])) if "harmScale" in block else Scale(),
            Scale(*_numbers(block["safetyScale"])) if "safetyScale" in block else Scale(),
        )

    def to_text(self) -> str:
        """The compact form of a route's, of at most `LONGEST_TEXT` bytes: the counts, ln W of each bet, and the capped
        ones where they are others.

        The logarithms are rounded downwards: less than an e-value is one, too. What a route has
        not got (safety, missed minutes, the dispersion) is left out, and so is what only the newest minute needs.
        """
        counts = (*self.past_base, *self.past_canary, *self.canary, *self.base)
        pending = (*self.pending_canary, *self.pending_base, self.pending_minutes)
        state = (self.blocks, self.seen)
        parts = [_text(counts), _text(pending if self.pending_minutes else ()), _text(state), _rounded(self.harm)]
        if self.harm_capped != self.harm:
            parts.append(_rounded(self.harm_capped))
        return "|".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The inverse of `to_text`."""
        counts, pending, state, harm, *capped = text.split("|")
        numbers, open_block = _numbers(counts), _numbers(pending) or [0, 0, 0, 0, 0]
        sums = [Count(*numbers[at : at + 2]) for at in range(0, 8, 2)]
        blocks, seen = _numbers(state)
        wealth = _floats(harm)
        return cls(
            sums[0],
            sums[2],
            sums[3],
            sums[1],
            Count(*open_block[:2]),
            Count(*open_block[2:4]),
            int(open_block[4]),
            harm=wealth,
            harm_capped=_floats(capped[0]) if capped else wealth,
            blocks=int(blocks),
            seen=int(seen),
        )


class Evidence(NamedTuple):
    """All that a rollout has shown so far.

    `last_minute` is the newest minute counted (None before the first); `minutes` were judged in all,
    `step_minutes` of them in `step`, of which `bake_minutes` were measured: every required metric had its
    points. `step_starts` later steps have had their first minute; `starts` is the first minute of each step
    (None where it is not known). `base_failed` says that the base failed before the rollout, `splits` what
    each source has shown of the split in this step, `ended_splits` in those before, of which minutes are
    missed. `baked_before` minutes were measured in the steps before.
    """

    metrics: Mapping[str, MetricEvidence]
    last_minute: int | None = None
    minutes: int = 0
    step: int = 0
    step_minutes: int = 0
    step_starts: int = 0
    bake_minutes: int = 0
    starts: tuple[int | None, ...] = ()
    base_failed: bool = False
    splits: Mapping[str, Split] = {}
    ended_splits: Mapping[int, Mapping[str, Split]] = {}
    baked_before: int = 0

    def starts_of(self, step: int, minute: int) -> int:
        """The first minute of a step; of one that has none yet, or whose is not known, `minute`."""
        start = self.starts[step] if step < len(self.starts) else None
        return minute if start is None else start

    def step_of(self, minute: int) -> int | None:
        """The step that a minute counted so far belongs to; None if that is not known."""
        at = self.step
        while at >= 0:
            start = self.starts[at] if at < len(self.starts) else None
            if start is not None and start <= minute:
                return at
            at -= 1
        return None

    def missed_minutes(self) -> tuple[int, ...]:
        """The minutes of which some metric had no point, and which may still be read; in order."""
        return tuple(sorted({minute for metric in self.metrics.values() for minute in metric.missed}))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "version": VERSION,
            "lastMinute": self.last_minute,
            "minutes": self.minutes,
            "step": self.step,
            "stepMinutes": self.step_minutes,
            "stepStarts": self.step_starts,
            "bakeMinutes": self.bake_minutes,
            "bakedBefore": self.baked_before,
            "starts": list(self.starts),
            "baseFailed": self.base_failed,
            "splits": _splits_to_dict(self.splits),
            "endedSplits": {str(step): _splits_to_dict(splits) for step, splits in self.ended_splits.items()},
            "metrics": {name: each.to_dict() for name, each in self.metrics.items() if not split_route(name)[1]},
            "routes": {name: each.to_text() for name, each in self.metrics.items() if split_route(name)[1]},
        }

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> "Evidence":
        """The inverse of `to_dict`; also reads what the first edition wrote. Raises InvalidEvidence for anything
        else."""
        if not isinstance(block, Mapping) or block.get("version") not in {FIRST_EDITION, VERSION}:
            raise InvalidEvidence(f"the stored evidence is not of version {VERSION} of the judge")
        try:
            if block["version"] == FIRST_EDITION:
                from .first_edition import upgraded  # noqa: PLC0415 - the start of every function would pay for it

                block = upgraded(block)
            return _of_second_edition(block)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InvalidEvidence(f"the stored evidence is damaged: {error!r}") from error


def learned(evidence: Evidence) -> dict[str, float]:
    """The dispersion φ of each metric that this rollout saw enough of, between 1 and 10.

    For `MetricSettings.dispersion` of later rollouts; meaningful after a promotion.
    """
    estimates = {name: estimate(metric.spread) for name, metric in evidence.metrics.items()}
    return {name: phi for name, phi in estimates.items() if phi is not None}


def _of_second_edition(block: Mapping[str, Any]) -> Evidence:
    return Evidence(
        {
            **{name: MetricEvidence.from_dict(metric) for name, metric in block["metrics"].items()},
            **{name: MetricEvidence.from_text(text) for name, text in block.get("routes", {}).items()},
        },
        None if block["lastMinute"] is None else int(block["lastMinute"]),
        int(block["minutes"]),
        int(block["step"]),
        int(block["stepMinutes"]),
        int(block["stepStarts"]),
        int(block["bakeMinutes"]),
        tuple([None if start is None else int(start) for start in block["starts"]]),
        bool(block["baseFailed"]),
        _splits_from_dict(block["splits"]),
        {int(step): _splits_from_dict(splits) for step, splits in block["endedSplits"].items()},
        int(block.get("bakedBefore", 0)),
    )


def _splits_to_dict(splits: Mapping[str, Split]) -> dict[str, Any]:
    return {
        source: _text([split.canary, split.total, *split.logs, int(split.doubted)]) for source, split in splits.items()
    }


def _splits_from_dict(block: Mapping[str, Any]) -> dict[str, Split]:
    splits = {}
    for source, text in block.items():
        canary, total, *logs, doubted = _numbers(text)
        splits[source] = Split(int(canary), int(total), tuple(map(float, logs)), bool(doubted))
    return splits


def _text(numbers: Iterable[float]) -> str:
    return " ".join(map(repr, numbers))


def _rounded(logs: Iterable[float]) -> str:
    """Downwards, to so many digits that what is far from everything takes no more room than the rest."""
    return " ".join(map(_floored, logs))


def _floored(log: float) -> str:
    size = abs(log)
    digits = DIGITS if size < 100.0 else 1 if size < 10_000.0 else 0
    scale = 10**digits
    return f"{floor(log * scale) / scale:.{digits}f}"


def _numbers(text: str) -> list[Any]:
    numbers = [int(each) if each.lstrip("-").isdigit() else float(each) for each in text.split()]
    if not all(map(isfinite, numbers)):
        raise ValueError("a logarithm is not finite")
    return numbers


def _floats(text: str) -> Wealth:
    return tuple(map(float, _numbers(text)))


def _as_differences(minutes: tuple[int, ...]) -> list[int]:
    """The first as it is, each other as the difference to the one before."""
    return [minute - before for before, minute in zip((0, *minutes), minutes, strict=False)]


def _from_differences(numbers: Iterable[int]) -> tuple[int, ...]:
    minutes: list[int] = []
    for number in numbers:
        minutes.append(int(number) + (minutes[-1] if minutes else 0))
    return tuple(minutes)
