"""A campaign of the breaking machine that was ended goes on where it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos import __main__ as command
from benchmarks.chaos.campaign import Summary, Tally, interleaving, tally_of
from benchmarks.chaos.progress import OtherCampaign, Progress
from rollout_simulator.chaos import plan_of, run

ROOT = Path(command.__file__).parents[2]
CAMPAIGN = {"seed": 1, "kind": None}


def tally(seed: int) -> Tally:
    return Tally(seed, "code", outcomes=("PROMOTED",), kinds={"fault: late": seed}, interleaving=str(seed), seconds=0.5)


def seeds_in(path: Path) -> list[int]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["seed"] for line in lines[1:]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds whose runs were made, in order; the third to be made is interrupted by Ctrl-C."""
    seeds: list[int] = []

    def tallies(wanted: list[int], _: int) -> Iterator[Tally]:
        for seed in wanted:
            if len(seeds) == 2:
                seeds.append(0)
                raise KeyboardInterrupt
            seeds.append(seed)
            yield tally(seed)

    monkeypatch.setattr(command, "tallies", tallies)
    return seeds


def test_a_campaign_goes_on_after_ctrl_c_with_the_runs_that_were_not_made(made: list[int], tmp_path: Path) -> None:
    file = tmp_path / "progress"
    arguments = ["-n", "4", "--progress", str(file)]
    assert command.INTERRUPTED == command.main(arguments)
    assert command.main([*arguments, "--resume"]) == 0
    assert [1, 2, 0, 3, 4] == made
    assert [1, 2, 3, 4] == seeds_in(file)


def test_the_summary_of_a_resumed_campaign_counts_all_its_runs(
    made: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-n", "4", "--progress", str(tmp_path / "progress")]
    command.main(arguments)
    capsys.readouterr()
    command.main([*arguments, "--resume"])
    told = capsys.readouterr().out
    assert "4 runs, 4 rollouts: 4 promoted" in told
    assert f"{'fault: late':32s} {10:7d}" in told
    assert "4 distinct interleavings" in told


def test_a_campaign_without_resume_begins_anew(made: list[int], tmp_path: Path) -> None:
    file = tmp_path / "progress"
    Progress(file, CAMPAIGN, resume=False).add(tally(9), 1.0)
    command.main(["-n", "2", "--progress", str(file)])
    assert [1, 2] == seeds_in(file)


def test_what_was_kept_of_a_run_is_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    whole = Tally(3, "code", ("FAILED",), {"act: crash": 2}, "abc", 1.5, 12.0, ("a race",), ("end: held",), ("line ü",))
    Progress(file, CAMPAIGN, resume=False).add(whole, 7.0)
    again = Progress(file, CAMPAIGN, resume=True)
    assert [whole] == again.runs
    assert again.wall_seconds == pytest.approx(7.0)


def test_wall_time_adds_up_over_the_parts_of_a_campaign(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    Progress(file, CAMPAIGN, resume=False).add(tally(1), 7.0)
    Progress(file, CAMPAIGN, resume=True).add(tally(2), 4.0)
    assert Progress(file, CAMPAIGN, resume=True).wall_seconds == pytest.approx(11.0)


def test_a_line_that_was_cut_short_is_a_run_that_was_not_made(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    progress = Progress(file, CAMPAIGN, resume=False)
    progress.add(tally(1), 1.0)
    progress.add(tally(2), 2.0)
    file.write_bytes(file.read_bytes()[:-20])
    again = Progress(file, CAMPAIGN, resume=True)
    assert frozenset({1}) == again.done
    again.add(tally(2), 2.0)
    assert [1, 2] == seeds_in(file)


def test_the_progress_of_another_campaign_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    Progress(file, CAMPAIGN, resume=False)
    with pytest.raises(OtherCampaign):
        Progress(file, {"seed": 500, "kind": None}, resume=True)


def test_a_summary_names_every_version_of_the_code_that_it_counts() -> None:
    summary = Summary()
    summary.add(tally(1))
    summary.add(Tally(2, "other"))
    assert any("code (1 runs), other (1 runs)" in line for line in summary.lines(1.0))


def test_a_run_is_tallied_with_each_kind_of_what_was_done_to_it() -> None:
    recorded, tallied = run(plan_of(4)), tally_of(4)
    assert tallied.interleaving == interleaving(recorded)
    faults = sum(count for kind, count in tallied.kinds.items() if kind.startswith("fault: "))
    assert faults == sum(1 for _, _, outcome in recorded.calls if outcome)
    acts = sum(count for kind, count in tallied.kinds.items() if kind.startswith("act: "))
    assert acts == len(recorded.done)
    assert faults + acts > 0


@pytest.mark.slow
def test_a_campaign_that_was_killed_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    whole = [sys.executable, "-m", "benchmarks.chaos", "-n", "6", "--jobs", "2", "--progress", str(file)]
    killed = subprocess.Popen(whole, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while time.monotonic() < until and (not file.exists() or len(file.read_text().splitlines()) < 3):
        assert killed.poll() is None
        time.sleep(0.05)  # of another process, in real time
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)  # returns when its workers, too, have closed what they write to
    before = seeds_in(file)
    assert 0 < len(before) < 6
    resumed = subprocess.run([*whole, "--resume"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{len(before)} runs were made before" in resumed.stdout
    assert [1, 2, 3, 4, 5, 6] == sorted(seeds_in(file))
    assert "0 runs broke a law" in resumed.stdout
