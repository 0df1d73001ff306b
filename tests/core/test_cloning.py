"""Cloning: every driving frame once, held poses, backgrounds, and what the written file says of itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import perfclone as pc
from perfclone.cloning.offline import compose, find_background, hold_poses, matte, performance_frames
from perfclone.errors import InputError
from perfclone.skeleton import JOINT, PoseTrack
from perfclone.training import PROFILES, Actor
from perfclone.training.networks import generator
from perfclone.video import probe, read_frames

RECORD = {"reference": [{"name": "dee", "sha256": "0" * 64}]}


def untrained(window=2):
    torch.manual_seed(0)
    settings = replace(PROFILES["smoke"].settings, window=window)
    plate = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    return Actor(None, settings, RECORD, generator(settings).eval(), np.zeros((1, 18, 2), np.float32), plate)


def walk(frames):
    """A pose that moves a little in every frame."""
    pose = np.random.default_rng(0).uniform(60, 196, (18, 2))
    return np.stack([pose + (i, 0) for i in range(frames)]).astype(np.float32)


@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 2, 5, 17, 33])
@pytest.mark.parametrize("overlap", [False, True])
def test_every_driving_frame_gives_one_frame(window, frames, overlap):
    made = list(performance_frames(untrained(window), walk(frames), np.ones(frames, bool), overlap))
    assert len(made) == frames
    assert all(frame.shape == (64, 64, 3) and frame.dtype == np.uint8 for frame in made)


def test_windows_lie_side_by_side_and_an_incomplete_last_one_shifts_back():
    actor, joints = untrained(), walk(5)
    made = list(performance_frames(actor, joints, np.ones(5, bool)))
    for start, kept in ((0, (0, 1)), (2, (0, 1)), (3, (1,))):
        window = actor.generate(joints[None, start : start + 2])[0]
        for k in kept:
            assert np.array_equal(made[start + k], window[k])


def test_overlapping_windows_are_averaged():
    actor, joints = untrained(), walk(4)
    made = list(performance_frames(actor, joints, np.ones(4, bool), overlap=True))
    first, second = (actor.generate(joints[None, s : s + 2])[0].astype(float) for s in (0, 1))
    assert np.array_equal(made[0], first[0].astype(np.uint8))
    assert np.abs(made[1] - (first[1] + second[0]) / 2).max() <= 0.5


def test_a_lost_performer_is_held_for_five_frames_then_the_background_is_shown():
    joints = walk(20)
    joints[:2] = np.nan  # not yet there
    joints[5:15] = np.nan  # gone for ten frames
    filled, shown = hold_poses(PoseTrack(joints, np.ones((20, 18)), np.arange(20.0)))
    assert shown.tolist() == [False] * 2 + [True] * 3 + [True] * 5 + [False] * 5 + [True] * 5
    assert np.array_equal(filled[5:10], np.repeat(joints[4:5], 5, 0))
    assert not np.isnan(filled[:, JOINT["neck"]]).any()


@pytest.mark.parametrize("side_by_side", [False, True])
def test_the_clone_has_the_drivers_frames_times_and_says_that_it_is_synthetic(eve, tmp_path, side_by_side):
    import av

    out = pc.clone(untrained(), eve[:11], tmp_path / "new" / "clone.mp4", side_by_side=side_by_side)
    about = probe(out)
    assert (about.width, about.height) == ((768 if side_by_side else 256), 256)
    times = [time for time, _ in read_frames(out)]
    assert times == pytest.approx(eve.poses.times[:11] - eve.poses.times[0], abs=1e-4)
    assert about.fps == pytest.approx(25, abs=0.01)
    with av.open(str(out)) as container:
        assert "synthetic" in container.metadata["comment"].lower()
        assert eve.sha256 in container.metadata["comment"]
    assert [path.name for path in out.parent.iterdir()] == ["clone.mp4"]


def test_side_by_side_shows_the_driver_before_his_own_background(eve, tmp_path):
    out = pc.clone(untrained(), eve[:4], tmp_path / "clone.mp4", side_by_side=True)
    frames = np.stack([frame for _, frame in read_frames(out)])
    assert np.abs(frames[:, :, :256].astype(int) - eve[:4].scenes()).mean() < 4, "H.264 loses little"


def person():
    """A dark figure on white with a white shirt, an arm akimbo that closes in a patch of background, and its pose."""
    frame = np.full((256, 256, 3), 255, np.uint8)
    frame[40:220, 100:150] = (60, 60, 160)
    frame[90:130, 112:138] = 255  # the shirt's white print, on the trunk
    frame[80:90, 150:190] = frame[80:150, 180:190] = frame[140:150, 150:190] = (90, 40, 40)  # arm around a gap
    joints = np.full((18, 2), np.nan)
    joints[JOINT["neck"]], joints[JOINT["right_hip"]], joints[JOINT["left_hip"]] = (125, 60), (118, 150), (132, 150)
    joints[JOINT["left_shoulder"]], joints[JOINT["left_elbow"]], joints[JOINT["left_wrist"]] = (145, 85), (185, 85), (185, 145)
    return frame, joints


def test_matte_keeps_white_clothes_on_the_trunk_and_drops_a_gap_beside_it():
    alpha = matte(*person())
    assert alpha[20, 20] == 0
    assert alpha[200, 125] == 1
    assert alpha[110, 125] == 1, "white print"
    assert alpha[115, 165] == 0, "gap between arm and trunk"


def test_a_background_replaces_the_white_around_the_performer_only():
    frame, joints = person()
    behind = find_background("#30a060", untrained())
    picture = compose(frame, joints, behind)
    assert picture[20, 20].tolist() == [0x30, 0xA0, 0x60]
    assert picture[200, 125].tolist() == [60, 60, 160]
    assert np.array_equal(compose(frame, joints, find_background("white", untrained())), frame)
    assert np.array_equal(find_background("plate", untrained()), untrained().plate)


def test_an_image_is_cropped_to_a_square_for_the_background(tmp_path):
    import cv2

    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = (10, 20, 200)  # BGR
    cv2.imwrite(str(tmp_path / "wall.png"), image)
    assert (find_background(str(tmp_path / "wall.png"), untrained()) == (200, 20, 10)).all()


@pytest.mark.parametrize("name", ["chartreuse-ish", "#12", "/no/such/file.png", ""])
def test_an_unknown_background_is_refused(name):
    with pytest.raises(InputError, match="no background"):
        find_background(name, untrained())
