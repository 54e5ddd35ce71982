"""The scenario that a command is given: the name of one that comes with the product, or a file."""

from __future__ import annotations

from pathlib import Path

from rollout_cli.documents import refuse
from rollout_simulator.scenario import SCENARIOS, InvalidScenario, Scenario, load_scenario


def chosen_scenario(given: str) -> Scenario:
    """The scenario. Exits with 2 and one line if there is none of that name, or the file is none."""
    path = Path(given)
    shipped = SCENARIOS / f"{given}.toml"
    if path.suffix != ".toml" and not path.is_file():
        if not shipped.is_file():
            names = ", ".join(sorted(scenario.stem for scenario in SCENARIOS.glob("*.toml")))
            refuse(f"{given}: no such scenario; there are {names}, or name a .toml file")
        path = shipped
    try:
        return load_scenario(path)
    except InvalidScenario as error:
        refuse(str(error))
