"""The progress of a campaign on disk: one JSON line per run, so that a campaign that was ended can go on.

    {"campaign": {"seed": 1, "kind": null}}
    {"seed": 1, "code": "…", "outcomes": ["PROMOTED"], …, "wallSeconds": 1.8}

Law: a line is appended when its run is over, and never changed. A last line that was cut short is a run not made.
`wallSeconds` is the wall time of the campaign so far, over all its parts; what passed between two parts is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.chaos.campaign import Tally

Json = dict[str, Any]


class OtherCampaign(Exception):
    """The file has the progress of a campaign of another first seed or kind."""


class Progress:
    """A campaign's file. `runs` are those that it had when it was opened."""

    def __init__(self, path: Path, campaign: Json, *, resume: bool) -> None:
        """Raises: OtherCampaign."""
        self.runs: list[Tally] = []
        self.wall_seconds = 0.0
        self._path = path
        if resume and path.exists():
            self._read(campaign)
        else:
            path.write_text(json.dumps({"campaign": campaign}) + "\n", encoding="utf-8")

    @property
    def done(self) -> frozenset[int]:
        """The seeds of `runs`."""
        return frozenset(tally.seed for tally in self.runs)

    def add(self, tally: Tally, wall_seconds: float) -> None:
        """One more run, and for how long this part of the campaign has run by now."""
        line = {**asdict(tally), "wallSeconds": round(self.wall_seconds + wall_seconds, 1)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _read(self, campaign: Json) -> None:
        lines = list(_whole_lines(self._path))
        header = lines[0].get("campaign") if lines else None
        if header != campaign:
            raise OtherCampaign(f"{self._path} is the progress of {json.dumps(header)}, not of {json.dumps(campaign)}")
        for line in lines[1:]:
            self.wall_seconds = line.pop("wallSeconds")
            lists = {name: tuple(value) for name, value in line.items() if isinstance(value, list)}
            self.runs.append(Tally(**{**line, **lists}))
        # Without what was cut short, to which the next line would be appended.
        self._path.write_text("".join(json.dumps(line) + "\n" for line in _whole_lines(self._path)), encoding="utf-8")


def _whole_lines(path: Path) -> Iterator[Json]:
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)
