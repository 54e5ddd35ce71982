"""Draw the pictures of the documentation anew: `python docs/draw.py`. Needs Chromium (`apt-get install chromium`).

Everything in them is real: rollouts in the embedded AWS, and the report, the widget and the terminal's view of them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from rollout.cockpit.view import RolloutView  # noqa: E402 - the path is set above
from rollout.cockpit.widget import Widget  # noqa: E402
from rollout_cli.rollout_snapshot import RolloutSnapshot  # noqa: E402
from rollout_cli.watch_view import picture  # noqa: E402
from rollout_simulator.scenario import SCENARIOS, load_scenario  # noqa: E402
from rollout_simulator.simulation import opened  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTH = 1_280
COLUMNS = 100
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:customWidget-rollout-pilot"
SCHEMES = {"dark": 0, "light": 1}
"""Chromium's numbers for what the reader prefers."""


def main() -> None:
    """Draw them all."""
    bad, _ = lived("only-at-25-percent")
    for theme in SCHEMES:
        photograph(bad.page(), f"report-{theme}", theme, height=1_005)
    photograph(bad.page(), "report-phone", "light", width=400, height=1_000)
    running, latest = lived("only-at-25-percent", minutes=25)
    for theme in SCHEMES:
        view = running.view()
        assert view
        page = Widget(FUNCTION, "dark" if theme == "dark" else "light").overview([view], latest)
        photograph(
            f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">{page}',
            f"widget-{theme}",
            theme,
            height=1_010,
        )
    midway, _ = lived("healthy", minutes=63)
    view = midway.view()
    assert view
    draw_terminal(view, "watch")
    ramp, _ = lived("ramp-healthy")
    photograph(ramp.page(), "report-ramp", "light", height=1_000)
    rising, _ = lived("ramp-healthy", minutes=30)
    view = rising.view()
    assert view
    draw_terminal(view, "watch-ramp")


def lived(name: str, minutes: float | None = None) -> tuple[RolloutSnapshot, list[dict[str, str]]]:
    """A scenario's rollout after so many minutes, or at its end; and the list of the latest rollouts."""
    scenario = load_scenario(SCENARIOS / f"{name}.toml")
    with opened(scenario) as simulation:
        if minutes is None:
            simulation.run()
        else:
            simulation.prepare_alarms()
            simulation.start(f"orders-{name}")
            until: datetime = simulation.clock.now() + timedelta(minutes=minutes)
            simulation.clock.run_until(lambda: simulation.clock.now() >= until)
        rollout_id, store = simulation.rollout_id, simulation.store
        seen = RolloutSnapshot(simulation.clock.now(), store.load(rollout_id), store.history(rollout_id), None)
        return seen, list(store.recent(5))


def photograph(page: str, name: str, theme: str, *, width: int = WIDTH, height: int) -> None:
    """The top of a page as a reader sees it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--blink-settings=preferredColorScheme={SCHEMES[theme]}",
                f"--window-size={width},{height}",
                f"--screenshot={PICTURES / name}.png",
                source.as_uri(),
            ],
            check=True,
            capture_output=True,
        )


def draw_terminal(view: RolloutView, name: str) -> None:
    """What the terminal shows, as SVG; in whatever fixed-width font the reader has, for nothing is fetched."""
    console = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
    console.print(picture(view, height=40))
    svg = console.export_svg(title=f"rollout watch {view.rollout_id}", unique_id="watch")
    svg = re.sub(r"<!--.*?-->\s*", "", svg)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code, ", "")
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
