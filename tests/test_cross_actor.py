"""A clone beside its truth: what the extractor makes of a performer does not move the truth out of its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perfclone.capture import CaptureSettings
from perfclone.capture.alignment import Alignment, fit_alignment
from perfclone.capture.extraction import extraction_path, load_extraction
from perfclone.capture.pipeline import aligned_poses
from perfclone.experiments.cross_actor import habit, method_alignment, true_frames
from perfclone.skeleton import JOINT, J, trunk
from perfclone.truth import load_truth

ROOT = Path(__file__).parents[1]


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
