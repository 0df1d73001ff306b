"""The command line as a user meets it: bad input ends in one line and exit code 2, and leaves nothing half-made behind."""

import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import perfclone as pc
from perfclone.cli import main
from perfclone.video import VideoWriter, probe, read_frames

ACTORS = Path(__file__).parents[2] / "data" / "actors"
SQUATS = Path(__file__).parents[3] / "shared" / "clips" / "pose_squats.mp4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Input of every kind that is no good."""
    folder = tmp_path_factory.mktemp("input")
    (folder / "empty.mp4").touch()
    (folder / "random.mp4").write_bytes(np.random.default_rng(0).bytes(100_000))
    (folder / "text.mp4").write_text("This is not a video.\n" * 100)
    whole = (ACTORS / "eve.mp4").read_bytes()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    dancer = [frame for _, frame in read_frames(ACTORS / "eve.mp4", 60)]
    room = np.median(np.stack(dancer), 0).astype(np.uint8)
    room[:, 60:260] = room[:, 10:11]  # nobody and no shadow
    _write(folder / "nobody.mp4", [room] * 40)
    _write(folder / "hardly.mp4", [dancer[i] if i % 4 == 0 else room for i in range(60)])
    _write(folder / "short.mp4", dancer[:31])
    return folder


def _write(path, frames):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height) as writer:
        for i, frame in enumerate(frames):
            writer.write(frame, i / 25)


@pytest.fixture(scope="module")
def actor(dee, tmp_path_factory):
    """A trained actor's folder."""
    out = tmp_path_factory.mktemp("actor") / "dee"
    from dataclasses import replace

    pc.train(dee, settings=replace(pc.PROFILES["smoke"].settings, steps=2, batch=2), out=out)
    return out


def refused(capfd, arguments, *words):
    """The command ends with exit code 2 and one line on standard error, with these words in it."""
    assert main([str(argument) for argument in arguments]) == 2
    error = capfd.readouterr().err
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("perfclone: ")
    for word in words:
        assert word in lines[0]


BAD_VIDEOS = {
    "missing.mp4": "no file",
    "empty.mp4": "empty",
    "random.mp4": "not a video",
    "text.mp4": "not a video",
    "truncated.mp4": "cut off",
    "nobody.mp4": "no person",
    "hardly.mp4": "person",
}


@pytest.mark.parametrize("name", BAD_VIDEOS)
def test_a_bad_video_is_refused_by_every_command(name, folder, actor, capfd, tmp_path):
    video, good = folder / name, ACTORS / "eve.mp4"
    refused(capfd, ["capture", video, "--out", tmp_path / "capture"], name, BAD_VIDEOS[name])
    refused(capfd, ["assess", video, good, "--out", tmp_path / "report.html"], name, BAD_VIDEOS[name])
    refused(capfd, ["train", video, "--out", tmp_path / "actor", "--profile", "smoke"], name)
    refused(capfd, ["clone", actor, video, "--out", tmp_path / "a.mp4"], name)
    refused(capfd, ["run", "--reference", good, "--driving", video, "--out", tmp_path / "b.mp4", "--profile", "smoke"], name)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not left, "nothing half-made"


def test_too_short_a_reference_is_refused(folder, capfd, tmp_path):
    refused(capfd, ["train", folder / "short.mp4", "--out", tmp_path / "actor", "--profile", "smoke"], "short", "32")
    assert not (tmp_path / "actor" / "actor.json").exists()


def damage(folder, name, content):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
@pytest.mark.parametrize("name", ["actor.json", "generator.safetensors", "poses.npz", "plate.png"])
def test_an_incomplete_or_damaged_actor_folder_is_refused(name, content, actor, capfd, tmp_path):
    copy = tmp_path / "actor"
    shutil.copytree(actor, copy)
    damage(copy, name, content)
    refused(capfd, ["clone", copy, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4"], str(copy), "train")
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("change", [{"format": 99}, {"settings": {}}, {"finished": False}, {"settings": {"size": 1 << 40}}])
def test_an_actor_record_that_can_not_be_is_refused(change, actor, capfd, tmp_path):
    copy = tmp_path / "actor"
    shutil.copytree(actor, copy)
    record = json.loads((copy / "actor.json").read_text())
    if "size" in change.get("settings", {}):
        change = {"settings": record["settings"] | change["settings"]}
    (copy / "actor.json").write_text(json.dumps(record | change))
    refused(capfd, ["clone", copy, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4"], str(copy))


def test_an_actors_poses_that_unpack_to_more_than_was_recorded_are_refused_unread(actor, capfd, tmp_path):
    copy = tmp_path / "actor"
    shutil.copytree(actor, copy)
    np.savez_compressed(copy / "poses.npz", joints=np.zeros((500_000, 18, 2), np.float32))
    refused(capfd, ["clone", copy, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4"], str(copy), "damaged")


def test_a_missing_actor_folder_is_refused(capfd, tmp_path):
    refused(capfd, ["clone", tmp_path / "nobody", ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4"], "no actor folder")
    refused(capfd, ["clone", ACTORS, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4"], "not an actor folder")


def test_an_unknown_profile_is_refused_before_anything_else(capfd, tmp_path):
    refused(
        capfd, ["train", "missing.mp4", "--out", tmp_path / "a", "--profile", "huge"], "profile", "smoke, quick, home, paper"
    )
    run = ["run", "--reference", "missing.mp4", "--driving", "missing.mp4", "--out", tmp_path / "a.mp4"]
    refused(capfd, [*run, "--profile", "huge"], "profile")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_is_refused_where_there_is_none(actor, capfd, tmp_path):
    refused(capfd, ["train", ACTORS / "dee.mp4", "--out", tmp_path / "a", "--device", "cuda"], "CUDA")
    refused(capfd, ["clone", actor, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4", "--device", "cuda"], "CUDA")
    refused(capfd, ["clone", actor, ACTORS / "eve.mp4", "--out", tmp_path / "a.mp4", "--device", "abacus"], "abacus")


def test_an_output_beneath_a_file_is_refused_before_the_work(actor, capfd, tmp_path):
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "below"
    refused(capfd, ["capture", ACTORS / "eve.mp4", "--out", below], "below")
    refused(capfd, ["train", ACTORS / "dee.mp4", "--out", below, "--profile", "smoke"], "below")
    refused(capfd, ["clone", actor, ACTORS / "eve.mp4", "--out", below / "a.mp4"], "below")
    run = ["run", "--reference", ACTORS / "dee.mp4", "--driving", ACTORS / "eve.mp4", "--out", below / "a.mp4"]
    refused(capfd, [*run, "--profile", "smoke"], "below")


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from perfclone.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize("command", ["capture", "train", "clone"])
def test_a_full_disk_is_named_and_leaves_nothing_half_made(command, actor, dee, eve, tmp_path):
    arguments = {
        "capture": ["capture", ACTORS / "eve.mp4", "--out", tmp_path / "out"],
        "train": ["train", dee.folder, "--out", tmp_path / "out", "--profile", "smoke"],
        "clone": ["clone", actor, eve.folder, "--out", tmp_path / "out" / "a.mp4"],
    }[command]
    limit = 20_000  # bytes a file may have; less than any of the results
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(limit), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "disk is full" in done.stderr
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert not any(name.endswith((".mp4", ".tmp", ".safetensors", ".zip")) for name in sizes), sizes


@pytest.mark.slow
def test_a_second_person_gives_a_warning_and_the_work_is_done(capfd, tmp_path):
    frames = [frame for _, frame in read_frames(ACTORS / "eve.mp4", 40)]
    other = [frame for _, frame in read_frames(ACTORS / "gil.mp4", 40)]
    _write(tmp_path / "two.mp4", [np.concatenate(pair, 1) for pair in zip(frames, other, strict=True)])
    assert main(["capture", str(tmp_path / "two.mp4"), "--out", str(tmp_path / "capture")]) == 0
    warnings = capfd.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "second person" in warnings[0]


@pytest.mark.slow
def test_run_takes_two_videos_and_gives_the_drivers_frames_and_rate(capfd, tmp_path):
    if not SQUATS.exists():
        pytest.skip("needs the outside clip")
    out = tmp_path / "new" / "out.mp4"
    run = ["run", "--reference", ACTORS / "ann.mp4", "--driving", SQUATS, "--out", out, "--profile", "smoke"]
    assert main([str(argument) for argument in run]) == 0
    assert probe(out).fps == Fraction(5)
    assert len(list(read_frames(out))) == 65
    assert not capfd.readouterr().err, "standard error is for warnings"


def test_captured_folders_do_in_place_of_videos(dee, eve, actor, tmp_path, capfd):
    assert main(["clone", str(actor), str(eve.folder), "--out", str(tmp_path / "a.mp4")]) == 0
    assert len(list(read_frames(tmp_path / "a.mp4"))) == len(eve)


def test_every_command_explains_itself(capfd):
    for arguments in ([], ["capture"], ["assess"], ["train"], ["clone"], ["live"], ["run"], ["profiles"]):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--help"])
        assert stopped.value.code == 0
        assert "usage: perfclone" in capfd.readouterr().out
    refused(capfd, [], "perfclone --help")
    refused(capfd, ["dance"], "dance")
    for number in ("minus", "-1", "2147483648", "9" * 5000):
        refused(capfd, ["train", "x.mp4", "--out", "y", f"--seed={number}"], "no whole number from 0 to 2147483647")


def test_profiles_are_listed(capfd):
    assert main(["profiles"]) == 0
    out = capfd.readouterr().out
    for name, profile in pc.PROFILES.items():
        assert name in out
        assert str(profile.settings.steps) in out
