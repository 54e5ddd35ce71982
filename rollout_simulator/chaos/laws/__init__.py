"""The laws, read off what a run left behind: the target's history, the stored bytes, the events, the calls.

Law of this package: nothing is imported from the controller, so that no mistake of its can hide here.

What each law means, to the letter; the target is a stage or a Lambda alias:

SILENCE. The weight rises from a step's only when the canary's series had shown requests since the weight was set, and
    had not, after many requests, been silent for the last three minutes and more; or when a person said so (advance,
    approve, promote) and that was not answered before. And never sooner than the step's `bakeMinutes` after it was set.
    Nobody decides when a write lands whose client has given up: of such a one only the consequences count.
STOP. No write that raises the candidate's share was *intended* after a stop signal (abort, alarm) was recorded: the
    record first contained the state it led to only after the signal. A raise whose intent came first may land; what
    counts is the end, and the end is never PROMOTED unless that was decided before the signal came. The exception:
    under onRegression "hold" or "holdAtZero" an alarm leaves it to a person, and what a person says after it counts.
    A raise that lands while the canary is held at zero is lowered again within two minutes, if nothing hinders that.
MINUTES. The minutes in a rollout's history rise by exactly one within a step; each was over and past the lag when it
    was counted; and no change of the weight lies in it, or less than `settleSeconds` before it, give or take the
    difference of the functions' clocks.
ONE WRITER. The controller changes the target only in Create canary, Shift traffic, Promote, Roll back and Recover, for
    the rollout that holds the target's lock; Recover never while the rollout's execution runs.
FENCE. Each of its writes finds the target as the record says it was left, unless somebody changed it between the task's
    own read and the write, which API Gateway cannot exclude (a near miss; a task that runs on after its execution was
    stopped may meet recovery so). Of a target that somebody changed it takes away what is exactly its own canary, and
    nothing else. A canary is made once per rollout, by Create canary; one that a write brought back,
    and that was taken away again, is a near miss. Lambda changes an alias only on condition of its revision: there,
    neither is excused.
END. Everything ends: executions over, locks released, one terminal event per rollout under one id, which says what
    the record says; executions' statuses too; the target in the state that goes with the outcome, and no write of the
    rollout lands after that; STOPPED only where somebody did change the target. A rollback that fails is paged. An
    execution that was started with what only the controller may say, or by a name that has a record, is refused.
    Where nothing was hindered, no request fails and no rollout is left to recovery.
INTENT. Each write leads to a state that the record contained before; after a near miss, as far as it was ours.
HEARD. A command that was answered with "accepted" is in the record, and an alarm that fires for a rollout that watches
    it is, too, unless the function that records it was itself kept from working; one that fires again while the
    rollout is held for it, or that fired before it began, is in the history. No alarm of another account or region is
    heard by its bare name. Nobody is told that a rollout which goes on cannot be aborted.
MIX. Where the functions behind the stage are reached by alias, no request meets an old deployment with a new version,
    or the other way round, at any moment.
AWAKE. Where nothing was made to fail, a task of the rollout begins within a minute of a stop signal: no wait is slept
    through to its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_simulator.chaos.laws.course import Course
from rollout_simulator.chaos.laws.end import end
from rollout_simulator.chaos.laws.minutes import minutes
from rollout_simulator.chaos.laws.mix import mix
from rollout_simulator.chaos.laws.raises import silence, stop
from rollout_simulator.chaos.laws.signals import awake, heard
from rollout_simulator.chaos.laws.verdicts import Law, NearMiss, Violation
from rollout_simulator.chaos.laws.writes import fence, intent, one_writer
from rollout_simulator.chaos.recorded import Recorded

__all__ = ["Law", "Violation", "broken_laws", "near_misses"]

LAWS = (silence, stop, minutes, one_writer, fence, end, intent, heard, awake, mix)


def broken_laws(recorded: Recorded) -> list[Violation]:
    """Every law that the run broke."""
    return [verdict for verdict in _verdicts(recorded) if isinstance(verdict, Violation)]


def near_misses(recorded: Recorded) -> list[str]:
    """What no optimistic lock excludes and the controller put right: a race with a person, a canary brought back."""
    return [verdict.what for verdict in _verdicts(recorded) if isinstance(verdict, NearMiss)]


def _verdicts(recorded: Recorded) -> Iterator[Violation | NearMiss]:
    course = Course(recorded)
    for law in LAWS:
        yield from law(course)
