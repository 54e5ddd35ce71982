"""The judge: is the canary harmful, proven safe, or neither yet?

It looks every minute, and may: its evidence is an e-process, whose probability of ever convicting a
canary within tolerance is at most α however often one looks. Read it in this order:

    minute      the e-value of one block of counts          values      ... of one block of a mean
    harm        all blocks, against "within tolerance"      safety      this step, against "beyond the margin"
    split       is what was measured what was sent?         effect      how large the difference is
    observing   readings → evidence                         judging     evidence → action
    settings, plan, readings, evidence, verdict             the values that go in, stay, and come out
    explain     numbers → words                             parse       recordings → values
    replaying   the judge over recorded minutes             previewing  what a plan can and cannot see
    dispersion  how clumped errors are                      information the bound nobody can beat
    first_edition   what an earlier version has stored

Pure arithmetic: no clock, no environment, no randomness, no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dispersion import Spread
from .effect import Effect
from .errors import InvalidEvidence, InvalidInput, InvalidReading, InvalidSettings
from .evidence import Evidence, MetricEvidence, learned
from .plan import Plan, Ramp, Step
from .readings import Count, MinuteReading, Moments, Pair, Totals
from .settings import PRESETS, FastLane, JudgeSettings, MetricKind, MetricSettings, Route, Tolerance
from .verdict import Action, Judgement, MetricVerdict, Proof, Standing

if TYPE_CHECKING:
    from .judging import combine, conclude, is_harmful, judge, observe_all, would_convict
    from .observing import begin, begin_step, observe, observe_grown, observe_late, settle, with_base_dispersion
    from .parse import Recording, parse_plan, parse_recording
    from .previewing import BaseTraffic, MetricPreview, StepPreview, preview
    from .replaying import RecordedMinute, Replay, ReplayMinute, replay

__all__ = [
    "PRESETS",
    "Action",
    "BaseTraffic",
    "Count",
    "Effect",
    "Evidence",
    "FastLane",
    "InvalidEvidence",
    "InvalidInput",
    "InvalidReading",
    "InvalidSettings",
    "JudgeSettings",
    "Judgement",
    "MetricEvidence",
    "MetricKind",
    "MetricPreview",
    "MetricSettings",
    "MetricVerdict",
    "MinuteReading",
    "Moments",
    "Pair",
    "Plan",
    "Proof",
    "Ramp",
    "RecordedMinute",
    "Recording",
    "Replay",
    "ReplayMinute",
    "Route",
    "Spread",
    "Standing",
    "Step",
    "StepPreview",
    "Tolerance",
    "Totals",
    "begin",
    "begin_step",
    "combine",
    "conclude",
    "is_harmful",
    "judge",
    "learned",
    "observe",
    "observe_all",
    "observe_grown",
    "observe_late",
    "parse_plan",
    "parse_recording",
    "preview",
    "replay",
    "settle",
    "with_base_dispersion",
    "would_convict",
]


def __getattr__(name: str) -> object:
    """What is imported when it is first asked for: not every function judges, reads a request or previews a plan.

    Type checkers see the imports above; at run time the module that has the name is loaded here.
    """
    if name in {"combine", "conclude", "is_harmful", "judge", "observe_all", "would_convict"}:
        from . import judging  # noqa: PLC0415

        return getattr(judging, name)
    if name in {"begin", "begin_step", "observe", "observe_grown", "observe_late", "settle", "with_base_dispersion"}:
        from . import observing  # noqa: PLC0415

        return getattr(observing, name)
    if name in {"Recording", "parse_plan", "parse_recording"}:
        from . import parse  # noqa: PLC0415

        return getattr(parse, name)
    if name in {"BaseTraffic", "MetricPreview", "StepPreview", "preview"}:
        from . import previewing  # noqa: PLC0415

        return getattr(previewing, name)
    if name in {"RecordedMinute", "Replay", "ReplayMinute", "replay"}:
        from . import replaying  # noqa: PLC0415

        return getattr(replaying, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
