"""A clone beside its truth: what the extractor makes of a performer does not move the truth out of its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfclone.capture import CaptureSettings
from perfclone.capture.alignment import Alignment, fit_alignment
from perfclone.capture.extraction import extraction_path, load_extraction
from perfclone.capture.mediapipe_extractor import MediapipeExtractor
from perfclone.capture.pipeline import aligned_poses
from perfclone.errors import InputError
from perfclone.metrics import frame_mse
from perfclone.skeleton import BODY_JOINTS, JOINT, J, PoseTrack, trunk
from perfclone.training import TrainSettings
from perfclone.video import read_frames
from perfclone_lab.baselines import cyclegan_settings, pix2pix_settings, translate_frames
from perfclone_lab.datasets.truth import Truth, load_truth
from perfclone_lab.experiments import families, results
from perfclone_lab.experiments.cross_actor import (
    DRIVER,
    Dance,
    alignment_in_motion,
    apart,
    by_driver,
    habit,
    load_dance,
    measure,
    measure_all,
    method_alignment,
    proportions,
    true_frames,
)
from perfclone_lab.experiments.evaluation import POSE_EVERY
from perfclone_lab.experiments.results import Row
from perfclone_lab.experiments.spec import NEAREST, RunSpec
from perfclone_lab.experiments.store import Store
from perfclone_lab.ledger.judging import load_claims, load_family

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
TINY = TrainSettings(size=64, width=4, patch_layers=1, steps=2, batch=2)
OURS = RunSpec(actor="dee", unpaired=("eve",), split="whole", settings=TINY, profile="smoke")
NEIGHBOUR = replace(OURS, method=NEAREST)


def test_the_alignment_of_extracted_joints_is_had_from_the_true_ones():
    """An extractor that sees the hips 1.2 times as wide and everything 3 px lower gives just this alignment."""
    rng = np.random.default_rng(0)
    true = rng.uniform(100, 200, (40, J, 2))
    true[:, JOINT["left_hip"]] = true[:, JOINT["right_hip"]] + (30, 0)
    extracted = true + (0, 3)
    extracted[:, JOINT["left_hip"], 0] += 3
    extracted[:, JOINT["right_hip"], 0] -= 3
    wanted = fit_alignment(extracted, "hip")
    offset = np.mean(wanted.points(extracted) - wanted.points(true), 0)
    found = method_alignment(fit_alignment(true, "hip"), offset, 1.2)
    assert (found.scale, found.x, found.y) == pytest.approx((wanted.scale, wanted.x, wanted.y))


def test_a_shipped_clip_of_the_truth_shows_the_actor_as_large_as_her_own_video_does():
    """Although eve is taller and stands nearer to another camera: what counts is the width of the hips."""
    clip, video = ROOT / "data" / "across" / "dee-as-eve.mp4", ROOT / "data" / "actors" / "dee.mp4"
    truth, own = load_truth(clip), load_truth(video)
    poses, own_alignment, _ = aligned_poses(load_extraction(extraction_path(video, CaptureSettings())), CaptureSettings())
    offset, hips = habit(poses.joints, own_alignment.points(own.joints))
    alignment = method_alignment(Alignment(**truth.about["alignment"]), offset, hips)
    trunks = [
        np.linalg.norm(np.subtract(*trunk(there.points(of.joints))), axis=-1).mean()
        for there, of in ((alignment, truth), (own_alignment, own))
    ]
    assert trunks[0] == pytest.approx(trunks[1], rel=0.1)

    frames, masks = true_frames(clip, truth, alignment, 64)
    assert frames.shape == (len(truth), 64, 64, 3) and (frames[~masks] > 120).mean() > 0.99
    area = own[:600].masks().sum((1, 2)).mean() * own_alignment.scale**2 / 16
    assert masks.sum((1, 2)).mean() == pytest.approx(area, rel=0.15)


def test_truth_and_driver_are_aligned_over_the_same_part_of_the_motion():
    joints = np.random.default_rng(0).uniform(0, 100, (40, J, 2)).astype(np.float32)
    about = {"alignment": {"scale": 1.5, "x": 2.0, "y": 3.0}}
    truth = Truth(joints, np.ones((40, J), bool), np.zeros((40, 8, 1), np.uint8), (8, 8), about)
    assert alignment_in_motion(truth, 100, 100) == Alignment(1.5, 2.0, 3.0), "of the whole, which the clip only begins"
    assert alignment_in_motion(truth, 30, 100) == fit_alignment(joints[:30], "hip")
    with pytest.raises(InputError, match="the clip has 40 frames"):
        alignment_in_motion(truth, 41, 100)


@pytest.fixture(scope="module")
def dance():
    """The beginning of eve's dance in dee's body."""
    return load_dance(DATA / "actors" / "dee.mp4", DATA / "actors" / "eve.mp4", DATA / "across" / "dee-as-eve.mp4", 256, 150)


def test_the_extractor_finds_the_actors_joints_in_the_truth_where_their_stream_has_them(dance):
    """So nothing that is wrong with a clone from them is due to where the right answer was put."""
    apart = []
    with MediapipeExtractor() as extractor:
        for k in range(0, len(dance.frames), 15):
            (person,) = extractor.people(k, dance.frames[k])
            apart.append((person.joints - dance.streams["true"].joints[k])[list(BODY_JOINTS)])
    assert np.abs(np.nanmedian(apart, (0, 1))).max() < 1, "no common offset, in pixels of 256"
    assert np.nanmedian(np.linalg.norm(apart, axis=-1)) < 2


def test_the_right_answer_has_no_error_and_its_pose_is_found_again(dance):
    clone, found = measure(lambda poses: dance.frames, dance)
    assert np.array_equal(clone, dance.frames)
    assert all(
        (found[f"{prefix}{name}"] == 0).all() for prefix in ("true_", "driver_", "") for name in ("mse", "foreground_mse")
    )
    assert np.array_equal(found["pck"], found["film_pck"], equal_nan=True)
    assert np.nanmean(found["pck"]) > 0.9, "though the limbs are the actor's and not the driver's"
    assert np.isfinite(found["pck"]).sum() == 150 / POSE_EVERY


def test_proportions_are_the_drivers_lengths_in_terms_of_the_actors():
    """Whoever is twice as large in all has limbs twice as long; how far joints lie apart is counted in pixels."""
    joints = np.random.default_rng(0).uniform(0, 100, (9, J, 2)).astype(np.float32)
    true, driver = (PoseTrack(of, np.ones((9, J), np.float32), np.arange(9) / 25) for of in (joints, 2 * joints + (3, 4)))
    dance = replace(
        flat(0, 9), streams={"true": true, "driver": driver, "extracted": replace(driver, joints=driver.joints + (3, 4))}
    )
    assert list(proportions(dance).values()) == pytest.approx([2] * 4)
    assert apart(dance, "driver", "extracted") == pytest.approx(np.full((9, len(BODY_JOINTS)), 5.0), rel=1e-4)


def flat(grey, frames, hidden=()):
    """A dance whose right answer is plain grey, with as many poses in each stream; in some frames no driver was found."""
    track = PoseTrack(np.full((frames, J, 2), 100, np.float32), np.ones((frames, J), np.float32), np.arange(frames) / 25)
    seen = np.isin(np.arange(frames), hidden, invert=True)
    pictures = np.full((frames, 64, 64, 3), grey, np.uint8)
    return Dance(pictures, np.ones((frames, 64, 64), bool), dict.fromkeys(("true", "driver", "extracted"), track), seen)


def test_dances_are_measured_one_after_the_other_and_told_apart_again():
    black = [flat(10, 3), flat(20, 2, hidden=[1])]
    clone, measures = measure_all(lambda poses: np.zeros((len(poses), 64, 64, 3), np.uint8), black)
    assert len(clone) == 5
    np.testing.assert_allclose(measures["mse"], [100, 100, 100, 400, np.nan])
    assert measures[DRIVER].tolist() == [0, 0, 0, 1, 1]
    parts = {(driver, stream): found for driver, stream, found in by_driver(measures, ["eve", "gil"])}
    assert list(parts) == [(driver, stream) for driver in ("eve", "gil") for stream in ("true", "driver", "extracted")]
    np.testing.assert_allclose(parts["gil", "driver"]["mse"], [400, np.nan])
    assert parts["eve", "extracted"]["pck"].shape == (3,) and "pck" not in parts["eve", "true"]


# ---- runs ----


@pytest.mark.parametrize(
    "change", [{"method": "frozen"}, {"unpaired": ()}, {"unpaired": ("self",)}, {"split": "thirds"}, {"frames": 9}]
)
def test_what_is_not_trained_has_a_frame_for_a_drivers_pose_only_as_the_nearest_neighbour(change):
    with pytest.raises(InputError, match="is not trained"):
        replace(NEIGHBOUR, **change)


def test_a_run_is_measured_against_those_clips_that_there_are():
    assert list(replace(OURS, unpaired=("eve", "ann", "gil")).clips(DATA)) == ["eve", "gil"]
    assert replace(OURS, split="chronological").clips(DATA) == {}
    assert replace(OURS, actor="eve", unpaired=("gil",)).clips(DATA) == {}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(DATA, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def runs(store):
    """The method and the nearest neighbour, driven by eve, with their labels."""
    entries = families.Entry("ours", OURS), families.Entry(NEAREST, NEIGHBOUR)
    return [(entry, store.run(entry.spec, "cpu")) for entry in entries]


def test_a_run_across_actors_names_all_that_it_is_measured_against(runs):
    _, run = runs[0]
    names = {"across/dee-as-eve.mp4", "across/dee-as-eve_truth.npz", "actors/dee_truth.npz", "actors/eve_truth.npz"}
    assert set(run.identity["truth"]) == names
    assert run.drivers == ["eve"]
    assert run.record["frames"] == 150 and DRIVER not in run.summary


def test_a_run_across_actors_that_another_clip_was_used_for_may_go(runs, store, monkeypatch):
    _, run = runs[0]
    assert store.leftovers() == {}
    monkeypatch.setattr(
        "perfclone_lab.experiments.store.content_hash", lambda path: run.identity["truth"].get(f"actors/{path.name}")
    )
    assert set(store.leftovers()) == {run.id for _, run in runs}


def test_the_pictures_of_a_run_across_actors_show_truth_clone_and_driver(runs, dance):
    (_, run), (_, near) = runs
    truth, generated = run.samples()
    size = 256 // 64
    coarse = dance.frames[9].reshape(64, size, 64, size, 3).mean((1, 3))  # of 150 frames the first shown is number 9
    assert np.abs(truth[0] - coarse).mean() < 1
    assert np.array_equal(truth, near.samples()[0]) and not np.array_equal(generated, near.samples()[1])
    assert len(list(read_frames(run.folder / "film.mp4"))) == 150


def test_each_dance_and_each_kind_of_joints_is_a_method_of_its_own_in_a_stored_family(runs, tmp_path):
    plan = families.Plan("smoke")
    families.store_reference("made-up", plan, runs, tmp_path / "reference" / "made-up")
    stored, this = results.stored("made-up", tmp_path), results.this_run("made-up", plan, runs)
    measures = runs[0][1].frames()
    for joints, name in (("actor's joints", "true_mse"), ("driver's joints", "driver_mse"), ("extracted joints", "mse")):
        row = Row("", "", f"ours: eve, {joints}", "mse", ("dee",), split="whole")
        found = stored.value(row).estimate
        assert found == this.value(row).estimate == pytest.approx(np.sqrt(np.nanmean(measures[name])), rel=1e-3)
    assert np.array_equal(stored.samples("ours", "dee", "whole"), runs[0][1].samples())
    record = json.loads((tmp_path / "reference" / "made-up" / "record.json").read_text())
    assert len(record["runs"]) == 2 * (1 + 3)


def test_families_share_what_they_show_of_a_run_and_what_no_family_shows_goes(runs, tmp_path):
    plan, references = families.Plan("smoke"), tmp_path / "reference"
    shown = references / "runs"
    for name in ("all", "again"):
        families.store_reference(name, plan, runs, references / name)
    everything = {path.name: path.read_bytes() for path in shown.iterdir()}
    assert {name.split(".")[0] for name in everything} == {run.id for _, run in runs}
    families.store_reference("all", plan, runs[:1], references / "all")
    assert {path.name: path.read_bytes() for path in shown.iterdir()} == everything, "the other still shows them"
    families.store_reference("again", plan, runs[:1], references / "again")
    assert {path.name.split(".")[0] for path in shown.iterdir()} == {runs[0][1].id}
    for name in ("all", "again"):
        load_family(references / name)


def test_the_claims_on_actors_and_drivers_name_what_the_family_has():
    entries = list(families.actors_and_drivers(families.Plan("home")))
    have = {(label, entry.spec.actor, entry.spec.split) for entry in entries for label in (
        entry.label, *(f"{entry.label}: {driver}, {joints}" for driver in entry.spec.others for joints in families.JOINTS.values())
    )}  # fmt: skip
    rules = [claim.rule for claim in load_claims(DATA / "claims.json") if claim.family == "actors-and-drivers"]
    assert len(rules) >= 3
    assert all((rule[name], actor, rule["split"]) in have for rule in rules for name in "ab" for actor in rule["actors"])


def test_a_table_has_a_row_for_each_actor_and_driver_and_pictures_are_found_by_driver(runs):
    this = results.this_run("made-up", families.Plan("smoke"), runs)
    table = results.split_table(this, ["eve"])
    assert list(table.index) == ["dee as eve"]
    assert table.columns.tolist() == ["actor's joints", "driver's joints", "extracted joints", "nearest neighbour"]
    near = np.sqrt(np.nanmean(runs[1][1].frames()["foreground_mse"]))
    assert table.loc["dee as eve", "nearest neighbour"].startswith(f"{near:.1f} [")
    assert results.middles(this, "dee", ["eve"]) == [("eve", 4, 84)], "the fifth of eight moments of 150 frames"


def test_cyclegan_is_given_the_drivers_frames_and_measured_against_the_same_truth(store, dance):
    spec = replace(OURS, method="CycleGAN", settings=cyclegan_settings(TINY))
    run = store.run(spec, "cpu")
    actor, frames = run.actor("cpu"), spec.material(DATA).unpaired[0].frames(64)
    assert actor.record["sees"] == "frames"
    truth = load_dance(DATA / "actors" / "dee.mp4", DATA / "actors" / "eve.mp4", spec.clips(DATA)["eve"], 64, 150)
    found = run.frames()
    assert found["mse"] == pytest.approx(frame_mse(translate_frames(actor, frames), truth.frames), rel=1e-6)
    assert np.isnan(found["true_mse"]).all() and np.isnan(found["driver_foreground_mse"]).all()
    family = families.as_family("made-up", families.Plan("smoke"), [(families.Entry("CycleGAN", spec), run)])
    assert [one.label for one in family.runs] == ["CycleGAN", "CycleGAN: eve, extracted joints"]


def test_pix2pix_has_drivers_for_its_dances_and_never_sees_them(store):
    spec = replace(OURS, method="pix2pix", settings=pix2pix_settings(TINY))
    run = store.run(spec, "cpu")
    assert run.drivers == ["eve"] and run.actor("cpu").record["unpaired"] == []
    with pytest.raises(InputError, match="no unpaired branch"):
        replace(spec, split="chronological")


def test_the_claims_on_comparisons_name_what_the_family_has():
    entries = list(families.comparisons(families.Plan("home")))
    have = {(entry.label, entry.spec.actor, entry.spec.split) for entry in entries}
    rules = [claim.rule for claim in load_claims(DATA / "claims.json") if claim.family == "comparisons"]
    assert all((rule[name], actor, rule["split"]) in have for rule in rules for name in "ab" for actor in rule["actors"])
