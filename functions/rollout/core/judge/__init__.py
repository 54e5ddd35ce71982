"""The judge: is the canary harmful, proven safe, or neither yet?

It looks every minute, and may: its evidence is an e-process, whose probability of ever convicting a
canary within tolerance is at most α however often one looks. Read it in this order:

    minute      the e-value of one minute of counts         values      ... of one minute of a mean
    harm        all minutes, against "within tolerance"     safety      this step, against "beyond the margin"
    observing   readings → evidence                         judging     evidence → action
    settings, plan, readings, evidence, verdict             the values that go in, stay, and come out
    explain     numbers → words                             parse       recordings → values
    replaying   the judge over recorded minutes             previewing  what a plan can and cannot see
    dispersion  how clumped errors are                      information the bound nobody can beat
    named       typing.NamedTuple without importing typing

Pure arithmetic: no clock, no environment, no randomness, no I/O.
"""

from __future__ import annotations

from .dispersion import Spread
from .errors import InvalidEvidence, InvalidInput, InvalidReading, InvalidSettings
from .evidence import Evidence, MetricEvidence, learned
from .named import TYPE_CHECKING
from .plan import Plan, Step
from .readings import Count, Measure, MinuteReading, Moments, Pair
from .settings import PRESETS, FastLane, JudgeSettings, MetricKind, MetricSettings, Tolerance
from .verdict import Action, Judgement, MetricVerdict, Verdict

if TYPE_CHECKING:
    from .judging import combine, convicts, judge, observe_all
    from .observing import begin, begin_step, observe
    from .parse import Recording, parse_plan, parse_recording
    from .previewing import BaseTraffic, MetricPreview, StepPreview, preview
    from .replaying import Replay, ReplayMinute, replay

__all__ = [
    "PRESETS",
    "Action",
    "BaseTraffic",
    "Count",
    "Evidence",
    "FastLane",
    "InvalidEvidence",
    "InvalidInput",
    "InvalidReading",
    "InvalidSettings",
    "JudgeSettings",
    "Judgement",
    "Measure",
    "MetricEvidence",
    "MetricKind",
    "MetricPreview",
    "MetricSettings",
    "MetricVerdict",
    "MinuteReading",
    "Moments",
    "Pair",
    "Plan",
    "Recording",
    "Replay",
    "ReplayMinute",
    "Spread",
    "Step",
    "StepPreview",
    "Tolerance",
    "Verdict",
    "begin",
    "begin_step",
    "combine",
    "convicts",
    "judge",
    "learned",
    "observe",
    "observe_all",
    "parse_plan",
    "parse_recording",
    "preview",
    "replay",
]


_LATER = {
    "Recording": "parse",
    "parse_plan": "parse",
    "parse_recording": "parse",
    "BaseTraffic": "previewing",
    "MetricPreview": "previewing",
    "StepPreview": "previewing",
    "preview": "previewing",
    "combine": "judging",
    "convicts": "judging",
    "judge": "judging",
    "observe_all": "judging",
    "begin": "observing",
    "begin_step": "observing",
    "observe": "observing",
    "Replay": "replaying",
    "ReplayMinute": "replaying",
    "replay": "replaying",
}
"""What is imported when it is first asked for, and from where: not every function judges, or reads a request."""


def __getattr__(name: str) -> object:
    """One of the names above."""
    if name in _LATER:
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
