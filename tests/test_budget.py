"""A budget in time: what it is chosen from, that a training then takes about so long, and that the choice is kept."""

import json
import time
from dataclasses import replace

import pytest
import torch

import perfclone as pc
from perfclone import budget
from perfclone.budget import LADDER, choose, parse_duration
from perfclone.cli import main
from perfclone.errors import InputError

CPU = torch.device("cpu")


@pytest.mark.parametrize("text, seconds", [("90s", 90), ("20m", 1200), ("1h", 3600), ("1h30m", 5400), (" 2M ", 120)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "m", "5s", "1.5h", "-3m", "3m20", "200h", "20 minutes"])
def test_what_is_no_duration_is_refused(text, capfd):
    with pytest.raises(ValueError):
        parse_duration(text)
    assert main(["train", "x.mp4", "--out", "y", f"--within={text}"]) == 2
    assert f"--within: {text!r} is no time from 10s to 168h, such as" in capfd.readouterr().err


def test_a_profile_and_a_time_exclude_each_other(capfd):
    assert main(["train", "x.mp4", "--out", "y", "--within", "20m", "--profile", "quick"]) == 2
    assert "not allowed with" in capfd.readouterr().err


def test_the_ladder_goes_up_and_its_first_rung_is_for_everyone():
    operations = [(rung.settings.size * rung.settings.width) ** 2 for rung in LADDER]
    assert operations == sorted(operations)
    assert [rung.least for rung in LADDER] == sorted(rung.least for rung in LADDER)
    assert LADDER[0].least == 1


def test_more_time_gives_more_steps_and_then_a_larger_network(dee, eve, monkeypatch):
    """With the machine's speed given, as it differs from one to the next: a step takes 10 ms at the first rung and 20 at all others."""

    def measured(settings, seconds, both, device):
        return budget._StepTimes(0.010 if settings == LADDER[0].settings else 0.020, 0.0, 0.0)

    monkeypatch.setattr(budget._StepTimes, "measured", measured)
    found = {within: choose(within, dee, [eve], CPU, seed=9).settings for within in (20, 22, 60, 10_000, 10**5)}
    assert [s.size for s in found.values()] == [64, 64, 128, 256, 256]
    assert found[20].steps < found[22].steps < 2200
    assert 2000 < found[60].steps < 3000
    assert found[10**5].steps == budget.LONGEST
    assert found[60] == replace(pc.PROFILES["home"].settings, steps=found[60].steps), "an ordinary training"


def test_no_time_at_all_is_refused(dee):
    with pytest.raises(InputError, match="no time is left.*again"):
        choose(10, dee, [], CPU, began=time.perf_counter() - 20)


def test_a_training_ends_about_in_time_and_the_same_command_finds_it(dee, eve, tmp_path, capfd):
    out = tmp_path / "actor"
    command = ["train", str(dee.folder), "--unpaired", str(eve.folder), "--out", str(out), "--within", "12s", "--device", "cpu"]
    began = time.perf_counter()
    assert main(command) == 0
    took = time.perf_counter() - began
    assert 5 < took < 40, "within 20 % on a quiet machine; tests may run on a busy one"
    chosen, record = (json.loads((out / name).read_text()) for name in ("budget.json", "actor.json"))
    assert record["settings"] == chosen["settings"]
    assert f"{record['settings']['steps']} steps" in capfd.readouterr().out
    assert main(command) == 0, "the choice is kept, so the folder holds what is asked for"
    assert json.loads((out / "actor.json").read_text()) == record
