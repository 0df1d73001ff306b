"""Predictors of a frame's error with known answers, errors around limbs, what is fitted on others, and the motion that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from perfclone.capture import CaptureSettings
from perfclone.capture.alignment import fit_alignment
from perfclone.capture.extraction import extraction_path, load_extraction
from perfclone.errors import InputError
from perfclone.metrics import GAMMA, descriptor, mean_over_limbs, sequence_distance
from perfclone.nets import limb_falloff
from perfclone.skeleton import DESCRIPTOR_LIMBS, JOINT
from perfclone.training.split import split
from perfclone_lab.experiments import pose_prediction as pp
from perfclone_lab.experiments.advice import ADVISED, OPENING, RUN, RUNS, advised_split, asked_for
from perfclone_lab.experiments.pose_study import KITS, fig_5_table, figure_4
from perfclone_lab.ledger.judging import StoredRun

DATA = Path(__file__).parents[2] / "data"
ARM = [JOINT[f"right_{part}"] for part in ("shoulder", "elbow", "wrist")]


def poses(count, seed=0):
    return np.random.default_rng(seed).uniform(40, 216, (count, 18, 2))


def moved(joints, shift=(0.0, 0.0), turn=0.0, scale=1.0):
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return joints @ matrix.T + shift


# ---- predictors ----


@pytest.mark.parametrize("name", pp.PREDICTORS)
def test_a_pose_that_was_trained_on_is_nearer_than_any_other_and_more_frames_never_hurt_but_for_the_density(name):
    foretell, reference, driving = pp.PREDICTORS[name], poses(20), poses(5, 1)
    again, new = foretell(reference[:5], reference), foretell(driving, reference)
    assert again.max() < new.min()
    if name != "density_distance":
        assert again == pytest.approx(0, abs=1e-6)
        assert (new <= foretell(driving, reference[:7]) + 1e-9).all()
    nobody = np.full((1, 18, 2), np.nan)
    assert np.isnan(foretell(nobody, reference)).all() and np.isnan(foretell(driving, nobody)).all()


def test_procrustes_sees_neither_where_a_pose_is_nor_its_size_nor_how_it_is_turned_but_its_mirror_image():
    reference = poses(3)
    assert pp.procrustes(moved(reference, (30, -9), 0.7, 1.4), reference) == pytest.approx(0, abs=1e-6)
    assert pp.procrustes(reference * (-1, 1), reference).min() > 0.1
    square, line = np.full((1, 18, 2), np.nan), np.full((1, 18, 2), np.nan)
    square[0, pp.BODY] = np.random.default_rng(0).normal(size=(13, 2))
    line[0, pp.BODY] = square[0, pp.BODY] * (1, 0)
    a, b = (np.ravel(one[0, pp.BODY] - one[0, pp.BODY].mean(0)) for one in (square, line))
    a, b = (of.reshape(-1, 2) @ (1, 1j) for of in (a, b))
    cosine = abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b)
    assert pp.procrustes(square, line) == pytest.approx(np.sqrt(1 - cosine**2))


def test_normalised_coordinates_ignore_place_and_size_of_a_pose_but_not_a_limb_that_is_shifted_as_eq_7_does():
    reference = poses(1)
    assert pp.joint_distance(moved(reference, (30, -9), 0, 1.4), reference) == pytest.approx(0, abs=1e-6)
    assert pp.nearest_pose(moved(reference, (30, -9)), reference) == pytest.approx(0, abs=1e-6)
    shifted = reference.copy()
    shifted[0, ARM] += (20, 0)
    limbs = np.linalg.norm(descriptor(shifted) - descriptor(reference), axis=-1)[0]
    assert [k for k in range(12) if limbs[k] > 1e-9] == [DESCRIPTOR_LIMBS.index((JOINT["neck"], ARM[0]))], (
        "the arm itself is as it was"
    )
    trunk = np.linalg.norm(reference[0, JOINT["neck"]] - reference[0, [JOINT["left_hip"], JOINT["right_hip"]]].mean(0))
    assert pp.joint_distance(shifted, reference) == pytest.approx(np.sqrt(3 * 20**2 / 13) / trunk)


def test_a_joint_that_is_missing_brings_poses_no_nearer():
    reference, driving = poses(4), poses(3, 1)
    blind = driving.copy()
    blind[:, JOINT["left_wrist"]] = np.nan
    for foretell in (pp.nearest_pose, pp.joint_distance):
        stump = np.full((1, 18, 2), np.nan)
        kept = [JOINT[name] for name in ("neck", "left_hip", "right_hip")]
        stump[0, kept] = driving[0, kept]
        assert foretell(driving[:1], np.concatenate([reference, stump])) == pytest.approx(foretell(driving[:1], reference))
        assert np.isfinite(foretell(blind, reference)).all()
    assert np.isnan(pp.procrustes(blind, reference)).all()


def test_counterparts_are_the_limbs_of_the_one_nearest_pose():
    reference = poses(2)
    driving = reference[[1]] + 3.0
    driving[0, JOINT["left_wrist"]] += (6, 8)
    distance, limbs = pp.counterparts(driving, reference)
    assert distance == pytest.approx(10 / 12) and limbs.sum() == pytest.approx(10) and limbs.max() == pytest.approx(10)


def test_the_density_falls_with_frequency_which_eq_8_does_not_see():
    common, rare = poses(2)
    seldom, often = np.stack([common] * 9 + [rare]), np.stack([common] * 5 + [rare] * 5)
    before, after = (pp.density_distance(rare[None], v)[0] for v in (seldom, often))
    assert after < before
    assert pp.eq_8(rare[None], seldom) == pp.eq_8(rare[None], often) == 0
    # with nothing else within reach, a share f of the frames at distance 0 is γ √(−2 ln f)
    assert before == pytest.approx(GAMMA * np.sqrt(-2 * np.log(0.1)), rel=0.05)


def test_the_density_distance_is_that_of_eq_8_if_all_frames_are_alike_and_never_less():
    one, driving, many = poses(1), poses(6, 1), poses(15, 2)
    alike = np.repeat(one, 8, 0)
    assert pp.density_distance(driving, alike) == pytest.approx(pp.eq_8(driving, alike))
    assert (pp.density_distance(driving, many) >= pp.eq_8(driving, many)).all()


# ---- errors around limbs ----


def test_the_weights_of_all_limbs_together_are_alpha_of_the_body():
    body = poses(3)
    body[:, [JOINT[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]] = np.nan
    body[1, JOINT["left_knee"]] = np.nan
    alpha = limb_falloff(torch.from_numpy(body), 64)[:, 0].numpy()
    assert np.max([pp.limb_weights(body, limb, 64) for limb in range(12)], 0) == pytest.approx(alpha, abs=1e-4)


def test_an_error_is_found_around_the_limb_that_it_is_at_and_equal_frames_have_none(dee):
    joints = dee.poses.joints[:3]
    truth = dee.frames(64)[:3]
    assert np.nanmax(pp.limb_mse(truth, truth, joints)) == 0
    x, y = (joints[0, JOINT["right_wrist"]] / 4).astype(int)
    spoiled = truth.copy()
    spoiled[0, y - 2 : y + 3, x - 2 : x + 3] = 0
    found = pp.limb_mse(spoiled, truth, joints)
    assert (found[1:] == 0).all()
    assert pp.LIMB_NAMES[np.nanargmax(found[0])] == "right elbow–right wrist"
    assert found[0, pp.LIMB_NAMES.index("left elbow–left wrist")] < 0.1 * np.nanmax(found[0])
    flat = pp.limb_mse(np.clip(truth.astype(int) + 0, 0, 255).astype(np.uint8) // 2, truth // 2 + 10, joints)
    assert flat[~np.isnan(flat)] == pytest.approx(100), "a constant error is the same around every limb"


def test_the_mean_over_limbs_leaves_out_those_that_are_not_known():
    limbs = np.array([[1.0, 3.0, np.nan], [np.nan, np.nan, np.nan]])
    assert mean_over_limbs(limbs) == pytest.approx([2, np.nan], nan_ok=True)


# ---- what is fitted ----


def made_up_errors(rng, frames=400):
    limbs = rng.exponential(3, (frames, 12))
    return limbs, 50 * (1 + limbs[:, 5]) ** 2 * rng.lognormal(0, 0.1, frames)


def test_the_regressor_finds_the_limb_that_matters_and_never_sees_whom_it_is_judged_on():
    rng = np.random.default_rng(0)
    made = {name: made_up_errors(rng) for name in ("ann", "ben", "chi")}
    limbs, errors = {k: v[0] for k, v in made.items()}, {k: v[1] for k, v in made.items()}
    found = pp.foretell_logs(limbs, errors)
    for name in made:
        assert np.corrcoef(found[name], np.log(errors[name]))[0, 1] > 0.9
    other = pp.foretell_logs(limbs, errors | {"ann": errors["ann"][::-1]})
    assert np.array_equal(found["ann"], other["ann"]) and not np.array_equal(found["ben"], other["ben"])
    scaled = pp.foretell_logs(limbs, errors | {"ben": 9 * errors["ben"]})
    assert scaled["ann"] == pytest.approx(found["ann"]), "somebody's errors may be larger altogether"
    assert pp.foretell_logs({"ann": limbs["ann"]}, {"ann": errors["ann"]}) == {}


def test_the_expected_error_rises_with_the_distance_and_is_the_mean_where_there_is_no_trend():
    x, at = np.arange(100.0), np.array([-5.0, 50.0, 500.0])
    assert pp.expected_error(x, (x + 1) ** 2, at) == pytest.approx([1, 51, 100])
    assert pp.expected_error(x, np.where(x % 2, 4.0, 2.0)[::-1] - x / 1e3, at) == pytest.approx(np.sqrt(3), abs=0.05)
    assert pp.expected_error(np.append(x, np.nan), np.append((x + 1) ** 2, 1e9), at)[2] == pytest.approx(100)


# ---- Figures 4 and 5 ----


def test_figure_4_takes_whole_poses_at_quantiles_of_the_distance():
    reference, driving = poses(1)[0], np.repeat(poses(1), 11, 0)
    driving[:, JOINT["left_wrist"], 0] += 12.0 * np.arange(11)
    driving[10, JOINT["left_knee"]] = np.nan  # the farthest lacks limbs
    found = figure_4(reference, driving, (0, 0.5, 1))
    assert found.frames.tolist() == [0, 4, 9] or found.frames.tolist() == [0, 5, 9]
    assert found.distances == pytest.approx(found.frames.astype(float))
    assert (found.limbs.max(1) > GAMMA).tolist() == [False, True, True]


def found_joints(name):
    """The shipped extraction's joints at the aligned frame's scale; where they lie does not matter to Eq. (8)."""
    joints = load_extraction(extraction_path(DATA / "kits" / f"{name}.mp4", CaptureSettings())).poses.joints
    return joints * fit_alignment(joints, "hip").scale


@pytest.mark.parametrize("kit", KITS)
def test_the_pose_that_a_kit_lacks_is_at_least_twice_as_far_by_eq_8_and_it_is_the_arms_that_are(kit):
    reached = found_joints(f"{kit}-poses")[29::30]
    distance, limbs = sequence_distance(descriptor(reached), descriptor(found_joints(kit)))
    assert (distance[3] >= 2 * distance[:3]).all(), distance
    assert set(np.flatnonzero(limbs[3] > GAMMA)) <= set(pp.ARMS) and (limbs[3] > GAMMA).any()
    assert not (limbs[:3] > GAMMA).any()


def test_the_table_of_figure_5_has_means_over_seeds():
    label = KITS["vertical"][2]
    runs = [StoredRun(str(k), label, "ann", k, "whole", {"rmse": 10.0 + k, "arms_rmse": 2.0 * k}) for k in (0, 1)]
    assert fig_5_table(runs, "vertical") == {label: {"rmse": 10.5, "arms_rmse": 1.0}}


# ---- what to film next ----


def test_the_run_is_chosen_that_has_the_limb_which_is_missing():
    rng = np.random.default_rng(0)
    known = np.tile(rng.uniform(-30, 30, (1, 12, 2)), (50, 1, 1))
    driving = np.repeat(known[:1], 10, 0)
    driving[5:, 4] += (40, 0)  # half of the poses turn one limb as nothing known does
    driving[9, 7] += (0, 40)
    offered = [known[:RUN] + rng.normal(0, 0.1, (RUN, 12, 2)) for _ in range(6)]
    offered[3][:, 4] += (40, 0)
    offered[5][:, 7] += (0, 40)
    assert asked_for(driving, known, offered, 2) == [3, 5], "that which brings most first"
    assert sorted(asked_for(driving, known, offered, 6)) == list(range(6)), "each run once"
    blind = driving.copy()
    blind[:, 4] = np.nan
    assert asked_for(blind, known, offered, 1) == [5], "what the driving poses lack asks for nothing"


def frames_of(parts):
    return {frame for part in parts for frame in range(part.start, part.stop)}


def test_the_further_seconds_bring_what_is_missing_and_never_come_from_the_test_part():
    joints = np.repeat(poses(1), 3600, 0)
    (_,), (test,) = split(len(joints))
    joints[1500:1620, JOINT["left_wrist"]] += (50, 0)
    joints[test.start + 100 :, JOINT["left_wrist"]] += (50, 0)
    found = {kind: advised_split(kind, joints) for kind in ADVISED}
    for kind, (train, tested) in found.items():
        frames = frames_of(train)
        assert tested == [test] and not frames & frames_of(tested), kind
        assert set(range(OPENING)) <= frames and len(frames) == sum(part.stop - part.start for part in train)
        assert len(frames) == OPENING + (0 if kind == "opening" else RUN * RUNS)
        assert all(part.stop - part.start >= RUN for part in train)
    assert frames_of(found["asked"][0]) & set(range(1500, 1620))
    assert found["random-1"] != found["random-2"] and found["random-1"] == advised_split("random-1", joints)
    with pytest.raises(InputError, match="longer video"):
        advised_split("asked", joints[:1500])
