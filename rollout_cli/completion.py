"""What a shell offers when somebody presses Tab; `rollout --install-completion` tells the shell to ask."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def scenarios(incomplete: str) -> list[str]:
    """The names of the scenarios that come with the product and begin like this; files are the shell's own affair."""
    found = find_spec("rollout_simulator")
    folders = list(found.submodule_search_locations or ()) if found else []
    names = [path.stem for folder in folders for path in (Path(folder) / "scenarios").glob("*.toml")]
    return sorted(name for name in names if name.startswith(incomplete))
