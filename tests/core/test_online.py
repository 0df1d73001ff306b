"""Online cloning: late frames are dropped and never queued, times are what a clock would say, and the alignment is held."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import perfclone as pc
from perfclone.capture.extractor import Person
from perfclone.cli import main
from perfclone.cloning.fast_generator import FastGenerator, Upsampling
from perfclone.cloning.online.live import Performing
from perfclone.cloning.online.mailbox import Mailbox
from perfclone.cloning.online.report import FrameTimes, Stopwatch
from perfclone.cloning.online.source import Arrival, FileSource
from perfclone.cloning.online.tracker import LEARN_S, Tracker
from perfclone.errors import InputError
from perfclone.skeleton import JOINT
from perfclone.training import PROFILES, Actor
from perfclone.training.networks import generator
from perfclone.video import VideoWriter, probe, read_frames

ROOT = Path(__file__).parents[2]
ACTOR, EVE = ROOT / "data" / "reference" / "actor", ROOT / "data" / "actors" / "eve.mp4"
WHITE = np.full((256, 256, 3), 255, np.uint8)


# ---- the generator ----


@pytest.mark.parametrize("bias", [False, True])
def test_upsampling_is_the_transposed_convolution(bias):
    torch.manual_seed(0)
    transposed = torch.nn.ConvTranspose2d(5, 3, 4, 2, 1, bias=bias).double()
    x = torch.randn(2, 5, 6, 7, dtype=torch.float64)
    assert torch.allclose(Upsampling(transposed)(x), transposed(x), atol=1e-12)


def test_the_fast_generator_makes_the_actors_frames():
    actor = pc.load_actor(ACTOR, "cpu")
    before = {name: value.clone() for name, value in actor.generator.state_dict().items()}
    windows = np.stack([actor.joints[i : i + 2] for i in (0, 1000, 2000, 3000)])
    assert FastGenerator(actor, "fp32").error(windows)["largest"] <= 1, "one level, where a sum falls on the edge between two"
    bf16 = FastGenerator(actor, "bf16").error(windows)
    assert 0 < bf16["rmse"] < 1, "of 255 levels; the actor's own error is some 20"
    assert all(torch.equal(value, before[name]) for name, value in actor.generator.state_dict().items())


@pytest.mark.parametrize("other", [{"norm": "instance"}, {"test_statistics": "batch"}])
def test_a_generator_whose_normalisation_is_not_fixed_has_no_fast_form(other):
    settings = replace(PROFILES["smoke"].settings, **other)
    actor = Actor(None, settings, {}, generator(settings).eval(), np.zeros((1, 18, 2), np.float32), WHITE)
    with pytest.raises(InputError, match="online"):
        FastGenerator(actor)


# ---- mailbox and report ----


def test_a_mailbox_keeps_the_newest_and_counts_what_it_drops():
    box = Mailbox(2)
    for number in range(5):
        box.put(number)
    assert box.take() == [3, 4]
    assert box.dropped == 3
    box.put(5)
    box.close()
    assert (box.take(), box.take()) == ([5], []), "what is in a closed box can still be taken"


def test_the_report_is_what_hand_made_times_say():
    watch = Stopwatch()
    watch.show(FrameTimes(0, 0, 0, 0, 0, 0.5), performed=False)
    for number in range(100):  # latencies of 41, 42, …, 140 ms
        due = 1 + number / 25
        posed = due + 0.002 + 0.020
        watch.show(FrameTimes(due, due + 0.002, posed, posed + 0.001, posed + 0.011, due + 0.041 + number / 1000), True)
    report = watch.report(110, {"the pose": 9})
    assert (report.came, report.shown, report.performed) == (110, 101, 100)
    assert report.seconds == pytest.approx(1 + 99 / 25)
    assert report.latency_ms == pytest.approx({"p50": 90.5, "p95": 135.05, "p99": 139.01, "max": 140.0})
    stages = [2, 20, 1, 10, 57.5]
    assert list(report.stages_ms.values()) == pytest.approx(stages)
    assert report.slowest == "output"
    assert report.drift_ms == pytest.approx(75)
    assert "9 before the pose" in report.text() and "p95 135 ms" in report.text()


def test_a_report_of_nothing_says_why():
    report = Stopwatch().report(0, {})
    assert "not learnt" in report.text()
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["latency_ms"] == {}


# ---- the source ----


def test_a_file_plays_at_its_own_rate(tmp_path):
    times = [0.0, 0.1, 0.15, 0.4, 0.9]
    with VideoWriter(tmp_path / "uneven.mp4", 64, 64) as writer:
        for number, time_s in enumerate(times):
            writer.write(np.full((64, 64, 3), 40 * number, np.uint8), time_s)
    source, came = FileSource(tmp_path / "uneven.mp4"), []
    for arrival in source.arrivals(threading.Event()):
        came.append((arrival.due_s, time.perf_counter()))
    due, real = np.array(came).T
    assert due - due[0] == pytest.approx(times[: len(due)] if source.late == 0 else due - due[0], abs=1e-3)
    assert (real >= due).all(), "nothing comes before its time"
    assert len(due) + source.late == len(times)


def test_a_stopped_file_waits_for_nothing(tmp_path):
    with VideoWriter(tmp_path / "long.mp4", 64, 64) as writer:
        for time_s in (0, 60):
            writer.write(np.zeros((64, 64, 3), np.uint8), time_s)
    stop = threading.Event()
    frames = FileSource(tmp_path / "long.mp4").arrivals(stop)
    next(frames)
    threading.Timer(0.1, stop.set).start()
    began = time.perf_counter()
    assert list(frames) == []
    assert time.perf_counter() - began < 30


# ---- the tracker ----


class Puppet:
    """An extractor that finds one person of a given size at a given place, or nobody."""

    def __init__(self):
        self.scale, self.there, self.lost = 1.0, True, []

    def people(self, index, frame):
        """See `Extractor`."""
        joints = np.random.default_rng(0).uniform(20, 80, (18, 2))
        joints[JOINT["neck"]], joints[JOINT["right_hip"]], joints[JOINT["left_hip"]] = (50, 20), (45, 60), (55, 60)
        confidence = np.ones(18, np.float32)
        confidence[self.lost] = 0
        return [Person((joints * self.scale).astype(np.float32), confidence)] if self.there else []


def learnt(puppet, torso_px=80.0):
    tracker, image = Tracker(puppet, torso_px), np.zeros((100, 100, 3), np.uint8)
    poses = [tracker.pose(i / 25, image) for i in range(round(LEARN_S * 25) + 1)]
    assert poses == [None] * len(poses), "nothing is performed before the alignment is there"
    return tracker, lambda frame: tracker.pose(frame / 25, image)


def test_the_alignment_is_learnt_from_the_first_seconds_and_held():
    puppet = Puppet()
    tracker, pose = learnt(puppet)
    neck, hip = JOINT["neck"], [JOINT["right_hip"], JOINT["left_hip"]]
    first = pose(100)
    assert np.linalg.norm(first[neck] - first[hip].mean(0)) == pytest.approx(80), "the actor's torso"
    assert (first[neck] + first[hip].mean(0)) / 2 == pytest.approx((128, 128))
    held, puppet.scale = tracker.alignment, 2.0
    later = pose(101)
    assert np.linalg.norm(later[neck] - later[hip].mean(0)) == pytest.approx(160), "who comes nearer gets larger"
    assert tracker.alignment == held


def test_a_lost_joint_stays_for_a_moment_and_a_lost_person_gives_no_pose():
    puppet = Puppet()
    _, pose = learnt(puppet)
    wrist = JOINT["left_wrist"]
    before = pose(100)
    puppet.lost = [wrist]
    assert np.array_equal(pose(104)[wrist], before[wrist]), "for 0.2 s"
    assert np.isnan(pose(106)[wrist]).all()
    puppet.there = False
    assert pose(110) is not None
    assert pose(112) is None
    puppet.there = True
    assert pose(113) is not None, "and is back without learning anew"


def test_time_in_which_nobody_is_seen_teaches_nothing():
    puppet = Puppet()
    puppet.there = False
    tracker, image = Tracker(puppet, 80.0), np.zeros((100, 100, 3), np.uint8)
    assert all(tracker.pose(i / 25, image) is None for i in range(200))
    assert tracker.alignment is None


# ---- the performance ----


class Steady:
    """A source of numbered frames at a steady rate, without decoding."""

    name, late = "steady", 0

    def __init__(self, count, fps=25.0, end=None):
        self.count, self.fps, self.end = count, fps, end

    def arrivals(self, stop):
        """See `Source`."""
        start = time.perf_counter()
        for number in range(self.count):
            if stop.wait(max(0.0, start + number / self.fps - time.perf_counter())):
                return
            yield Arrival(start + number / self.fps, np.full((8, 8, 3), number, np.uint8))
        if self.end:
            raise self.end


class Kept:
    """An output that keeps what it is given."""

    def __init__(self, enough=10**6):
        self.pictures, self.times, self.enough = [], [], enough

    def put(self, picture, time_s):
        """See `Output`."""
        self.pictures.append(picture)
        self.times.append(time_s)
        return len(self.pictures) < self.enough


def pose_of(time_s, image):
    """A pose that says which frame it is from; in the frames from the 20th to the 29th there is nobody."""
    number = int(image[0, 0, 0])
    return None if 20 <= number < 30 else np.full((18, 2), number, np.float32)


def painted(windows):
    """A generator whose frames have the colour of their pose."""
    shade = windows[..., 0, 0].astype(np.uint8)
    return np.broadcast_to(shade[..., None, None, None], (*shade.shape, 64, 64, 3)).copy()


def numbers(pictures):
    return [int(picture[128, 128, 0]) for picture in pictures]


def test_every_frame_shows_the_pose_of_its_own_moment():
    output = Kept()
    report = Performing(Steady(50), pose_of, painted, 2).run(output, WHITE)
    asked = [255 if 20 <= (n := round(time_s * 25)) < 30 else n for time_s in output.times]
    assert numbers(output.pictures) == asked
    assert report.came == 50 == report.shown + sum(report.dropped.values())
    assert report.shown - report.performed == asked.count(255)


def test_a_slow_generator_drops_frames_and_delays_none():
    slow_s = 0.2

    def slow(windows):
        time.sleep(slow_s)
        return painted(windows)

    output = Kept()
    report = Performing(Steady(70), lambda t, image: pose_of(t, image // 10), slow, 2).run(output, WHITE)
    assert report.came == 70 == report.shown + sum(report.dropped.values())
    assert 10 <= report.shown <= 2 * 3.0 / slow_s + 2, "two frames a window of 0.2 s, in the three seconds that it lasts"
    assert report.dropped["the generator"] > 20
    assert report.latency_ms["p95"] < 1000 * (2 * slow_s + 0.2), "what waits, and what is at work; never more"
    assert abs(report.drift_ms) < 150
    assert report.slowest == "generator"


def test_a_failure_in_a_stage_ends_the_others_and_is_told():
    threads = threading.active_count()
    with pytest.raises(InputError, match="cut off"):
        Performing(Steady(5, end=InputError("it is cut off")), pose_of, painted, 2).run(Kept(), WHITE)
    assert threading.active_count() == threads


def test_a_viewer_who_has_seen_enough_ends_it():
    output = Kept(enough=5)
    report = Performing(Steady(10_000), pose_of, painted, 2).run(output, WHITE)
    assert 5 <= report.shown <= 20


# ---- the command ----


@pytest.fixture(scope="module")
def dance(tmp_path_factory):
    """Four seconds of a driver."""
    path = tmp_path_factory.mktemp("dance") / "dance.mp4"
    with VideoWriter(path, 320, 320) as writer:
        for time_s, frame in read_frames(EVE, 100):
            writer.write(frame, time_s)
    return path


def test_live_plays_a_video_and_writes_the_clone(dance, tmp_path, capfd):
    import av

    out = tmp_path / "clone.mp4"
    arguments = ["live", ACTOR, "--source", dance, "--out", out, "--background", "plate", "--json", "--device", "cpu"]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capfd.readouterr()
    report = json.loads(shown.out)
    assert not shown.err
    assert report["came"] == 100 == report["shown"] + sum(report["dropped"].values())
    assert report["performed"] > 3, "the last second"
    times, pictures = zip(*read_frames(out), strict=True)
    assert len(times) == report["shown"]
    assert np.array(times) * 25 == pytest.approx(np.round(np.array(times) * 25), abs=0.01), "the source's own time stamps"
    plate = pc.load_actor(ACTOR, "cpu").plate.astype(int)
    assert np.abs(pictures[0] - plate).mean() < 3, "while the alignment is learnt"
    assert np.abs(pictures[-1] - plate).max() > 100, "somebody is there"
    with av.open(str(out)) as container:
        assert "Synthetic" in container.metadata["comment"] and "dance" in container.metadata["comment"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends an interrupt as Unix does")
def test_an_interrupt_ends_it_with_the_file_finished(dance, tmp_path):
    with VideoWriter(tmp_path / "long.mp4", 64, 64) as writer:
        for second in range(100):
            writer.write(np.zeros((64, 64, 3), np.uint8), second / 5)
    command = [sys.executable, "-m", "perfclone.cli", "live", ACTOR, "--source", "long.mp4", "--out", "out/clone.mp4"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    running = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    while not any(file.stat().st_size for file in tmp_path.glob("out/.*.tmp")) and running.poll() is None:
        time.sleep(0.1)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "frames came" in said
    assert probe(tmp_path / "out" / "clone.mp4").width == 256
    assert len(list(read_frames(tmp_path / "out" / "clone.mp4"))) < 100


def refused(capfd, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    error = capfd.readouterr().err
    assert len(error.splitlines()) == 1, error
    return error


def test_what_can_not_be_is_refused_in_one_line(dance, capfd, tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "no file" in refused(capfd, "live", ACTOR, "--source", tmp_path / "missing.mp4")
    assert "camera 97" in refused(capfd, "live", ACTOR, "--source", "97")
    assert "no actor folder" in refused(capfd, "live", tmp_path / "nobody", "--source", dance)
    assert "no background" in refused(capfd, "live", ACTOR, "--source", dance, "--background", "mauve-ish")
    (tmp_path / "file").touch()
    assert "below" in refused(capfd, "live", ACTOR, "--source", dance, "--out", tmp_path / "file" / "below.mp4")
    if sys.platform == "linux":
        assert "--show" in refused(capfd, "live", ACTOR, "--source", dance, "--show")
    assert not list(tmp_path.glob("*.mp4"))
