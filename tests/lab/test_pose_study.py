"""The study of Sec. 4 on runs made in seconds: what is kept of them, what claims get from it, and the way into a stored reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perfclone.errors import InputError
from perfclone.metrics import descriptor, frame_mse, sequence_distance
from perfclone.training import TrainSettings
from perfclone_lab.experiments import pose_study, results
from perfclone_lab.experiments.advice import ADVISED
from perfclone_lab.experiments.evaluation import joined_frames, ours
from perfclone_lab.experiments.families import FAMILIES, Entry, Plan, as_family, store_reference
from perfclone_lab.experiments.pose_prediction import LIMB_NAMES, PREDICTORS, REGRESSOR, limb_mse
from perfclone_lab.experiments.pose_study import BEYOND, KITS, WITHIN, blind_spots, calibration, examine, studied
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store
from perfclone_lab.ledger.judging import Family, NotMeasured, StoredRun, load_claims

ROOT = Path(__file__).parents[2]
TINY = TrainSettings(size=64, width=4, patch_layers=1, steps=2, batch=2)
PLAN = Plan("smoke")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of self-reenactment and one on a kit, examined."""
    store = Store(ROOT / "data", tmp_path_factory.mktemp("runs"))
    specs = [("ours", "dee", "chronological"), ("vertical kit", "vertical", "whole")]
    entries = [Entry(label, RunSpec(actor=actor, split=split, settings=TINY, profile="smoke")) for label, actor, split in specs]
    made = [(entry, store.run(entry.spec, "cpu")) for entry in entries]
    for _, run in made:
        examine(run, store.data, "cpu")
    return made


def test_what_is_kept_of_a_run_is_what_its_poses_and_frames_give(runs):
    (entry, run), _ = runs
    study, material = studied(run), entry.spec.material(ROOT / "data")
    driving, training = (descriptor(part.poses.joints) for part in (material.test[0], material.train[0]))
    distance, limbs = sequence_distance(driving, training)
    assert study["sequence_distance"] == pytest.approx(distance, rel=1e-5)
    assert study["limb_distance"] == pytest.approx(limbs, rel=1e-5, nan_ok=True)
    assert (study["nearest_pose"] >= study["sequence_distance"] - 1e-4).all()
    drawn, true = ours(run.actor("cpu"), material.test), joined_frames(material.test, 64)
    assert study["limb_mse"] == pytest.approx(limb_mse(drawn, true, material.test[0].poses.joints), rel=1e-4, nan_ok=True)
    assert run.frames()["mse"] == pytest.approx(frame_mse(drawn, true), rel=1e-5), "these are the frames that were measured"


def test_a_kits_run_shows_its_own_poses_first_and_then_the_other_kits(runs):
    _, (entry, run) = runs
    truth, drawn = run.samples()
    study = studied(run)
    assert study["mse"] == pytest.approx(frame_mse(drawn[:4], truth[:4]), rel=1e-4)
    driving, reached = pose_study.held_poses("horizontal", ROOT / "data")
    assert np.array_equal(truth[4:], driving.frames(64)[reached])
    assert reached == [29, 59, 89, 119]


def test_a_family_has_what_its_claims_and_its_chapter_ask_for_and_keeps_it_when_stored(runs, tmp_path):
    store_reference("pose-metrics", PLAN, runs, tmp_path / "reference" / "pose-metrics")
    this, stored = results.this_run("pose-metrics", PLAN, runs), results.stored("pose-metrics", tmp_path)
    for found in (this, stored):
        labels = {run.label for run in found.family.runs}
        assert labels >= {"ours", WITHIN, BEYOND, *KITS["vertical"], *(f"ours: {limb}" for limb in LIMB_NAMES)}
        for name in (*PREDICTORS, "mse"):
            assert found.family.measures("ours", name, ["dee"], "chronological")
        assert found.samples("vertical kit", "vertical", "whole").shape == (2, 8, 64, 64, 3)
    assert {run.id: run.summary for run in this.family.runs} == {run.id: run.summary for run in stored.family.runs}
    for id, measures in stored.family.frames.items():
        for name, values in measures.items():
            assert np.array_equal(values, this.family.frames[id][name], equal_nan=True), (id, name)
    assert (
        this.correlation("sequence_distance", "mse", ("dee",)).estimate
        == stored.correlation("sequence_distance", "mse", ("dee",)).estimate
    )


def test_nobody_else_no_regressor(runs):
    family = as_family("pose-metrics", PLAN, runs)
    with pytest.raises(NotMeasured):
        family.measures("ours", REGRESSOR, ["dee"], "chronological")
    with pytest.raises(NotMeasured, match="no actor but dee"):
        calibration(family, "dee")


def test_a_study_that_is_damaged_is_named(runs, tmp_path):
    _, run = runs[0]
    (path,) = run.folder.glob("poses-*.npz")
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:100])
        with pytest.raises(InputError, match=path.name):
            studied(run)
    finally:
        path.write_bytes(whole)


def test_the_labels_of_the_claims_are_those_of_the_study():
    claims = {one.id: one.rule for one in load_claims(ROOT / "data" / "claims.json") if one.family == "pose-metrics"}
    assert claims["sec-4-prediction"]["x"] in PREDICTORS
    assert (claims["fig-4-limbs"]["a"], claims["fig-4-limbs"]["b"]) == (WITHIN, BEYOND)
    assert [claims["fig-5-poses"][name] for name in "ab"] == list(KITS["vertical"][2:])
    assert [claims["sec-4-advice"][name] for name in "ab"] == [pose_study.ASKED, pose_study.RANDOM]


def test_what_other_families_train_is_not_trained_anew():
    for profile in ("smoke", "quick", "home", "paper"):
        plan = Plan(profile, (0, 1))
        known = {entry.spec for name in ("self-reenactment", "actors-and-drivers") for entry in FAMILIES[name](plan)}
        new = [entry for entry in FAMILIES["pose-metrics"](plan) if entry.spec not in known]
        assert {entry.spec.actor for entry in new} - {"ann"} == set(KITS)
        assert {entry.spec.split for entry in new} - {"whole"} == (set() if plan.small else set(ADVISED))


def made_up(actor, distance, mse):
    return StoredRun(actor, "ours", actor, 0, "chronological", {}), {"sequence_distance": distance, "mse": mse}


def test_a_calibration_expects_what_the_others_have_and_finds_what_the_actor_has():
    x = np.arange(80.0)
    made = [made_up("ann", x, 4 * (x + 1) ** 2), made_up("ben", x, (x + 1) ** 2), made_up("chi", x, (x + 1) ** 2)]
    about = ("pose-metrics", "home", "a device", "abc", "a command", None)
    family = Family(*about, tuple(run for run, _ in made), {run.id: measures for run, measures in made})
    at, found, expected = calibration(family, "ann")
    assert at == pytest.approx(np.arange(8) * 10 + 4.5)
    assert found == pytest.approx(2 * expected, rel=0.2) and expected == pytest.approx(at + 1, rel=0.01)


def test_blind_spots_are_the_worst_of_the_near_and_the_best_of_the_far():
    distance = np.array([0.0, 0.1, 0.2, 5.0, 5.0, 9.0, 9.1, 9.2, np.nan])
    error = np.array([1.0, 7.0, 2.0, 50.0, 50.0, 9.0, 3.0, np.nan, 0.0])
    assert blind_spots(distance, error) == (1, 6)
