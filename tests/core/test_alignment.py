"""Alignment (Sec. 3.1), gaps and smoothing: where in the picture, and how large, the performer is makes no difference."""

from __future__ import annotations

import numpy as np
import pytest

from perfclone.capture.alignment import body_size, fit_alignment, steadier_length
from perfclone.capture.extraction import Extraction
from perfclone.capture.pipeline import aligned_poses
from perfclone.capture.settings import LENGTHS_PX, CaptureSettings
from perfclone.capture.smoothing import fill_gaps, left_right_swaps, smooth
from perfclone.errors import InputError
from perfclone.skeleton import FRAME, JOINT, OTHER_SIDE, J, PoseTrack, trunk


def _dancer(frames: int = 80, seed: int = 0) -> np.ndarray:
    """(T, 18, 2) a body that moves and jitters in the pixels of a 640×480 video, some joints missing."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(-40, 40, (J, 2)) + (320, 200)
    body[JOINT["neck"]], body[JOINT["right_hip"]], body[JOINT["left_hip"]] = (320, 150), (305, 230), (335, 231)
    drift = np.cumsum(rng.normal(0, 1.5, (frames, 1, 2)), 0)
    swing = 25 * np.sin(np.arange(frames)[:, None, None] / 7 + rng.uniform(0, 6, (1, J, 2)))
    swing[:, [JOINT["neck"], JOINT["right_hip"], JOINT["left_hip"]]] *= 0.1
    joints = body + drift + swing + rng.normal(0, 0.7, (frames, J, 2))
    joints[rng.uniform(size=(frames, J)) < 0.05] = np.nan
    return joints


def _extraction(joints: np.ndarray, fps: float = 25.0) -> Extraction:
    frames = len(joints)
    confidence = np.where(np.isnan(joints).any(-1), 0, 0.9).astype(np.float32)
    poses = PoseTrack(joints.astype(np.float32), confidence, np.arange(frames) / fps)
    return Extraction(poses, (b"",) * frames, np.zeros(frames, bool), np.zeros((4, 4, 3), np.uint8), (640, 480))


@pytest.mark.parametrize("align_by", ["hip", "torso"])
@pytest.mark.parametrize("scale, shift", [(1.0, (57.3, -31.9)), (0.41, (0, 0)), (2.7, (300, 11))])
def test_a_moved_or_rescaled_driver_gives_the_same_aligned_poses(align_by, scale, shift):
    settings = CaptureSettings(align_by=align_by)
    poses, alignment, _ = aligned_poses(_extraction(_dancer()), settings)
    other, moved, _ = aligned_poses(_extraction(_dancer() * scale + shift), settings)
    assert moved.scale == pytest.approx(alignment.scale / scale, rel=1e-5)
    np.testing.assert_allclose(other.joints, poses.joints, atol=1e-3)  # NaN in the same places
    assert np.isfinite(poses.joints).mean() > 0.95


@pytest.mark.parametrize("align_by", ["hip", "torso"])
def test_mean_centre_and_mean_size_are_what_section_3_1_says(align_by):
    joints = _dancer()
    aligned = fit_alignment(joints, align_by).points(joints)
    neck, middle = trunk(aligned)
    np.testing.assert_allclose(np.nanmean((neck + middle) / 2, 0), FRAME / 2, atol=1e-9)
    assert body_size(aligned, align_by) == pytest.approx(LENGTHS_PX[align_by])


def test_picture_and_joints_are_moved_alike():
    """A disc drawn about a joint is found about the aligned joint, in a large and in a small picture of the same video."""
    joints = _dancer()
    alignment = fit_alignment(joints, "torso")
    place = np.array([333.25, 190.75])
    rows, columns = np.mgrid[:480, :640] + 0.5
    for factor in (1, 2):
        disc = (np.hypot(columns - place[0], rows - place[1]) < 30).astype(np.uint8) * 255
        disc = np.kron(disc, np.ones((factor, factor), np.uint8))
        aligned = alignment.image(disc, (640, 480)).astype(float)
        ys, xs = np.mgrid[:FRAME, :FRAME] + 0.5
        centre = np.array([(xs * aligned).sum(), (ys * aligned).sum()]) / aligned.sum()
        np.testing.assert_allclose(centre, alignment.points(place), atol=0.15)
        assert np.sqrt(aligned.sum() / 255 / np.pi) == pytest.approx(30 * alignment.scale, rel=0.02)


def test_shrinking_averages_instead_of_aliasing():
    """A fine checkerboard becomes grey."""
    joints = _dancer() * 6
    board = (np.indices((2880, 3840)).sum(0) % 2 * 255).astype(np.uint8)
    aligned = fit_alignment(joints, "hip").image(np.dstack([board] * 3))
    inner = aligned[120:136, 120:136].astype(float)
    assert abs(inner.mean() - 127.5) < 2 and inner.std() < 12


def test_hips_never_seen_together_ask_for_the_torso():
    joints = _dancer()
    joints[::2, JOINT["right_hip"]] = joints[1::2, JOINT["left_hip"]] = np.nan
    with pytest.raises(InputError, match="torso"):
        fit_alignment(joints, "hip")
    assert fit_alignment(joints, "torso").scale > 0


def test_short_gaps_are_filled_on_the_line_and_long_ones_stay():
    times = np.arange(40) / 25
    joints = np.repeat((times * 100)[:, None, None], J, 1) * np.ones(2)
    holes = joints.copy()
    holes[3:8, 0] = holes[10:30, 1] = holes[:4, 2] = np.nan
    filled = fill_gaps(holes, times, 0.2)
    np.testing.assert_allclose(filled[:, 0], joints[:, 0])
    assert np.isnan(filled[10:30, 1]).all() and np.isnan(filled[:4, 2]).all()
    np.testing.assert_array_equal(fill_gaps(holes, times, 0.0)[3:8, 0], holes[3:8, 0])


def _somebody(seconds: float, fps: float, turning: bool) -> tuple[np.ndarray, np.ndarray]:
    """(T, 18, 2) joints of somebody who waves, and who turns around once a few seconds if asked to; (T,) times."""
    times = np.arange(0, seconds, 1 / fps)
    across = np.array([0.0, 0.0, *(-20, -30, -40), *(20, 30, 40), *(-10, -10, -10), *(10, 10, 10), -3, 3, -6, 6])
    height = np.array([40.0, 30, *(30, 50, 70), *(30, 50, 70), *(80, 110, 140), *(80, 110, 140), 37, 37, 38, 38])
    joints = np.tile(np.stack([across, height], -1), (len(times), 1, 1))
    joints[:, JOINT["right_wrist"], 1] += 30 * np.sin(6 * times)
    if turning:
        joints[..., 0] *= np.cos(2 * np.pi * times / 3)[:, None]
    return joints + (128, 20), times


def test_sides_that_an_extractor_took_for_each_other_for_a_moment_are_found():
    joints, times = _somebody(4, 30, turning=False)
    wrong = np.zeros(len(times), bool)
    wrong[[20, 21, 22, 40, 60, 61]], wrong[80:95] = True, True
    muddled = joints.copy()
    muddled[wrong] = joints[wrong][:, OTHER_SIDE]
    np.testing.assert_array_equal(left_right_swaps(muddled, times), wrong)
    muddled[41:44] = np.nan
    np.testing.assert_array_equal(left_right_swaps(muddled, times)[wrong], True)


@pytest.mark.parametrize("fps", [6, 25, 60])
def test_somebody_who_turns_around_keeps_their_sides(fps):
    joints, times = _somebody(7, fps, turning=True)
    assert not left_right_swaps(joints, times).any()


def test_smoothing_calms_a_still_limb_and_follows_a_moving_one():
    times, rng = np.arange(200) / 25, np.random.default_rng(1)
    true = np.zeros((200, J, 2))
    true[:, 1] = 40 * np.sin(2 * np.pi * 1.0 * times)[:, None]  # a wave a second, 80 px wide
    noisy = true + rng.normal(0, 0.5, true.shape)
    smoothed = smooth(noisy, times, CaptureSettings().smoothing_s)

    def jitter(joints):
        return np.abs(np.diff(joints[:, 0], axis=0)).mean()

    assert jitter(smoothed) < 0.2 * jitter(noisy)
    assert np.abs(smoothed - true)[10:-10, 1].max() < 4  # a twentieth of the wave
    lag = np.argmax(np.correlate(smoothed[:, 1, 0], true[:, 1, 0], "full")) - 199
    assert lag == 0


def test_smoothing_knows_seconds_not_frames_and_can_be_switched_off():
    joints, rng = _dancer(), np.random.default_rng(2)
    np.testing.assert_array_equal(smooth(joints, np.arange(80) / 25, 0.0), joints)
    np.testing.assert_array_equal(smooth(joints, np.arange(80) / 5, 0.3), joints)  # neighbours are too far apart in time
    parabola = (np.arange(80) / 25 - 1)[:, None, None] ** 2 * rng.uniform(1, 30, (1, J, 2))
    np.testing.assert_allclose(smooth(parabola, np.arange(80) / 25, 0.36), parabola, atol=1e-9)


@pytest.mark.parametrize("wrong", [{"align_by": "head"}, {"min_confidence": 2.0}, {"smoothing_s": -1.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        CaptureSettings(**wrong)


def test_source_points_undoes_points():
    alignment = fit_alignment(_dancer(), "hip")
    points = np.random.default_rng(0).uniform(-50, 700, (5, 18, 2))
    np.testing.assert_allclose(alignment.source_points(alignment.points(points)), points)


# ---- who fits into the frame ----


def _foreshortened(hips):
    """The dancer with hips seen at such a share of their width, as from the side."""
    joints = _dancer()
    middle = (joints[:, JOINT["right_hip"]] + joints[:, JOINT["left_hip"]]) / 2
    for name in ("right_hip", "left_hip"):
        joints[:, JOINT[name]] = middle + hips * (joints[:, JOINT[name]] - middle)
    return joints


def test_somebody_seen_from_before_is_aligned_by_the_hips_as_the_paper_does():
    assert steadier_length(_dancer()) == "hip"
    assert fit_alignment(_dancer(), "auto") == fit_alignment(_dancer(), "hip")


def test_somebody_seen_from_the_side_stays_in_the_picture():
    joints = _foreshortened(0.2)
    joints[:, JOINT["right_hip"]] += np.random.default_rng(0).normal(0, 0.5, (len(joints), 2))
    assert steadier_length(joints) == "torso"

    def inside(align_by):
        aligned = fit_alignment(joints, align_by).points(joints)
        return ((aligned >= 0) & (aligned <= 256) | np.isnan(aligned)).all((1, 2)).mean()

    assert inside("hip") < 0.5
    assert inside("auto") >= 0.95


def test_a_performer_is_shrunk_no_more_than_it_takes():
    joints = _dancer()
    neck, middle = trunk(joints.astype(float))
    far = joints.copy()
    far[::3, JOINT["right_wrist"]] = (neck + middle)[::3] / 2 + np.array([0, -2000])  # a raised hand in a third of the frames
    alignment = fit_alignment(far, "auto")
    reach = np.nanmax(np.abs(alignment.points(far) - 128), (1, 2))
    assert (reach <= 128).mean() >= 0.95 and np.quantile(reach, 0.95) > 120, "just inside"


def test_few_frames_outside_shrink_nobody():
    far = _dancer()
    far[:3, JOINT["right_wrist"]] = (320, -5000)  # three of eighty
    assert fit_alignment(far, "auto").scale == fit_alignment(far, "hip").scale
