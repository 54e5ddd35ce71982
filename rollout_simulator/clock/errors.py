"""What can go wrong on the clock."""

from __future__ import annotations


class ClockError(RuntimeError):
    """The clock was used in a way that would let two threads of the simulation run at once."""


class GoalNotReachedError(ClockError):
    """A run stopped, with nothing left to happen or its limit passed, and its goal was not reached."""


class TaskCancelled(BaseException):
    """Unwinds a task whose clock was closed. Not an `Exception`, so that no retry in the task swallows it."""
