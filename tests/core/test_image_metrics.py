"""Measures of single frames and pairs of frames: blur, noise, edges, flicker; and the evaluation that is made of them."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from perfclone.metrics import (
    flicker,
    foreground_mse,
    frame_mse,
    frame_ssim,
    gradient_magnitude_similarity,
    pair_warping_errors,
    rmse,
    spectrum,
    spectrum_distance,
    warping_error,
    within_and_between,
)
from perfclone.skeleton import FRAME
from perfclone.training import PROFILES, Actor
from perfclone.training.networks import generator
from perfclone_lab.baselines import nearest_frames
from perfclone_lab.experiments import evaluation

SIZE = 64


@pytest.fixture(scope="module")
def frames(dee):
    return dee[:20].frames(SIZE)


def grey(values):
    """(..., H, W) → (..., H, W, 3) uint8."""
    return np.repeat(np.clip(np.round(values), 0, 255).astype(np.uint8)[..., None], 3, -1)


def noisy(frames, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, frames.shape)
    return np.clip(np.round(frames + noise), 0, 255).astype(np.uint8)


def smooth(frames, sigma):
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


# ---- errors ----


def test_equal_frames_have_no_error_and_are_wholly_alike(frames):
    anywhere = np.ones(frames.shape[:3], bool)
    for error in (frame_mse, spectrum_distance):
        assert error(frames, frames).tolist() == [0] * len(frames)
    assert foreground_mse(frames, frames, anywhere, anywhere).tolist() == [0] * len(frames)
    for likeness in (frame_ssim, gradient_magnitude_similarity):
        assert likeness(frames, frames) == pytest.approx(1)


def test_frames_of_different_shape_cannot_be_compared(frames):
    for measure in (frame_mse, frame_ssim, spectrum_distance, gradient_magnitude_similarity):
        with pytest.raises(ValueError, match="shape"):
            measure(frames, frames[:1])


def test_the_errors_of_single_frames_average_to_those_of_all(frames):
    wrong = noisy(frames, 30)
    wrong[0] = 255 - wrong[0]
    assert frame_mse(wrong, frames).mean() == pytest.approx(rmse(wrong, frames) ** 2)
    assert frame_mse(wrong, frames)[3] == pytest.approx(rmse(wrong[3:4], frames[3:4]) ** 2)
    assert frame_ssim(wrong, frames)[3] == pytest.approx(frame_ssim(wrong[3:4], frames[3:4])[0])
    mask, other = np.zeros(frames.shape[:3], bool), np.zeros(frames.shape[:3], bool)
    mask[:, 10:20], other[:, 40:50] = True, True  # of the same size in all frames
    expected = np.mean((wrong[mask | other].astype(float) - frames[mask | other]) ** 2)
    assert foreground_mse(wrong, frames, mask, other).mean() == pytest.approx(expected)


def test_the_foreground_of_each_frame_is_the_union_of_its_own_masks():
    truth = np.full((3, 8, 8, 3), 255, np.uint8)
    clone = truth.copy()
    clone[:2, 0:2] = 55
    true_mask, mask = np.zeros((3, 8, 8), bool), np.zeros((3, 8, 8), bool)
    true_mask[0, 4:6], mask[:2, 0:2] = True, True
    assert foreground_mse(clone, truth, mask, true_mask) == pytest.approx([200**2 / 2, 200**2, np.nan], nan_ok=True)


# ---- spectrum ----


def test_blur_noise_and_checkerboard_each_raise_the_spectrum_distance_and_more_of_it_raises_it_more(frames):
    checkerboard = np.indices((SIZE, SIZE)).sum(0)[..., None] % 2 * 2.0 - 1
    worse = {
        "blur": [smooth(frames, sigma) for sigma in (0.5, 1, 2)],
        "noise": [noisy(frames, deviation) for deviation in (2, 8, 20)],
        "checkerboard": [np.clip(frames + a * checkerboard, 0, 255).astype(np.uint8) for a in (2, 4, 8)],
    }
    for kind, versions in worse.items():
        distances = [np.zeros(len(frames)), *(spectrum_distance(version, frames) for version in versions)]
        assert all((less < more).all() for less, more in pairwise(distances)), kind


def test_the_energy_of_high_frequencies_falls_with_blur_and_rises_with_noise_so_it_is_no_distance(frames):
    fine = slice(SIZE // 4, None)
    energy = [spectrum(version)[:, fine].mean() for version in (smooth(frames, 1), frames, noisy(frames, 8))]
    assert energy == sorted(energy)


def test_the_spectrum_does_not_ask_where_the_performer_is_or_which_way_up(frames):
    moved = np.roll(frames, (5, -3), (1, 2))
    turned, mirrored = np.rot90(frames, axes=(1, 2)), frames[:, :, ::-1]
    for version in (moved, turned, mirrored):
        assert spectrum_distance(version, frames) == pytest.approx(0, abs=1e-3)
    assert frame_mse(moved, frames).min() > 100


def test_white_noise_has_its_variance_as_power_at_every_frequency_and_white_has_none():
    variance = 20.0**2
    noise = grey(np.random.default_rng(0).normal(128, variance**0.5, (200, SIZE, SIZE)))
    power = (10 ** (spectrum(noise) / 10)).mean(0)
    assert power[:-1] == pytest.approx(variance, rel=0.1)  # the last ring is a single frequency
    assert power[-1] == pytest.approx(variance, rel=0.4)
    white = np.full((1, SIZE, SIZE, 3), 255, np.uint8)
    assert 10 ** (spectrum(white) / 10) == pytest.approx(1 / 12)


def test_a_grating_has_power_at_its_own_frequency_only():
    x = (np.arange(SIZE) + 0.5) / SIZE
    for cycles in (3, 10, 25):
        power = spectrum(grey(128 + 100 * np.sin(2 * np.pi * cycles * x) * np.ones((1, SIZE, 1))))[0]
        assert power.argmax() == cycles - 1
        assert np.delete(power, cycles - 1).max() < power.max() - 20


def test_a_spectrum_over_rings_needs_a_square_frame():
    with pytest.raises(ValueError, match="square"):
        spectrum(np.zeros((1, 32, 64, 3), np.uint8))


SPECTRA = """
import sys
import numpy as np
from perfclone.metrics import spectrum

np.save(sys.argv[2], spectrum(np.load(sys.argv[1])))
"""


def test_a_spectrum_is_the_same_to_the_bit_however_many_threads_there_are(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), np.uint8)
    np.save(tmp_path / "noise.npy", noise)
    command = [sys.executable, "-c", SPECTRA, str(tmp_path / "noise.npy"), str(tmp_path / "spectra.npy")]
    subprocess.run(command, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}, check=True)
    assert np.array_equal(np.load(tmp_path / "spectra.npy"), spectrum(noise))


# ---- edges ----


def test_gradient_magnitude_similarity_of_a_tiny_image_equals_the_hand_calculation():
    """Halved, 4×4 pixels are [[200, 80], [200, 80]]. With the border continued, Prewitt's gradient is 120 in all four."""
    edge, flat = grey([[[210, 190, 80, 80]] * 4]), grey([[[100] * 4] * 4])
    assert gradient_magnitude_similarity(edge, flat) == pytest.approx([170 / (120**2 + 170)])
    softer = grey([[[150, 150, 80, 80]] * 4])  # 70
    assert gradient_magnitude_similarity(edge, softer) == pytest.approx([(2 * 120 * 70 + 170) / (120**2 + 70**2 + 170)])


def plain_gms(first, second):
    """The definition, pixel by pixel, of two (H, W) grey images of even size."""
    half = [0.25 * (one[::2, ::2] + one[1::2, ::2] + one[::2, 1::2] + one[1::2, 1::2]) for one in (first, second)]
    height, width = half[0].shape
    total = 0.0
    for i in range(height):
        for j in range(width):
            squares = []
            for one in half:
                near = np.pad(one, 1, mode="edge")[i : i + 3, j : j + 3]
                squares.append(((near[:, 2] - near[:, 0]).sum() / 3) ** 2 + ((near[2] - near[0]).sum() / 3) ** 2)
            total += (2 * np.sqrt(squares[0] * squares[1]) + 170) / (sum(squares) + 170)
    return total / (height * width)


def test_gradient_magnitude_similarity_agrees_with_the_definition_pixel_by_pixel(frames):
    worse = smooth(frames[:2], 1.5)
    weights = np.array([0.299, 0.587, 0.114])
    expected = [plain_gms(a @ weights, b @ weights) for a, b in zip(worse, frames, strict=False)]
    assert gradient_magnitude_similarity(worse, frames[:2]) == pytest.approx(expected, abs=1e-5)


def test_edges_stay_alike_under_a_change_of_brightness_but_not_when_moved(frames):
    darker = (frames // 2 + 20).astype(np.uint8)
    assert gradient_magnitude_similarity(darker + 60, darker) == pytest.approx(1, abs=1e-6)
    assert gradient_magnitude_similarity(255 - frames, frames) == pytest.approx(1, abs=1e-6)
    assert gradient_magnitude_similarity(np.roll(frames, 4, 2), frames).max() < 0.96


# ---- time ----


def test_pairs_of_one_pose_average_to_the_warping_error_of_the_whole(frames):
    joints = np.full((len(frames), 18, 2), np.nan)
    joints[:, 1], joints[:, 8] = (128, 90), (128, 160)
    flow = np.random.default_rng(0).normal(0, 1, (len(frames) - 1, SIZE, SIZE, 2))
    pairs = pair_warping_errors(frames, flow, joints)
    assert pairs.shape == (len(frames) - 1,)
    assert pairs.mean() == pytest.approx(warping_error(frames, flow, joints))
    assert pairs[4] == pytest.approx(warping_error(frames[4:6], flow[4:5], joints[4:6]))
    joints[7] = np.nan
    assert np.flatnonzero(np.isnan(pair_warping_errors(frames, flow, joints))).tolist() == [6]


def test_a_blur_lowers_the_warping_error_below_the_truths_so_that_it_must_not_stand_alone(dee, frames):
    flow, joints = dee[:20].flow(SIZE), dee.poses.joints[:20]
    soft = smooth(frames, 1)
    assert (pair_warping_errors(soft, flow, joints) < pair_warping_errors(frames, flow, joints)).all()
    assert spectrum_distance(soft, frames).min() > 5


def test_what_jumps_from_window_to_window_only_shows_between_them():
    brightness = [10, 10, 30, 30, 70, 70, 60]
    jumps = flicker(np.stack([np.full((8, 8, 3), level, np.uint8) for level in brightness]))
    assert jumps.tolist() == [0, 20, 0, 40, 0, 10]
    within, between = within_and_between(jumps, 2)
    assert np.nanmax(within) == 0
    assert between[1::2].tolist() == [20, 40, 10]
    assert np.isnan(within).tolist() == (~np.isnan(between)).tolist()


@pytest.mark.parametrize(("window", "expected"), [(1, [0, 1, 2, 3, 4, 5]), (2, [1, 3, 5]), (3, [2, 5]), (7, [])])
def test_a_pair_is_between_windows_where_a_new_window_begins(window, expected):
    _, between = within_and_between(np.zeros(6), window)
    assert np.flatnonzero(~np.isnan(between)).tolist() == expected


def test_a_generated_sequence_is_cut_where_the_split_says():
    """Frames that tell which window they are from: an incomplete last window shifts back, and keeps only what is new."""
    from perfclone.cloning.offline import performance_frames

    class Numbering:
        settings = replace(PROFILES["smoke"].settings, window=3)
        calls = 0

        def generate(self, windows):
            numbers = np.arange(self.calls, self.calls + len(windows))
            self.calls += len(windows)
            return np.ones((len(windows), 3, 2, 2, 3), np.uint8) * numbers[:, None, None, None, None].astype(np.uint8)

    made = np.stack(list(performance_frames(Numbering(), np.zeros((8, 18, 2)), np.ones(8, bool))))
    within, between = within_and_between(flicker(made), 3)
    assert np.nanmax(within) == 0
    assert np.nanmin(between) == 1


# ---- evaluation ----


def untrained():
    torch.manual_seed(0)
    settings = PROFILES["smoke"].settings
    return Actor(None, settings, {}, generator(settings).eval(), np.zeros((1, 18, 2), np.float32), None)


@pytest.fixture(scope="module")
def parts(dee):
    """Two test parts, of an odd number of frames and an even one, and what is left for training."""
    return [dee[40:51], dee[90:100]], [dee[:40], dee[51:90]]


@pytest.fixture(scope="module")
def truth(parts):
    return evaluation.joined_frames(parts[0], SIZE)


def test_the_true_frames_are_without_error_and_show_the_pose_that_drives_them(parts, truth):
    measures = evaluation.measure(truth, parts[0])
    assert all(values.shape == (21,) for values in measures.values())
    for name, best in (("mse", 0), ("foreground_mse", 0), ("spectrum", 0), ("ssim", 1), ("gms", 1)):
        assert measures[name] == pytest.approx(best)
    assert np.flatnonzero(np.isnan(measures["warping"])).tolist() == [0, 11]  # before a part's first frame is nothing
    assert np.array_equal(measures["warping"], measures["true_warping"], equal_nan=True)
    assert np.flatnonzero(~np.isnan(measures["pck"])).tolist() == list(range(0, 21, evaluation.POSE_EVERY))
    assert np.nanmean(measures["pck"]) > 0.95
    assert evaluation.summary(measures)["normalised_warping"] == 1


def test_no_pose_is_found_in_blank_frames_and_a_wrong_one_in_those_of_another_time(parts, truth):
    joints = np.concatenate([part.poses.joints for part in parts[0]])
    assert np.nanmax(evaluation.pose_found_again(np.full_like(truth, 255), joints)) == 0
    raised = joints - (0, FRAME / 4)
    assert np.nanmax(evaluation.pose_found_again(truth, raised)) < 0.2


def test_frames_in_which_nobody_is_seen_do_not_count(dee):
    joints = dee.poses.joints[:10].copy()
    joints[5] = np.nan
    part = replace(dee[:10], poses=replace(dee.poses[:10], joints=joints))
    control = evaluation.frozen(part.frames(SIZE))
    measures = evaluation.measure(control, [part])
    for name in ("mse", "foreground_mse", "ssim", "spectrum", "gms"):
        assert np.flatnonzero(np.isnan(measures[name])).tolist() == [5]
    assert np.flatnonzero(np.isnan(measures["warping"])).tolist() == [0, 5, 6]
    assert np.flatnonzero(~np.isnan(measures["pck"])).tolist() == [0]
    nearest = evaluation.nearest_neighbour([part], [dee[10:]], SIZE)
    assert (nearest[5] == 255).all() and (nearest[4] < 255).any()


def test_a_sequence_must_have_a_frame_for_each_pose(parts, truth):
    with pytest.raises(ValueError, match="20 frames for 21 poses"):
        evaluation.measure(truth[1:], parts[0])


def test_the_pixel_oracle_finds_a_frame_itself_and_nothing_in_the_training_data_is_nearer(parts, truth):
    test_parts, train_parts = parts
    reference = evaluation.joined_frames(train_parts, SIZE)
    assert np.array_equal(evaluation.pixel_oracle(reference[7:9], reference), reference[7:9])
    best = frame_mse(evaluation.pixel_oracle(truth, reference), truth)
    everything = np.stack([frame_mse(np.broadcast_to(one, truth.shape), truth) for one in reference])
    assert best == pytest.approx(everything.min(0), abs=0)
    driving, joints = (np.concatenate([part.poses.joints for part in of]) for of in (test_parts, train_parts))
    assert (best <= frame_mse(reference[nearest_frames(driving, joints)], truth)).all()


def test_the_pixel_oracle_is_exact_where_frames_differ_by_one_step_in_one_pixel():
    rng = np.random.default_rng(0)
    reference = np.repeat(rng.integers(128, 255, (1, 128, 128, 3), np.uint8), 3, 0)
    reference[1, 5, 6, 0] += 1
    reference[2, 90, 4, 2] += 1
    assert np.array_equal(evaluation.pixel_oracle(reference, reference), reference)


def test_controls_are_bad_each_in_its_own_way(parts, truth):
    still, soft = evaluation.frozen(truth), evaluation.blurred(truth)
    assert flicker(still).max() == 0 < flicker(soft).min()
    assert frame_mse(still, truth)[0] == 0 < frame_mse(still, truth)[1:].min()
    assert spectrum_distance(soft, truth).min() > spectrum_distance(still, truth).max()
    assert soft.mean() == pytest.approx(truth.mean(), abs=0.5)


def test_an_evaluation_compares_what_the_actor_makes_of_each_part_alone(parts, truth):
    actor, (test_parts, _) = untrained(), parts
    measures = evaluation.evaluate(evaluation.ours(actor, test_parts), test_parts, actor.settings.window)
    assert all(values.shape == (21,) and values.dtype == np.float64 for values in measures.values())
    clone = np.concatenate([evaluation.ours(actor, [part]) for part in test_parts])
    assert measures["mse"] == pytest.approx(frame_mse(clone, truth))
    assert evaluation.summary(measures)["rmse"] == pytest.approx(rmse(clone, truth))
    assert np.flatnonzero(~np.isnan(measures["flicker_between"])).tolist() == [2, 4, 6, 8, 10, 13, 15, 17, 19]
    assert np.flatnonzero(~np.isnan(measures["flicker_within"])).tolist() == [1, 3, 5, 7, 9, 12, 14, 16, 18, 20]
    assert measures["flicker_between"][13] == pytest.approx(flicker(clone[12:14])[0])


def test_a_summary_takes_roots_of_mean_squares_and_leaves_out_what_no_frame_has():
    nothing = np.full(3, np.nan)
    measures = {
        "mse": np.array([9, np.nan, 23.0]),
        "pixel_oracle_mse": np.array([1.0, 1, 1]),
        "ssim": np.array([0.5, np.nan, 0.7]),
        "warping": np.array([np.nan, 6, 8.0]),
        "true_warping": np.array([np.nan, 2, 2.0]),
        "pck": nothing,
    }
    expected = {"rmse": 4, "pixel_oracle_rmse": 1, "ssim": 0.6, "warping": 7, "true_warping": 2, "normalised_warping": 3.5}
    assert evaluation.summary(measures) == pytest.approx(expected)
    assert evaluation.summary({"mse": nothing}) == {}
