"""Cloning in one go: the poses are a capture's, the video is a clone's, and stages are no further ahead than they may be."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import perfclone as pc
from perfclone.capture import CaptureSettings
from perfclone.capture.pipeline import aligned_poses
from perfclone.capture.poses import extract_poses
from perfclone.cli import main
from perfclone.cloning.streamed import StreamReport, clone_video
from perfclone.stages import ahead
from perfclone.video import VideoWriter, read_frames

ROOT = Path(__file__).parents[2]
ACTOR, EVE = ROOT / "data" / "reference" / "actor", ROOT / "data" / "actors" / "eve.mp4"


@pytest.fixture(scope="module")
def dance(tmp_path_factory):
    """Two seconds of a driver, without an extraction beside them; in the middle nobody is there."""
    path = tmp_path_factory.mktemp("dance") / "dance.mp4"
    frames = [frame for _, frame in read_frames(EVE, 40)]
    frames[20:24] = [np.median(np.stack(frames), 0).astype(np.uint8)[:, :1].repeat(320, 1)] * 4
    with VideoWriter(path, 320, 320) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number / 25)
    return path


@pytest.fixture(scope="module")
def captured(dance):
    """The same, captured."""
    return pc.capture(dance)


def test_several_workers_find_the_poses_of_a_capture(dance, captured):
    together = extract_poses(dance, workers=3)
    poses, alignment, notices = aligned_poses(together, CaptureSettings())
    for name in ("joints", "confidence", "times"):
        assert np.array_equal(getattr(poses, name), getattr(captured.poses, name), equal_nan=True)
    assert np.isnan(together.poses.joints[20:24]).all() and not np.isnan(together.poses.joints[:20]).any()
    assert (alignment, notices) == (captured.alignment, captured.notices)


def test_the_command_writes_what_a_capture_cloned_would_be_and_captures_nothing(dance, captured, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PERFCLONE_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "streamed.mp4"
    arguments = ["clone", ACTOR, dance, "--out", out, "--background", "#30a060", "--device", "cpu"]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capfd.readouterr()
    assert "40 frames in" in shown.out and "slowest: " in shown.out
    assert not shown.err
    assert not (tmp_path / "cache" / "captures").exists()
    pc.clone(pc.load_actor(ACTOR, "cpu"), captured, tmp_path / "cloned.mp4", background="#30a060")
    (times, streamed), (expected_times, cloned) = (
        zip(*read_frames(path), strict=True) for path in (out, tmp_path / "cloned.mp4")
    )
    assert times == expected_times
    difference = np.abs(np.stack(streamed).astype(int) - np.stack(cloned)).mean()
    assert difference < 1.5, "of 255 levels, after H.264, in bf16 where the machine has it"


def test_where_two_are_seen_poses_are_found_as_a_capture_finds_them(tmp_path):
    pairs = zip(read_frames(EVE, 16), read_frames(EVE.with_name("gil.mp4"), 16), strict=True)
    frames = [np.concatenate([one, other], 1) for (_, one), (_, other) in pairs]
    with VideoWriter(tmp_path / "two.mp4", frames[0].shape[1], frames[0].shape[0]) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number / 25)
    report = clone_video(pc.load_actor(ACTOR, "cpu"), tmp_path / "two.mp4", tmp_path / "clone.mp4")
    assert (report.frames, report.pose_workers) == (16, 1)
    (notice,) = report.notices
    assert "second person" in notice


def test_the_slowest_stage_is_by_the_time_that_others_wait_for_it():
    busy = {"decode": 3.0, "pose": 10.0, "generator": 6.0}
    assert StreamReport(100, 8.0, busy, 1, ()).slowest == "pose"
    assert StreamReport(100, 8.0, busy, 2, ()).slowest == "generator", "two workers share the poses"
    assert "12.5 a second; ms a frame: decode 30.0, pose 100.0, generator 60.0" in StreamReport(100, 8.0, busy, 2, ()).text()


def test_ahead_gives_all_in_order_and_is_never_further_ahead_than_asked():
    made = []

    def items():
        for number in range(30):
            made.append(number)
            yield number

    taken = []
    for number in ahead(items(), 3):
        time.sleep(0.005)
        taken.append(number)
        assert len(made) <= len(taken) + 3 + 1, "three wait, and one is being made"
    assert taken == list(range(30))


def test_what_fails_ahead_is_raised_after_what_came_before():
    def items():
        yield 1
        raise OSError("gone")

    stream = ahead(items(), 3)
    assert next(stream) == 1
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_ahead_ends_when_nobody_takes_any_more():
    threads = threading.active_count()
    stream = ahead(iter(range(10**9)), 3)
    assert next(stream) == 0
    stream.close()
    assert threading.active_count() == threads
