"""Pose extraction: agreement with truth and with another implementation, who is followed, and OpenPose's files."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from perfclone.capture.alignment import fit_alignment
from perfclone.capture.extraction import export_extraction, extract, extraction_path, known, load_extraction
from perfclone.capture.extractor import Follower, Person, distinct
from perfclone.capture.masks import Refiner, clean_plate, decode_mask, encode_mask
from perfclone.capture.mediapipe_extractor import MediapipeExtractor, coco_joints
from perfclone.capture.openpose import read_keypoints
from perfclone.capture.pipeline import aligned_poses, capture
from perfclone.capture.settings import CaptureSettings
from perfclone.errors import InputError
from perfclone.metrics import mask_iou, pck
from perfclone.skeleton import BODY_JOINTS, JOINT, J, PoseTrack
from perfclone.video import VideoWriter, content_hash, read_frames
from perfclone_lab.datasets.truth import Truth, load_truth

ACTORS = Path(__file__).parents[2] / "data" / "actors"
CLIPS = Path(__file__).parents[3] / "shared" / "clips"
BODY = list(BODY_JOINTS)


def truth(name: str) -> Truth:
    return load_truth(ACTORS / f"{name}.mp4")


@cache
def shipped(name: str):
    return load_extraction(extraction_path(ACTORS / f"{name}.mp4", CaptureSettings()))


@pytest.mark.skipif(not CLIPS.is_dir(), reason="needs the clip of a real person")
def test_agrees_with_another_implementation_on_a_real_person():
    landmarks = np.array(json.loads((CLIPS / "pose_squats.full.json").read_text()))
    other = np.stack([coco_joints(frame, np.ones(33))[0] for frame in landmarks])
    settings = CaptureSettings()
    poses, alignment, _ = aligned_poses(extract(CLIPS / "pose_squats.mp4", settings), settings)
    ours = alignment.source_points(poses.joints)
    assert pck(ours, other, 0.1) >= 0.99
    assert np.nanmedian(np.linalg.norm(ours - other, axis=-1)[:, BODY]) <= 6


def _still(joints: np.ndarray) -> np.ndarray:
    """(T - 1, 18) the joint truly moves less than 0.4 px a frame in this and the eight frames around."""
    steps = np.nan_to_num(np.linalg.norm(np.diff(joints, axis=0), axis=-1), nan=9.0)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(steps, ((4, 4), (0, 0)), mode="edge"), 9, axis=0)
    return around.max(-1) < 0.4


@pytest.mark.parametrize("name", ["dee", "eve", "fin"])
def test_smoothing_halves_the_jitter_of_still_limbs_and_keeps_accuracy(name):
    true = truth(name).joints
    tracks = {}
    for smoothing_s in (0.0, CaptureSettings().smoothing_s):
        poses, alignment, _ = aligned_poses(shipped(name), CaptureSettings(smoothing_s=smoothing_s))
        tracks[smoothing_s > 0] = alignment.source_points(poses.joints)
    still = _still(true)[:, BODY]
    assert still.sum() > 300

    def jitter(joints):
        return np.nanmean(np.linalg.norm(np.diff(joints - true, axis=0), axis=-1)[:, BODY][still])

    assert jitter(tracks[True]) < 0.5 * jitter(tracks[False])
    assert pck(tracks[True], true, 0.1) >= pck(tracks[False], true, 0.1)


def test_poses_and_masks_of_a_shipped_actor_are_near_the_truth():
    """Also that what is shipped is what the library finds: the first frames are found anew."""
    frames = 12
    true = truth("dee")[:frames]
    found = extract(ACTORS / "dee.mp4", CaptureSettings(), max_frames=frames)
    assert pck(known(found.poses, 0.5), true.joints, 0.2) > 0.98
    assert np.abs(found.poses.joints - shipped("dee").poses.joints[:frames]).max() < 0.5
    ours = np.stack([decode_mask(png) > 0 for png in found.masks])
    assert mask_iou(ours, true.masks()).mean() > 0.96


def test_refining_brings_masks_nearer_to_the_truth():
    masks = truth("dee")[:600].masks()
    numbers = list(range(0, 600, 50))
    frames = [frame for index, (_, frame) in enumerate(read_frames(ACTORS / "dee.mp4", 600)) if index in numbers]
    with MediapipeExtractor() as extractor:
        soft = [extractor.people(index, frame)[0].mask for index, frame in enumerate(frames)]
    plate = clean_plate(frames, [np.where(mask > 26, 255, 0).astype(np.uint8) for mask in soft])
    refined = [Refiner(plate).refine(frame, mask) for frame, mask in zip(frames, soft)]

    def overlap(found):
        return mask_iou(np.stack(found) >= 128, masks[numbers]).mean()

    assert overlap(refined) > 0.97 and 1 - overlap(refined) < 0.75 * (1 - overlap(soft))


def test_the_clean_plate_is_the_background():
    """A bright square that wanders over a gradient leaves no trace."""
    background = np.dstack([np.tile(np.arange(120, dtype=np.uint8), (90, 1))] * 3)
    frames, masks = [], []
    for step in range(10):
        frame, mask = background.copy(), np.zeros((90, 120), np.uint8)
        frame[30:60, 10 * step : 10 * step + 20] = 250
        mask[30:60, 10 * step : 10 * step + 20] = 255
        frames.append(frame), masks.append(mask)
    np.testing.assert_array_equal(clean_plate(frames, masks), background)


def test_masks_survive_as_one_bit():
    mask = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (37, 61))
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


def test_a_face_seen_from_behind_has_no_eyes():
    places = np.zeros((33, 3))
    places[11, 0], places[12, 0] = 100, 60  # facing the camera: the left shoulder is to the right in the picture
    places[0, 2], places[[7, 8], 2] = -30, 0
    face = [JOINT["nose"], JOINT["right_eye"], JOINT["left_eye"]]
    assert (coco_joints(places, np.ones(33))[1] == 1).all()
    places[:, 0] = 160 - places[:, 0]
    places[0, 2] = 20
    confidence = coco_joints(places, np.ones(33))[1]
    assert (confidence[face] == 0).all() and confidence[JOINT["neck"]] == 1


def test_low_confidence_is_missing():
    poses = PoseTrack(np.zeros((1, J, 2), np.float32), np.linspace(0, 1, J, dtype=np.float32)[None], np.zeros(1))
    np.testing.assert_array_equal(np.isnan(known(poses, 0.5)[0, :, 0]), poses.confidence[0] < 0.5)
    assert np.isnan(known(poses, 0.0)[0, 0]).all()  # 0 is "not seen" whatever the threshold


def _someone(x: float, size: float) -> Person:
    rng = np.random.default_rng(3)
    return Person((rng.uniform(-0.5, 0.5, (J, 2)) * size + (x, 240)).astype(np.float32), np.ones(J, np.float32))


def test_the_followed_person_is_not_swapped_where_two_meet():
    survey = [[_someone(300, 200), _someone(600, 150)]] * 10
    follower = Follower(survey, 640, 480)
    for step in range(40):  # the smaller one walks past
        people = [_someone(600 - 15 * step, 150), _someone(300, 200)]
        assert follower.choose(people, step / 25) is people[1]


def test_a_small_bystander_is_not_followed_before_the_performer_comes():
    follower = Follower([[_someone(320, 300)]] * 10, 640, 480)
    assert follower.choose([_someone(100, 80)], 0.0) is None
    performer = _someone(320, 300)
    assert follower.choose([_someone(100, 80), performer], 0.04) is performer


def test_one_person_found_twice_is_one():
    assert len(distinct([_someone(300, 200), _someone(310, 205), _someone(500, 200)])) == 2


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A video with dee on the left, whole, and eve on the right at two thirds of the size."""
    import cv2

    path = tmp_path_factory.mktemp("company") / "two.mp4"
    with VideoWriter(path, 540, 320, metadata={}) as writer:
        pairs = zip(read_frames(ACTORS / "dee.mp4", 14), read_frames(ACTORS / "eve.mp4", 14))
        for (time_s, large), (_, small) in pairs:
            right = np.full((320, 220, 3), small[0, 0], np.uint8)
            right[100:] = cv2.resize(small, (220, 220), interpolation=cv2.INTER_AREA)
            writer.write(np.concatenate([large, right], 1), time_s)
    return path


def test_a_second_person_is_noticed_and_the_larger_followed(company):
    performance = capture(company)
    assert any("second person" in notice for notice in performance.notices)
    alignment = performance.alignment
    source = alignment.source_points(performance.poses.joints)
    assert pck(source, truth("dee").joints[:14], 0.2) > 0.95


def _openpose(folder, joints: np.ndarray, keypoints: int, extra: np.ndarray | None = None) -> Path:
    """Write joints as OpenPose does: pixel centres at whole numbers, zeros where missing."""
    folder.mkdir()
    order = list(range(18)) if keypoints == 18 else [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    for number in range(len(joints)):
        people = []
        for track in (joints, extra):
            if track is None:
                continue
            rows = np.zeros((keypoints, 3))
            rows[order] = np.concatenate([track[number] - 0.5, np.full((18, 1), 0.9)], 1)
            rows[np.isnan(rows).any(1)] = 0
            people.append({"person_id": [-1], "pose_keypoints_2d": rows.ravel().tolist()})
        name = f"clip_{number:012d}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": people[::-1]}))
    return folder


@pytest.mark.parametrize("keypoints", [18, 25])
def test_openpose_files_give_their_joints_and_the_larger_person(tmp_path, keypoints):
    joints = truth("dee").joints[:10]
    joints[3, JOINT["right_wrist"]] = np.nan
    folder = _openpose(tmp_path / "json", joints, keypoints, extra=joints * 0.6 + 5)
    found = extract(ACTORS / "dee.mp4", CaptureSettings(), max_frames=10, openpose=folder)
    np.testing.assert_allclose(known(found.poses, 0.5), joints, atol=1e-3)
    assert found.company.all()
    assert decode_mask(found.masks[5]).any()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"people": 3}', '{"people": [{}]}', '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}',
        '{"people": [{"pose_keypoints_2d": "x"}]}', json.dumps({"people": [{"pose_keypoints_2d": [1e300] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}), "[" * 100_000,
        json.dumps({"people": [{"pose_keypoints_2d": [[1, 2], [3]]}]}),
    ],
)  # fmt: skip
def test_hostile_openpose_files_are_refused(tmp_path, text):
    path = tmp_path / "a_000000000000_keypoints.json"
    path.write_text(text)
    with pytest.raises(InputError, match="OpenPose"):
        read_keypoints(path)


def test_folders_without_openpose_files_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="openpose|OpenPose"):
            capture(ACTORS / "dee.mp4", max_frames=4, openpose=folder)


def _video_of(path, frames) -> Path:
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, metadata={}) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, index / 25)
    return path


def test_a_video_without_a_person_is_refused_and_leaves_nothing(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 256, (20, 120, 160, 3), np.uint8)
    with pytest.raises(InputError, match="no person found"):
        capture(_video_of(tmp_path / "noise.mp4", list(noise)), out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["noise.mp4"]
    assert capfd.readouterr().err == ""


def test_a_person_in_few_frames_is_refused(tmp_path):
    frames = [frame for _, frame in read_frames(ACTORS / "dee.mp4", 4)]
    frames += [np.full((320, 320, 3), 128, np.uint8)] * 8
    with pytest.raises(InputError, match="only 33% of the frames"):
        capture(_video_of(tmp_path / "few.mp4", frames))


def test_the_exported_extraction_is_what_was_found_and_is_used(tmp_path):
    video = _video_of(tmp_path / "clip.mp4", [frame for _, frame in read_frames(ACTORS / "eve.mp4", 8)])
    fresh = capture(video, max_frames=6)
    path = export_extraction(video)
    assert path.parent == tmp_path / "extractions"
    kept, found = load_extraction(path), extract(video, CaptureSettings())
    np.testing.assert_array_equal(kept.poses.joints, found.poses.joints)
    assert kept.masks == found.masks and kept.size == (320, 320)
    again = capture(video, max_frames=6, out=tmp_path / "again")
    np.testing.assert_allclose(again.poses.joints, fresh.poses.joints, atol=1e-4)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="delete it"):
        capture(video, max_frames=5)


def test_mediapipe_keeps_stderr_clean_and_errors_alive(capfd):
    with MediapipeExtractor() as extractor, pytest.raises((TypeError, ValueError, RuntimeError)):
        extractor.people(0, np.zeros((3, 3), np.float64))
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_the_datasheet_has_the_checksums():
    data = ACTORS.parent
    listed = dict(
        re.findall(r"\| `((?:actors|across|kits)/\S+)` \| [\d,]+ \| `(\w{64})`", (data / "README.md").read_text("utf-8"))
    )
    files = [*ACTORS.rglob("*.*"), *(data / "across").glob("*.*"), *(data / "kits").rglob("*.*")]
    assert listed == {str(path.relative_to(data)): content_hash(path) for path in files}


@pytest.mark.parametrize("name", ["ann", "ben", "chi", "dee", "eve", "fin", "gil"])
def test_shipped_truth_video_and_extraction_agree(name):
    true, found = truth(name), shipped(name)
    times = [time_s for time_s, _ in read_frames(ACTORS / f"{name}.mp4")]
    assert len(times) == len(true) == len(found.poses)
    np.testing.assert_allclose(found.poses.times, times, atol=1e-9)
    assert true.about["alignment"]["scale"] == pytest.approx(fit_alignment(true.joints, "hip").scale, rel=1e-4)
    some = slice(0, 600)
    rows, columns = (np.floor(true.joints[some, BODY][..., axis]).astype(int) for axis in (1, 0))
    assert true[some].masks()[np.arange(len(rows))[:, None], rows, columns].mean() > 0.97
    assert pck(known(found.poses, 0.5), true.joints, 0.2) > 0.95
