"""Equations (7) and (8): hand-made skeletons, the properties of a distance, missing joints; nearest neighbours; the errors of
joints, masks and frames."""

import numpy as np
import pytest

from perfclone.metrics import (
    descriptor,
    foreground_mse,
    frame_ssim,
    mask_iou,
    nearest_limbs,
    pck,
    pose_distance,
    rmse,
    sequence_distance,
    warping_error,
)
from perfclone.skeleton import BODY_JOINTS, DESCRIPTOR_LIMBS, JOINT
from perfclone_lab.baselines import nearest_frames, retrieve


def poses(count, seed=0):
    return np.random.default_rng(seed).uniform(20, 236, (count, 18, 2))


def test_descriptor_has_three_limbs_for_each_arm_and_leg():
    assert len(set(DESCRIPTOR_LIMBS)) == 12
    legs = {JOINT[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee", "ankle")}
    assert sum(second in legs for _, second in DESCRIPTOR_LIMBS) == 6


def test_pose_distance_of_hand_made_skeletons_equals_the_hand_calculation():
    standing = poses(1)
    moved = standing.copy()
    # a wrist moved by (3, 4) changes one limb by 5; an elbow moved by (0, 6) changes upper and lower arm by 6 each
    moved[0, JOINT["left_wrist"]] += (3, 4)
    assert pose_distance(descriptor(standing), descriptor(moved))[0][0, 0] == pytest.approx(5 / 12)
    moved[0, JOINT["right_elbow"]] += (0, 6)
    assert pose_distance(descriptor(standing), descriptor(moved))[0][0, 0] == pytest.approx((5 + 6 + 6) / 12)


def test_pose_distance_is_a_metric_and_ignores_translation():
    p, q, r = (descriptor(poses(7, seed)) for seed in (0, 1, 2))
    assert np.diag(pose_distance(p, p)[0]) == pytest.approx(0)
    assert pose_distance(p, q)[0] == pytest.approx(pose_distance(q, p)[0].T)
    direct, detour = pose_distance(p, r)[0], pose_distance(p, q)[0][:, :, None] + pose_distance(q, r)[0][None]
    assert (direct[:, None] <= detour + 1e-9).all()
    assert descriptor(poses(7) + (30, -12)) == pytest.approx(p)


def test_sequence_distance_is_at_most_the_nearest_poses_and_never_grows_with_more_frames():
    p, v = descriptor(poses(20)), descriptor(poses(30, 1))
    whole, limbs = sequence_distance(p, v)
    assert (whole <= pose_distance(p, v)[0].min(1) + 1e-9).all()
    assert (whole <= sequence_distance(p, v[:10])[0] + 1e-9).all()
    assert sequence_distance(v, v)[0] == pytest.approx(0)
    expected = np.linalg.norm(p[:, None] - v[None], axis=-1).min(1)
    assert limbs == pytest.approx(expected)


def test_nearest_limbs_are_those_of_a_search_through_all_and_infinite_where_the_sequence_lacks_the_limb():
    rng = np.random.default_rng(0)
    p, v = (descriptor(rng.uniform(0, 256, (count, 18, 2))) for count in (40, 60))
    p[3, 5], v[:, 8], v[::2, 2] = np.nan, np.nan, np.nan
    every = np.sort(np.linalg.norm(p[:, None] - v[None], axis=-1), 1)  # NaN last
    for k in (1, 3):
        found = nearest_limbs(p, v, k)
        assert np.isnan(found[3, 5]) and np.isinf(found[:, 8]).all()
        there = np.isfinite(found)
        assert there.sum() == 40 * 11 - 1
        assert found[there] == pytest.approx(every[:, k - 1][there])
    assert np.isinf(nearest_limbs(p, v, 31)[:, 2]).all(), "the sequence has that limb 30 times"
    mean, limbs = sequence_distance(p, v)
    assert np.isnan(limbs[:, 8]).all()
    assert mean == pytest.approx(np.nanmean(limbs, 1))


def test_missing_joints_leave_their_limbs_out_and_say_so():
    p, q = poses(1), poses(1, 1)
    whole = np.linalg.norm(descriptor(p) - descriptor(q), axis=-1)[0]
    p[0, JOINT["left_wrist"]] = np.nan  # one limb
    q[0, JOINT["right_knee"]] = np.nan  # two limbs
    gone = [k for k, limb in enumerate(DESCRIPTOR_LIMBS) if JOINT["left_wrist"] in limb or JOINT["right_knee"] in limb]
    distance, counted = pose_distance(descriptor(p), descriptor(q))
    assert counted[0, 0] == 9
    assert distance[0, 0] == pytest.approx(np.delete(whole, gone).mean())
    to_sequence, limbs = sequence_distance(descriptor(p), descriptor(q))
    assert np.isnan(limbs[0]).nonzero()[0].tolist() == gone
    assert to_sequence[0] == pytest.approx(distance[0, 0])
    nothing = np.full((1, 18, 2), np.nan)
    assert np.isnan(pose_distance(descriptor(nothing), descriptor(q))[0]).all()
    assert np.isnan(sequence_distance(descriptor(nothing), descriptor(q))[0]).all()


def test_a_reference_pose_with_few_limbs_does_not_win_by_having_less_to_compare():
    driving, near = poses(1), poses(1)
    near[0] += np.random.default_rng(0).normal(0, 5, (18, 2))
    stump = np.full((1, 18, 2), np.nan)
    stump[0, [1, 2]] = driving[0, [1, 2]]  # one limb only, and that one exact
    assert nearest_frames(driving, np.concatenate([stump, near])).tolist() == [1]


def test_retrieved_frame_is_shifted_to_the_drivers_position():
    reference = poses(3)
    frames = np.full((3, 64, 64, 3), 255, np.uint8)
    frames[1, 20:30, 20:30] = (200, 10, 10)
    driving = reference[[1]] + (16.0, -8.0)  # 4 and -2 pixels at side 64
    expected = np.full((64, 64, 3), 255, np.uint8)
    expected[18:28, 24:34] = (200, 10, 10)
    assert np.array_equal(retrieve(driving, reference, frames)[0], expected)


def test_pck_counts_body_joints_within_a_share_of_the_torso_and_a_missing_one_as_a_miss():
    true = np.zeros((1, 18, 2))
    true[0, JOINT["neck"]] = (0, -50)  # the hips are at the origin, so the torso measures 50
    found = true.copy()
    assert pck(found, true, 0.1) == 1
    found[0, JOINT["left_knee"]] += (6, 0)
    found[0, JOINT["nose"]] = np.nan
    found[0, JOINT["left_ear"]] = np.nan  # not a body joint
    assert pck(found, true, 0.1) == pytest.approx(1 - 2 / len(BODY_JOINTS))
    assert pck(found, true, 0.2) == pytest.approx(1 - 1 / len(BODY_JOINTS))
    true[0, JOINT["nose"]] = np.nan  # what nobody knows is not held against the extractor
    assert pck(found, true, 0.2) == 1
    assert np.isnan(pck(found, true * np.nan, 0.2))


def test_mask_iou_is_the_shared_over_the_joint_area_of_each_frame():
    true, found = np.zeros((3, 8, 8), bool), np.zeros((3, 8, 8), bool)
    true[0, 2:6], found[0, 2:6] = True, True
    true[1, 2:6], found[1, 4:8] = True, True  # two rows shared of six
    assert mask_iou(found, true)[:2] == pytest.approx([1, 1 / 3])
    assert np.isnan(mask_iou(found, true)[2])
    with pytest.raises(ValueError, match="shape"):
        mask_iou(found, true[:1])


def test_rmse_is_the_root_of_the_mean_squared_difference_in_8_bit_units():
    black, grey = np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 8, 8, 3), 30, np.uint8)
    assert rmse(black, black) == 0
    assert rmse(black, grey) == 30
    half = black.copy()
    half[:, :4] = 30
    assert rmse(black, half) == pytest.approx(30 / np.sqrt(2))
    with pytest.raises(ValueError, match="shape"):
        rmse(black, grey[:1])


def test_ssim_is_one_for_equal_frames_and_tells_a_blur_from_a_shift_of_brightness_that_rmse_can_not():
    truth = np.random.default_rng(0).integers(60, 200, (2, 64, 64, 3)).astype(np.uint8)
    brighter, flat = truth + 30, np.full_like(truth, 130)
    assert frame_ssim(truth, truth) == pytest.approx(1)
    assert frame_ssim(brighter, truth).min() > 0.9 > 0.1 > frame_ssim(flat, truth).max()


def test_foreground_mse_looks_at_the_union_of_both_masks():
    truth = np.full((1, 8, 8, 3), 255, np.uint8)
    clone = truth.copy()
    clone[0, 0:2] = 55  # beside the actor: the true mask alone would let this off
    true_mask, mask = np.zeros((1, 8, 8), bool), np.zeros((1, 8, 8), bool)
    true_mask[0, 4:6], mask[0, 0:2] = True, True
    assert foreground_mse(clone, truth, mask, true_mask) == pytest.approx(200**2 / 2)
    assert np.isnan(foreground_mse(clone, truth, mask & False, mask & False)).all()


def test_warping_error_is_zero_for_frames_that_follow_the_flow_and_grows_with_flicker():
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (80, 80, 3), np.uint8)
    frames = np.stack([texture[8 : 8 + 64, 8 - 2 * i + 6 : 8 - 2 * i + 6 + 64] for i in range(4)])  # moves right by 2 a frame
    flow = np.zeros((3, 64, 64, 2), np.float32)
    flow[..., 0] = -2
    joints = np.full((4, 18, 2), np.nan)
    joints[:, 1], joints[:, 8] = (128, 90), (128, 160)
    exact = warping_error(frames, flow, joints)
    assert exact < 0.5
    flicker = frames.copy()
    flicker[::2] = np.clip(flicker[::2].astype(int) + 20, 0, 255)
    assert warping_error(flicker, flow, joints) > exact + 5
