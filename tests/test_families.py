"""The families of runs: what a label stands for, and that every budget has what its figures ask for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
import torch

from perfclone.experiments.families import FAMILIES, LADDER, PAIR, SIZES, TARGETS, Plan
from perfclone.experiments.spec import OWN, TEST
from perfclone.experiments.store import Store
from perfclone.training import PROFILES
from perfclone.training.batches import MINIMUM_FRAMES
from perfclone.training.split import split

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_label_names_one_run_of_an_actor_split_and_seed(name, profile):
    entries = list(FAMILIES[name](Plan(profile, (0, 1))))
    seeds = Counter((one.label, one.spec.actor, one.spec.split, one.spec.seed) for one in entries)
    assert max(seeds.values()) == 1
    assert len({str(one.spec.as_dict()) for one in entries}) == len(entries), "and no run has two labels"


@pytest.mark.parametrize("profile", PROFILES)
def test_sets_grow_can_be_trained_on_and_fit_into_the_training_part(profile):
    entries = {one.label: one.spec for one in FAMILIES["training-set-size"](Plan(profile))}
    drawn = [entries[f"{size} frames"].frames for size in SIZES]
    (train,), _ = split(PROFILES[profile].max_frames or 5400)
    assert MINIMUM_FRAMES <= drawn[0] and drawn == sorted(set(drawn)) and drawn[-1] <= train.stop
    assert PROFILES[profile].max_frames or drawn == list(SIZES)


def test_equal_epochs_are_steps_in_proportion_to_the_frames():
    entries = {one.label: one.spec for one in FAMILIES["training-set-size"](Plan("home"))}
    whole = entries["3400 frames"].settings.steps
    for size in SIZES[:-1]:
        assert entries[f"{size} frames"].settings.steps == whole
        assert entries[f"{size} frames, equal epochs"].settings.steps / whole == pytest.approx(size / 3400, abs=1 / whole)


def test_each_rung_of_the_ladder_adds_one_thing():
    specs = {one.label: one.spec for one in FAMILIES["unpaired-branch"](Plan("quick"))}
    settings = [asdict(specs[label].settings) for label in LADDER]
    changed = [{name for name in a if a[name] != b[name]} for a, b in zip(settings, settings[1:])]
    # λ_tc is 0 on the rung of D_s alone; before it there is no unpaired branch, so that λ_tc is the paper's and idle
    assert changed == [{"lambda_vgg", "lambda_l1"}, {"window"}, {"lambda_tc"}, {"lambda_tc"}, set()]
    assert [specs[label].unpaired for label in LADDER] == [(), (), (), (OWN,), (OWN,), ("eve", "fin")]
    assert settings[-1] == asdict(Plan("quick").settings), "the last rung is the method"
    assert specs["test poses"].unpaired == (TEST,) and specs["test poses"].settings == specs["ours"].settings


def test_the_papers_pair_stands_on_all_three_actors_where_there_is_time_and_the_rest_of_the_ladder_on_one():
    for profile, pair, others in (("quick", 1, 1), ("home", 3, 1), ("paper", 3, 3)):
        found = {(one.label, one.spec.actor) for one in FAMILIES["unpaired-branch"](Plan(profile))}
        of = {label: {actor for one, actor in found if one == label} for label, _ in found}
        assert len(of) == len(LADDER) + 3
        for label, actors in of.items():
            assert actors == set(TARGETS[: pair if label in PAIR else others]), (profile, label)


@pytest.mark.parametrize("profile", PROFILES)
def test_baselines_of_table_1_have_the_frames_steps_and_samples_of_ours(profile):
    entries = list(FAMILIES["self-reenactment"](Plan(profile)))
    for one in entries:
        if one.label == "ours" and (one.spec.split == "chronological" or profile == "paper"):
            for baseline in ("pix2pix", "CycleGAN"):
                (other,) = [
                    entry.spec
                    for entry in entries
                    if (entry.label, entry.spec.actor, entry.spec.split) == (baseline, one.spec.actor, one.spec.split)
                ]
                assert other.method == baseline and other.frames == one.spec.frames
                for name in ("size", "width", "steps", "batch", "learning_rate"):
                    assert getattr(other.settings, name) == getattr(one.spec.settings, name)


SCRIPT = """
import os, sys, time
from pathlib import Path
import torch
from perfclone.experiments import families
from perfclone.experiments.families import Entry, Plan
from perfclone.experiments.spec import RunSpec
from perfclone.experiments.store import Store
from perfclone.training import TrainSettings

if __name__ == "__main__":
    torch.set_num_threads(2)
    settings = TrainSettings(size=64, width=4, patch_layers=1, steps=int(sys.argv[3]), batch=2)
    entries = [Entry(f"seed {k}", RunSpec(actor="eve", settings=settings, profile="smoke", seed=k)) for k in (0, 1)]
    families.FAMILIES = {"tiny": lambda plan: iter(entries)}
    print("go", flush=True)
    runs = families.run_family("tiny", Plan("smoke"), Store(Path(sys.argv[1]), Path(sys.argv[2])), "cpu")
    print(*(run.provenance["device"] for _, run in runs), sep="; ")
"""


def run_script(root, steps):
    command = [sys.executable, "-c", SCRIPT, str(ROOT / "data"), str(root), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_runs_that_are_made_side_by_side_are_those_that_one_after_the_other_gives(tmp_path):
    process = run_script(tmp_path / "both", 2)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and said.splitlines()[-1] == "CPU, 1 thread; CPU, 1 thread"
    alone = Store(ROOT / "data", tmp_path / "alone")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for run in Store(ROOT / "data", tmp_path / "both").runs():
            assert alone.run(run.spec, "cpu").summary == run.summary
    finally:
        torch.set_num_threads(threads)


def test_when_the_process_is_killed_its_helpers_end_too(tmp_path):
    process = run_script(tmp_path, 100_000)
    assert process.stdout.readline() == "go\n"
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*/actor/actor.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    helpers = psutil.Process(process.pid).children(recursive=True)
    assert len(helpers) >= 2
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(helpers, timeout=15)
    assert not alive
