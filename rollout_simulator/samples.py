"""The sample events in `events/state-changed`: what real rollouts told, one for each state.

python -m rollout_simulator.samples     writes them anew
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollout.core.events import DETAIL_TYPE
from rollout_simulator.local import SAMPLE_API, SAMPLE_DEPLOYMENT
from rollout_simulator.scenario import SCENARIOS, load_scenario
from rollout_simulator.simulation import Simulation, opened
from rollout_simulator.template import ROOT

FOLDER = ROOT / "events" / "state-changed"
SCENARIO_OF = {
    "PREPARED": "healthy",
    "BAKING": "healthy",
    "HELD": "low-traffic",
    "PAUSED": "paused-and-resumed",
    "WATCHING": "healthy",
    "ROLLING_BACK": "errors-double",
    "PROMOTED": "healthy",
    "ROLLED_BACK": "errors-double",
    "STOPPED": "foreign-change",
    "REJECTED": "alarm-already-firing",
    "FAILED": "not-permitted",
}
"""Which scenario enters each state."""
DIGITS = 6
ANY_ID = "6a7e8feb-b491-4cf7-a9f1-bf3703467718"
"""EventBridge's own id, drawn anew for each delivery of an event."""

Json = dict[str, Any]


def samples_of(simulation: Simulation) -> Mapping[Path, Json]:
    """The sample files that come from this simulation, each with the first event it told of that state."""
    told = [event for event in simulation.aws.events.put if event["detail-type"] == DETAIL_TYPE]
    samples = {}
    for state, name in SCENARIO_OF.items():
        if name == simulation.scenario.name:
            sample = _named(simulation, next(event for event in told if event["detail"]["state"] == state))
            samples[FOLDER / f"{state.lower().replace('_', '-')}.json"] = sample
            if state == "HELD":
                samples[FOLDER.parent / "notify.json"] = sample
    return samples


def _named(simulation: Simulation, event: Json) -> Json:
    """The event with the names of the other samples instead of the ids that were drawn."""
    api = simulation.api
    text = json.dumps({**event, "id": ANY_ID})
    for drawn, name in ((api.rest_api_id, SAMPLE_API), (api.candidate, SAMPLE_DEPLOYMENT), (api.base, "abc122")):
        text = text.replace(drawn, name)
    return dict(json.loads(text))


def rounded(value: Any) -> Any:
    """The same without the digits in which two processors may differ."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def main() -> None:
    """Run the scenarios and write the samples."""
    FOLDER.mkdir(exist_ok=True)
    for scenario in sorted(set(SCENARIO_OF.values())):
        with opened(load_scenario(SCENARIOS / f"{scenario}.toml")) as simulation:
            simulation.run()
            for path, sample in samples_of(simulation).items():
                path.write_text(json.dumps(rounded(sample), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
