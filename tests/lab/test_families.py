"""The families of runs: what a label stands for, and that every budget has what its figures ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from perfclone.training import PROFILES
from perfclone.training.batches import MINIMUM_FRAMES
from perfclone.training.split import split
from perfclone_lab.experiments.families import FAMILIES, LADDER, PAIR, SIZES, TARGETS, Plan
from perfclone_lab.experiments.spec import OWN, TEST

ROOT = Path(__file__).parents[2]


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
