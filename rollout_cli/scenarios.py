"""The scenario that a command is given: the name of one that comes with the product, or a file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from rollout_cli.documents import refuse
from rollout_cli.exits import fail
from rollout_simulator.scenario import SCENARIOS, InvalidScenario, Scenario, load_scenario


def chosen_scenario(given: str) -> Scenario:
    """The scenario. Exits with 2 if there is none of that name, which lists those that are, or the file is none."""
    path = Path(given)
    shipped = SCENARIOS / f"{given}.toml"
    if path.suffix != ".toml" and not path.is_file():
        if not shipped.is_file():
            names = sorted(scenario.stem for scenario in SCENARIOS.glob("*.toml"))
            near = get_close_matches(given, names, n=1)
            meant = f"; did you mean {near[0]}?" if near else "."
            fail(f"{given}: no such scenario{meant} Name a .toml file, or one of these:", names)
        path = shipped
    try:
        return load_scenario(path)
    except InvalidScenario as error:
        refuse(str(error))
