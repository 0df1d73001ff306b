"""The room: a wall, a floor, and the performer's shadow on both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from .camera import Camera
from .noise import texture
from .outfit import linear
from .raster import bilinear
from .shading import FILL, FILL_COLOUR, GROUND_SHARE, KEY, KEY_COLOUR, SKY_COLOUR

BLURS = ((1, 1.0), (2, 1.8), (4, 2.4))
"""Three softnesses of the cast shadow, each as the cells of the shadow map that go into one and the blur in such cells."""

PENUMBRA = np.array([0.0, 0.35, 0.95])
"""Metres between a shadow and what casts it at which each softness of `BLURS` is right."""

CONTACT_CELL_M = 0.02
"""Cell of the map of what stands on the floor, in metres."""

CONTACT_CELLS = 128
"""Cells to a side of that map."""

SKIRTING_M = 0.075
"""Height of the skirting board in metres."""

EDGE_SAMPLES = 3
"""Samples per pixel and direction of the empty room, which is drawn once."""


@dataclass(frozen=True)
class Backdrop:
    """A wall behind the performer and a floor, with a skirting board and gentle texture.

    Attributes:
        wall: colour, sRGB from 0 to 1, as it looks in full light.
        floor: the same of the floor.
        wall_m: distance of the wall behind the middle of the floor, in metres.
        board_m: width of the floor's boards in metres; 0 for a plain floor.
        seed: of the textures.
    """

    wall: tuple[float, float, float] = (0.70, 0.72, 0.73)
    floor: tuple[float, float, float] = (0.50, 0.46, 0.42)
    wall_m: float = 1.6
    board_m: float = 0.0
    seed: int = 0

    @property
    def floor_colour(self) -> np.ndarray:
        """(3,) float64 linear RGB."""
        return linear(np.array(self.floor))


@dataclass(frozen=True, eq=False)
class Room:
    """The empty room as one camera sees it.

    Attributes:
        key: (H, W, 3) float32 linear RGB, what comes back of the key light where nothing shades it.
        rest: (H, W, 3) float32 linear RGB, of all other light.
        place: (H, W, 3) float32 metres, where each pixel's centre falls on wall or floor.
        on_floor: (H, W) bool.
    """

    key: np.ndarray
    rest: np.ndarray
    place: np.ndarray
    on_floor: np.ndarray


def see_room(backdrop: Backdrop, camera: Camera, border: int = 0) -> Room:
    """The empty room, averaged over `EDGE_SAMPLES` squared places a pixel, with a border of so many pixels around the picture."""
    rows, columns = np.mgrid[-border : camera.height + border, -border : camera.width + border] + 0.5
    pixels = np.stack([columns, rows], -1)
    key, rest = np.zeros((2, *rows.shape, 3), np.float32)
    place, on_floor = _strike(backdrop, camera, pixels)
    mottle = _mottle(backdrop, place, on_floor, camera)
    for offset in np.ndindex(EDGE_SAMPLES, EDGE_SAMPLES):
        shift = (np.array(offset) + 0.5) / EDGE_SAMPLES - 0.5
        parts = _lit(backdrop, *_strike(backdrop, camera, pixels + shift), mottle)
        for total, part in zip((key, rest), parts):
            total += part / EDGE_SAMPLES**2
    return Room(key, rest, place.astype(np.float32), on_floor)


def see_shaken_room(backdrop: Backdrop, camera: Camera, still: Room, border: int) -> Room:
    """The empty room as a camera sees it whose picture is shifted, from what it sees when it is still, with a border around."""
    import cv2

    x, y = camera.shift_px
    shift, size = np.array([[1, 0, x - border], [0, 1, y - border]]), (camera.width, camera.height)
    how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    key, rest = (cv2.warpAffine(part, shift, size, **how) for part in (still.key, still.rest))
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    place, on_floor = _strike(backdrop, camera, np.stack([columns, rows], -1))
    return Room(key, rest, place.astype(np.float32), on_floor)


def _strike(backdrop: Backdrop, camera: Camera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of these pixels meet wall or floor, (..., 3) metres, and whether it is the floor."""
    rays = camera.rays(pixels)
    eye = np.array(camera.position)
    to_floor = np.where(rays[..., 1] < -1e-9, -eye[1] / np.minimum(rays[..., 1], -1e-9), np.inf)
    to_wall = (-backdrop.wall_m - eye[2]) / np.minimum(rays[..., 2], -1e-9)
    on_floor = to_floor < to_wall
    return eye + rays * np.where(on_floor, to_floor, to_wall)[..., None], on_floor


def _mottle(backdrop: Backdrop, place: np.ndarray, on_floor: np.ndarray, camera: Camera) -> np.ndarray:
    """(H, W) how much brighter than its colour each place of wall and floor is, nothing finer than a pixel and a half."""
    points = place.reshape(-1, 3)
    finest = 1.5 * camera.metres_per_pixel(camera.position[2])
    clouds = texture(points, 0.9, backdrop.seed, 0.2)
    squeezed = points * np.where(on_floor.reshape(-1, 1), (3.0, 1.0, 1.0), 1.0)
    grain = texture(squeezed, 0.06, backdrop.seed + 1, max(0.008, finest))
    return (0.04 * clouds + np.where(on_floor.ravel(), 0.08, 0.035) * grain).reshape(on_floor.shape)


def _lit(backdrop: Backdrop, place: np.ndarray, on_floor: np.ndarray, mottle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light of the key and of everything else from (H, W, 3) places on wall and floor, (H, W, 3) linear RGB each."""
    x, y, z = np.moveaxis(place, -1, 0)
    skirting = ~on_floor & (y < SKIRTING_M)
    colour = np.where(on_floor[..., None], linear(backdrop.floor), linear(backdrop.wall))
    colour = np.where(skirting[..., None], 0.35 * colour + 0.65 * 0.72, colour)
    if backdrop.board_m:
        board = np.floor(z / backdrop.board_m).astype(int)
        tone = np.random.default_rng(backdrop.seed).normal(0, 0.06, 64)[board % 64]
        gap = np.abs(z / backdrop.board_m - board - 0.5) > 0.5 - 0.003 / backdrop.board_m
        mottle = mottle + np.where(on_floor, tone - 0.35 * gap, 0)
    colour = colour * (1 + mottle)[..., None]

    from_corner = np.where(on_floor, z + backdrop.wall_m, y)
    corner = 1 - 0.38 * np.exp(-from_corner / 0.10) - 0.16 * np.exp(-from_corner / 0.6)
    corner = np.where(skirting, np.maximum(corner, 0.75), corner)  # the board stands before the corner
    corner = np.where(~on_floor & (np.abs(y - SKIRTING_M - 0.004) < 0.006), 0.5, corner)  # the gap above it
    pool = np.exp(-(((x - 0.3) / 3.2) ** 2) - ((np.where(on_floor, 0, y) - 1.4) / 3.4) ** 2)  # where the lamp points
    key = np.where(on_floor, KEY[1], KEY[2]) * (0.74 + 0.44 * pool) * np.sqrt(corner)
    fill = FILL_COLOUR * np.where(on_floor, FILL[1], FILL[2])[..., None]
    up = np.where(on_floor, 1.0, 0.5 + 0.5 * GROUND_SHARE * backdrop.floor_colour.mean())
    around = fill + SKY_COLOUR * up[..., None]
    return colour * KEY_COLOUR * key[..., None], colour * around * (corner * (0.75 + 0.25 * pool))[..., None]


def soften(shadow_map: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """From a shadow map (`raster.height_map`): its silhouette at the three softnesses of `BLURS`, and the height of what casts it.

    Returns:
        three (S / n, S / n) float32 from 0 (light) to 1 (shadow), n being 1, 2, 4; and the (S / 4, S / 4) float32 mean height.
    """
    import cv2

    size = len(shadow_map)
    dark = (shadow_map > -np.inf).astype(np.float32)
    layers = []
    for cells, blur in BLURS:
        small = cv2.resize(dark, (size // cells,) * 2, interpolation=cv2.INTER_AREA)
        layers.append(cv2.GaussianBlur(small, (0, 0), blur))
    tall = cv2.resize(np.where(dark > 0, shadow_map, 0), (size // cells,) * 2, interpolation=cv2.INTER_AREA)
    return tuple(layers), cv2.GaussianBlur(tall, (0, 0), blur) / np.maximum(layers[-1], 1e-6)


@njit(cache=True)
def splat_contact(vertices, clip, origin_x, origin_z, cell_m, cells):
    """How closely the performer stands over each cell of the floor: (cells, cells) float32 from 0 to 1 for touching it."""
    near = np.zeros((cells, cells), np.float32)
    for i in range(len(vertices)):
        if clip[i] < 0:
            continue
        column, row = int((vertices[i, 0] - origin_x) / cell_m), int((vertices[i, 2] - origin_z) / cell_m)
        if 0 <= column < cells and 0 <= row < cells:
            touch = np.exp(-max(vertices[i, 1], 0.0) / np.float32(0.05))
            near[row, column] = max(near[row, column], touch)
    return near


def contact_shadow(vertices: np.ndarray, clip: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[float, float, float]]:
    """Where the performer keeps the room's light off the floor: close under the feet, and wide under the body.

    Args:
        vertices: (N, 3) float32 metres.
        clip: (N,) float32, as for `raster.z_buffer`.

    Returns:
        two (n, n) float32 maps over the floor from 0 to 1; (x, z) of their corner and the size of a cell, in metres.
    """
    import cv2

    half = CONTACT_CELLS * CONTACT_CELL_M / 2
    x, _, z = vertices.mean(0)
    corner = tuple(float(np.floor((middle - half) / CONTACT_CELL_M) * CONTACT_CELL_M) for middle in (x, z))
    touch = splat_contact(vertices, clip, *corner, CONTACT_CELL_M, CONTACT_CELLS)
    near = cv2.GaussianBlur(touch, (0, 0), 1.3)
    coarse = cv2.resize(near, (CONTACT_CELLS // 4,) * 2, interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 1.6), (CONTACT_CELLS,) * 2, interpolation=cv2.INTER_LINEAR)
    return (np.minimum(near, 1), np.minimum(1.2 * wide, 1)), (*corner, CONTACT_CELL_M)


@njit(cache=True)
def shaded(room_key, room_rest, place, on_floor, to_light, layers, tall, penumbra, contact, contact_at, out):
    """The room with the performer's cast and contact shadow, into `out` (H, W, 3) float32.

    Args:
        room_key, room_rest, place, on_floor: a `Room`.
        to_light: (3, 4), metres to cells of the shadow map and height along the light.
        layers, tall: from `soften`.
        penumbra: `PENUMBRA`.
        contact: two (n, n) float32 maps over the floor, near and wide, from 0 to 1.
        contact_at: (x, z, metres of a cell) of their corner.
    """
    near_map, wide_map = contact
    for i in range(place.shape[0]):
        for j in range(place.shape[1]):
            x, y, z = place[i, j]
            u = to_light[0, 0] * x + to_light[0, 1] * y + to_light[0, 2] * z + to_light[0, 3]
            v = to_light[1, 0] * x + to_light[1, 1] * y + to_light[1, 2] * z + to_light[1, 3]
            dark = 0.0
            if bilinear(layers[2], u / 4, v / 4) > 1e-4:
                h = to_light[2, 0] * x + to_light[2, 1] * y + to_light[2, 2] * z + to_light[2, 3]
                away = bilinear(tall, u / 4, v / 4) - h
                if away < penumbra[1]:
                    t = min(max(away / penumbra[1], 0.0), 1.0)
                    dark = (1 - t) * bilinear(layers[0], u, v) + t * bilinear(layers[1], u / 2, v / 2)
                else:
                    t = min((away - penumbra[1]) / (penumbra[2] - penumbra[1]), 1.0)
                    dark = (1 - t) * bilinear(layers[1], u / 2, v / 2) + t * bilinear(layers[2], u / 4, v / 4)
            closed = 0.0
            if on_floor[i, j]:
                cx, cz = (x - contact_at[0]) / contact_at[2], (z - contact_at[1]) / contact_at[2]
                closed = 1 - (1 - 0.7 * bilinear(near_map, cx, cz)) * (1 - 0.55 * bilinear(wide_map, cx, cz))
            for k in range(3):
                out[i, j, k] = room_key[i, j, k] * (1 - 0.92 * dark) * (1 - 0.5 * closed) + room_rest[i, j, k] * (1 - closed)
