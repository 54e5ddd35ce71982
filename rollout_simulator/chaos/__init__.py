"""The breaking machine: rollouts under everything that goes wrong, and the laws read off what they left behind.

    plan_of(seed)  →  run(plan)  →  broken_laws(recorded)

A run is a pure function of its seed, so what fails once fails again. The laws are checked by code that shares nothing
with the controller: it reads the recorded stage history, the stored bytes, the events and the calls.
"""

from rollout_simulator.chaos.campaign import plan_of
from rollout_simulator.chaos.description import told
from rollout_simulator.chaos.laws import Law, Violation, broken_laws, near_misses
from rollout_simulator.chaos.plan import RunPlan, What
from rollout_simulator.chaos.recorded import Recorded
from rollout_simulator.chaos.runner import run

__all__ = ["Law", "Recorded", "RunPlan", "Violation", "What", "broken_laws", "near_misses", "plan_of", "run", "told"]
