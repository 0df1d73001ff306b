"""Pictures of a dressed body in a room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import raster
from .backdrop import PENUMBRA, Backdrop, Room, contact_shadow, see_room, see_shaken_room, shaded, soften
from .camera import Camera
from .noise import texture
from .outfit import Material
from .shading import KEY, shade
from .wardrobe import Model, pattern_colour

SHADOW_CELLS = 208
"""Cells to a side of the shadow map."""

SHADOW_WINDOW = 1.8
"""Side of the shadow map in heights of the person."""

LENS_BLUR_PX = 0.65
"""Softness of the lens, as the standard deviation of a Gaussian in pixels."""

SHAKE_BORDER_PX = 16
"""How much of the room around the picture is kept for a camera that shakes; beyond, its border goes on."""

SHOULDER = 0.70
"""Brightness above which the film compresses light, so that highlights do not burn out."""

LIFT_M = {Material.SKIN: 0.0, Material.EYE: 0.0, Material.TROUSERS: 0.002, Material.SHOE: 0.003, Material.SHIRT: 0.004}
"""How much nearer than it is a surface counts where it touches another, in metres; 0.004 for what is not listed."""

DYE_M = 0.10
"""Size of the unevenness of colours, in metres."""

OPENNESS_VIEWS = 60
"""Directions from which the model is looked at to learn how much of its surroundings each place sees."""

OPENNESS_M = 0.30
"""What is further away than this does not shade."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What the centre of each pixel shows of the performer.

    Attributes:
        face: (H, W) int32, the face's number, `raster.NOTHING` (-1) where the background is seen.
        share: (H, W, 2) float32, barycentric coordinates of the face's first two vertices, in perspective.
        nearness: (H, W) float32, 1/depth in 1/m, 0 where the background is seen.
    """

    face: np.ndarray
    share: np.ndarray
    nearness: np.ndarray


@dataclass(frozen=True, eq=False)
class Rendering:
    """One picture, and what it was made from.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        share: (H, W) float32 from 0 to 1, the performer's share of each pixel.
        camera: that took it.
        vertices: (N, 3) float32 metres, the performer's surface at that moment.
        model: whose surface it is.
    """

    image: np.ndarray
    share: np.ndarray
    camera: Camera
    vertices: np.ndarray
    model: Model

    @cached_property
    def surface(self) -> Surface:
        """What the pixels' centres show, found when it is first asked for."""
        return Surface(*buffer(self.model, self.camera, self.vertices, 1))


def lift(model: Model) -> np.ndarray:
    """(F,) float32 metres, `LIFT_M` of each face."""
    table = np.array([LIFT_M.get(material, 0.004) for material in Material], np.float32)
    return table[model.material]


def buffer(model: Model, camera: Camera, vertices: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Face, barycentrics and 1/depth at samples² places of every pixel: see `raster.z_buffer`."""
    points = camera.project(vertices)
    return raster.z_buffer(points, model.faces, model.clip, lift(model), camera.width, camera.height, samples)


class Renderer:
    """Draws one model with one camera in one room.

    A picture depends on nothing but the vertices that it shows. The same vertices give the same bits from run to run on a machine.
    """

    def __init__(self, model: Model, camera: Camera, backdrop: Backdrop = Backdrop(), supersample: int = 2) -> None:
        """
        Args:
            model: what is drawn.
            camera: from where.
            backdrop: the room.
            supersample: places looked at in a pixel, in each direction.
        """
        self.model = model
        self.camera = camera
        self.backdrop = backdrop
        self.supersample = supersample
        self.room = see_room(backdrop, camera)
        variation = 1.6 * texture(model.vertices.astype(np.float64), DYE_M, 0, DYE_M / 2)
        self._painted = np.column_stack([model.colour, model.pattern_at, model.along, variation]).astype(np.float32)
        self._key = _LightFrame(model)
        self._openness = openness(model)
        self._heads = None if model.body is None else model.body.skeleton.head.astype(np.float32)

    def pose(self, rotations: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The model's vertices, (N, 3) float32 metres, when its bones have these (B, 3, 3) global rotations and (B, 3) positions."""
        model = self.model
        bones = np.ascontiguousarray(rotations, np.float32), np.ascontiguousarray(positions, np.float32)
        return raster.skin(model.vertices, model.bone_index, model.bone_weight, self._heads, *bones)

    def render(self, vertices: np.ndarray) -> Rendering:
        """The picture of the model with its vertices, (N, 3) float32 metres, there."""
        light, share = self.expose(vertices, self.camera)
        return Rendering(eight_bits(develop(light)), share, self.camera, vertices, self.model)

    def expose(self, vertices: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """The light that falls on the sensor.

        Args:
            vertices: (N, 3) float32 metres.
            camera: the renderer's own, or the same shaken.

        Returns:
            (H, W, 3) float32 linear RGB before the lens's softness; (H, W) float32, the performer's share of each pixel.
        """
        room = self.room if camera == self.camera else see_shaken_room(self.backdrop, camera, self._wide_room, SHAKE_BORDER_PX)
        vertices = np.ascontiguousarray(vertices, np.float32)
        n = self.supersample
        face, barycentric, _ = buffer(self.model, camera, vertices, n)
        where, shown, weights = raster.covered(face, barycentric)
        light = self._key.shine(self.model, vertices)
        image = self._shaded_room(room, vertices, light)
        raster.paint(image, where, self._matter(shown, weights, vertices, camera, light), n)
        return image, raster.coverage(face, n)

    @cached_property
    def _wide_room(self) -> Room:
        """The room with a border, for a camera that shakes."""
        return see_room(self.backdrop, self.camera, SHAKE_BORDER_PX)

    def _matter(self, shown, weights, vertices, camera, light) -> np.ndarray:
        """(n, 3) float32 linear RGB of the samples that show the performer."""
        model = self.model
        posed = vertices, raster.vertex_normals(vertices, model.faces, model.seam)
        at_rest = model.faces, model.material, model.vertices, model.looseness, self._openness
        eye = np.array(camera.position)
        pixel_m = camera.metres_per_pixel(float(np.linalg.norm(eye - vertices.mean(0))))
        albedo = self._albedo(shown, weights)
        return shade(shown, weights, albedo, at_rest, posed, light, eye, self.backdrop.floor_colour, pixel_m)

    def _albedo(self, shown, weights) -> np.ndarray:
        """(n, 3) float32 linear RGB, the colour of the matter there; a model without an outfit has the colours of its vertices."""
        model = self.model
        values = raster.interpolate(self._painted, model.faces, shown, weights)
        colour = np.ascontiguousarray(values[:, :3])
        if model.outfit is None:
            return colour
        return colour * pattern_colour(model, model.material[shown], values[:, 3:6], values[:, 6], values[:, 7])

    def _shaded_room(self, room, vertices, light) -> np.ndarray:
        """(H, W, 3) float32 linear RGB of the room with the performer's shadows."""
        shadow_map, to_light, _ = light
        layers, tall = soften(shadow_map)
        contact, corner = contact_shadow(vertices, self.model.clip)
        out = np.empty_like(room.key)
        shaded(room.key, room.rest, room.place, room.on_floor, to_light, layers, tall, PENUMBRA, contact, corner, out)
        return out


class _LightFrame:
    """The key light's view of the scene: parallel rays, a square window that follows the performer cell by cell."""

    def __init__(self, model: Model) -> None:
        across = np.cross((0.0, 1.0, 0.0), KEY)
        across /= np.linalg.norm(across)
        self.axes = np.stack([across, np.cross(KEY, across), KEY])
        low, high = model.vertices.min(0), model.vertices.max(0)
        self.cell_m = float(SHADOW_WINDOW * max(high - low) / SHADOW_CELLS)

    def shine(self, model: Model, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Shadow map (S, S) float32, (3, 4) float64 matrix from metres to its cells and height along the light, metres of a cell."""
        matrix = np.column_stack([self.axes, np.zeros(3)])
        matrix[:2] /= self.cell_m
        points = vertices @ matrix[:, :3].T
        middle = np.round((points[:, :2].min(0) + points[:, :2].max(0)) / 2)  # whole cells, so that shadows do not swim
        matrix[:2, 3] = SHADOW_CELLS / 2 - middle
        points = (points + matrix[:, 3]).astype(np.float32)
        return raster.height_map(points, model.faces, model.clip, SHADOW_CELLS), matrix, self.cell_m


def openness(model: Model) -> np.ndarray:
    """How much of its surroundings each place of the model sees at rest: (N,) float32 from 0 to 1.

    The model is looked at from `OPENNESS_VIEWS` directions; what hides a vertex in one of them within `OPENNESS_M` closes it there.
    Ambient light is then weak in armpits, eye sockets and under hems. It belongs to the surface, so it moves with the body.
    """
    normals = raster.vertex_normals(model.vertices, model.faces, model.seam)
    size, low, high = SHADOW_CELLS, model.vertices.min(0), model.vertices.max(0)
    cell_m = 1.75 * float(max(high - low)) / size
    closed, total = np.zeros(len(normals)), np.full(len(normals), 1e-6)
    index = np.arange(OPENNESS_VIEWS) + 0.5
    turn, up = index * np.pi * (3 - np.sqrt(5)), 1 - 2 * index / OPENNESS_VIEWS  # evenly over the sphere (Fibonacci)
    for direction in np.stack([np.cos(turn) * np.sqrt(1 - up**2), up, np.sin(turn) * np.sqrt(1 - up**2)], 1):
        across = np.cross(direction, (0.3, 0.2, 0.93))
        across /= np.linalg.norm(across)
        points = (model.vertices - (low + high) / 2) @ np.stack([across, np.cross(direction, across), direction], 1)
        points[:, :2] = points[:, :2] / cell_m + size / 2
        highest = raster.height_map(points.astype(np.float32), model.faces, model.clip, size)
        cells = np.clip(points[:, :2].astype(int), 0, size - 1)
        above = highest[cells[:, 1], cells[:, 0]] - points[:, 2]
        facing = np.maximum(normals @ direction, 0)
        closed += facing * np.clip((above - 1.5 * cell_m) / cell_m, 0, 1) * np.clip(2 - 2 * above / OPENNESS_M, 0, 1)
        total += facing
    return (1 - closed / total).astype(np.float32)


def develop(light: np.ndarray, stops: float = 0.0) -> np.ndarray:
    """Light on the sensor to what the film shows of it.

    Args:
        light: (H, W, 3) float32 linear RGB.
        stops: brighter by this power of two.

    Returns:
        (H, W, 3) float32 sRGB from 0 to 255, not yet rounded.
    """
    import cv2

    light = cv2.GaussianBlur(light, (0, 0), LENS_BLUR_PX)
    steps = len(_FILM) - 1
    index = np.minimum(light * np.float32(2.0**stops * steps / _FILM_RANGE), steps)
    return _FILM[index.astype(np.uint16)]


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Values about 0 to 255 to uint8, rounded."""
    return np.clip(values + 0.5, 0, 255.5).astype(np.uint8)


def _film() -> np.ndarray:
    """(65536,) float32, sRGB from 0 to 255 of linear light from 0 to `_FILM_RANGE`: straight, then a shoulder towards white."""
    x = np.linspace(0, _FILM_RANGE, 65536)
    x = np.where(x < SHOULDER, x, SHOULDER + (1 - SHOULDER) * np.tanh((x - SHOULDER) / (1 - SHOULDER)))
    return (255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.float32)


_FILM_RANGE = 4.0
_FILM = _film()
