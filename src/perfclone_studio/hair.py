"""Hair: a cap that follows the scalp up to an uneven hairline, and locks that grow out of it and fall where gravity takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from .body import Body
from .face import eyeballs, region
from .patch import Patch, cut, joined, normals, refined, smoothed

Colour = tuple[float, float, float]

STEP = 0.028
"""The length of a lock's links in metres."""


@dataclass(frozen=True)
class Haircut:
    """Cut and colour of somebody's hair."""

    style: str = "short"
    """One of "cropped", "short", "curly", "long", "ponytail" and "bun"."""
    colour: Colour = (0.16, 0.10, 0.06)
    """sRGB in [0, 1]."""
    length: float = 0.3
    """How long loose hair hangs, in metres, for "long" and "ponytail"."""
    volume: float = 0.5
    """From 0, close to the head, to 1, as full as the style allows."""
    hairline: float = 0.0
    """How far the hair begins above the usual line on the forehead, from -1 to 1."""
    seed: int = 0
    """Of the dice that place the locks."""


@dataclass(frozen=True)
class _Style:
    thickness: tuple[float, float]
    """Metres of the cap at volume 0 and 1."""
    lumps: float
    """How uneven the cap is, as a share of its thickness."""
    locks: int
    reach: tuple[float, float]
    """Lengths of the locks on the scalp in metres, shortest and longest."""
    width: float


_STYLES = {
    "cropped": _Style((0.002, 0.007), 0.2, 0, (0, 0), 0),
    "short": _Style((0.006, 0.020), 0.3, 480, (0.028, 0.048), 0.010),
    "curly": _Style((0.010, 0.045), 0.1, 0, (0, 0), 0),
    "long": _Style((0.006, 0.014), 0.25, 260, (0.2, 0.2), 0.024),
    "ponytail": _Style((0.005, 0.011), 0.15, 26, (0.03, 0.06), 0.005),
    "bun": _Style((0.005, 0.011), 0.15, 26, (0.03, 0.05), 0.005),
}


def strands(along: np.ndarray, variation: np.ndarray) -> np.ndarray:
    """(K,) float32 brightness of hair, from the coordinate across its strands and smooth noise of about -1 to 1."""
    fine = 0.08 * np.sin(along * 900) + 0.14 * np.sin(along * 430 + 1.3)
    return (1 + fine + 0.2 * variation).astype(np.float32)


def grow(body: Body, haircut: Haircut, clothed: Patch, colour: np.ndarray) -> list[Patch]:
    """The hair of a head as patches. Long hair lies on `clothed`, the body with its clothes; `colour` is linear RGB."""
    head = _Head(body)
    rng = np.random.default_rng(haircut.seed)
    style = _STYLES[haircut.style]
    cap = _cap(head, haircut, style, rng)
    obstacles = _Obstacles(clothed, head)
    locks = _locks(head, haircut, style, cap, obstacles, rng)
    if haircut.style == "ponytail":
        locks += _tail(head, haircut, obstacles, rng)
    if haircut.style == "bun":
        locks += [_bun(head, rng)]
    return [_shaded(patch, colour, rng) for patch in [cap, *([joined(locks)] if locks else [])]]


def under_hair(body: Body, haircut: Haircut) -> np.ndarray:
    """(V,) metres by which a vertex of the base mesh lies inside the hair, where no skin can be seen; negative outside."""
    inside = _Head(body).hairline(body.vertices, haircut.hairline) - 0.02
    hairy = (region(body, "ears") < 0.5) & (body.weights[:, body.skeleton.index("head")] > 0.5)
    return np.where(hairy, inside, -1.0)


class _Head:
    """A head with its own measures: `unit` is the distance from the eyes to the crown."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.eyes = np.mean([body.vertices[ball].mean(0) for ball in eyeballs(body)], 0)
        self.unit = body.height - self.eyes[1]
        scalp = body.vertices[body.weights[:, body.skeleton.index("head")] > 0.5]
        self.centre = np.array(
            [0, self.eyes[1] + 0.25 * self.unit, (scalp[:, 2].max() + scalp[:, 2].min()) / 2 - 0.12 * self.unit]
        )
        self.crown = np.array([0, body.height, self.centre[2] - 0.1 * self.unit])
        self.knot = self.centre + self.unit * np.array([0, 0.22, -0.98])

    def around(self, points: np.ndarray) -> np.ndarray:
        """(N,) degrees from the face, 0 in front, 180 behind."""
        relative = points - self.centre
        return np.degrees(np.arctan2(np.abs(relative[:, 0]), relative[:, 2]))

    def hairline(self, points: np.ndarray, shift: float) -> np.ndarray:
        """(N,) metres above the line where hair begins: forehead, temples, before, above and behind the ears, nape."""
        turns = [0, 22, 42, 58, 72, 86, 98, 112, 135, 180]
        heights = [0.62, 0.60, 0.52, 0.30, -0.02, 0.02, -0.05, -0.35, -0.62, -0.72]
        around = self.around(points)
        line = np.interp(around, turns, heights) + 0.12 * shift * np.interp(around, [0, 50, 70], [1, 1, 0])
        return points[:, 1] - self.eyes[1] - line * self.unit


def _cap(head: _Head, haircut: Haircut, style: _Style, rng: np.random.Generator) -> Patch:
    body = head.body
    above = head.hairline(body.vertices, haircut.hairline)
    whole = Patch(body.vertices, body.faces["body"], body.weights, np.arange(len(body.vertices)), {"above": above})
    on_head = (
        (above > -0.02 * head.unit / 0.11) & (body.weights[:, body.skeleton.index("head")] > 0.3) & (region(body, "ears") < 0.5)
    )
    patch = refined(whole.taken(on_head[whole.faces].all(1)))
    patch = refined(patch) if haircut.style == "curly" else patch
    vertices = smoothed(patch.vertices, patch.faces, 8)
    outward = normals(vertices, patch.faces)
    vertices = vertices + outward * np.maximum(((patch.vertices - vertices) * outward).sum(1), 0)[:, None]
    uneven = _noise(rng, vertices, 60.0) * 0.002 + _noise(rng, vertices, 300.0) * 0.0025
    above = smoothed(patch["above"], patch.faces, 2) + uneven
    thickness = (style.thickness[0] + haircut.volume * (style.thickness[1] - style.thickness[0])) * head.unit / 0.12
    lumps = style.lumps * (0.6 * _noise(rng, vertices, 35.0) + 0.4 * _noise(rng, vertices, 90.0))
    full = np.clip(above / 0.04, 0, 1) ** 0.8 * (0.75 + 0.25 * np.clip((vertices[:, 1] - head.eyes[1]) / head.unit, 0, 1))
    raised = vertices + outward * (0.002 + thickness * full * (1 + lumps))[:, None]
    tip = 0.3 + 0.3 * full
    if haircut.style == "curly":
        curls = _curls(rng, raised)
        raised, tip = raised + outward * (0.011 * curls * np.minimum(1, 0.3 + full))[:, None], 0.1 + 0.7 * curls
        above = above + 0.008 * (curls - 0.5)
    cap = patch.moved(raised).with_fields(above=above, along=_across(head, haircut.style, vertices), tip=tip)
    return cut(cap, "above")


def _across(head: _Head, style: str, points: np.ndarray) -> np.ndarray:
    """(N,) the coordinate across the strands of a cap, metres: round the crown, or round the knot to which hair is tied."""
    if style in ("ponytail", "bun"):
        from_knot = points - head.knot
        return np.arctan2(from_knot[:, 0], from_knot[:, 1]) * 0.09
    from_crown = points - head.crown
    return np.arctan2(from_crown[:, 0], from_crown[:, 2]) * 0.07


def _curls(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """(N,) in [0, 1], how far curls stand out: half-spheres of two sizes, packed at random."""
    total = np.zeros(len(points))
    for radius, share in ((0.015, 0.6), (0.008, 0.4)):
        centres = points[rng.choice(len(points), min(len(points), int(0.03 / radius**2)), replace=False)]
        distance, _ = cKDTree(centres).query(points)
        total += share * np.sqrt(np.clip(1 - (distance / radius) ** 2, 0, None))
    return total


class _Obstacles:
    """What hair lies on: head, shoulders and clothes."""

    def __init__(self, clothed: Patch, head: _Head) -> None:
        near = clothed.vertices[:, 1] > head.eyes[1] - 0.55
        self.points, self.normals = clothed.vertices[near], normals(clothed.vertices, clothed.faces)[near]
        self.weights, self.origin = clothed.weights[near], clothed.origin[near]
        self.tree = cKDTree(self.points)

    def cleared(self, points: np.ndarray, clearance: np.ndarray) -> np.ndarray:
        """Points moved out of what is there until they are this far off it, (N,) metres."""
        for _ in range(2):
            _, near = self.tree.query(points, k=4)
            height = ((points[:, None] - self.points[near]) * self.normals[near]).sum(2).min(1)
            push = np.clip(clearance - height, 0, 0.03)
            points = points + push[:, None] * self.normals[near].mean(1)
        return points


def _locks(
    head: _Head, haircut: Haircut, style: _Style, cap: Patch, obstacles: _Obstacles, rng: np.random.Generator
) -> list[Patch]:
    if not style.locks:
        return []
    outward = normals(cap.vertices, cap.faces)
    chance = _areas(cap) * np.where(cap["above"] < 0.025, 1.8 if haircut.style in ("short", "long") else 12.0, 1.0)
    roots = rng.choice(len(cap.vertices), style.locks, replace=False, p=chance / chance.sum())
    start, lift = cap.vertices[roots], outward[roots]
    comb = _combed(head, start, lift, haircut.style, rng)
    reach = rng.uniform(*style.reach, len(roots)) * head.unit / 0.12
    if haircut.style == "long":
        reach = haircut.length * rng.uniform(0.82, 1.08, len(roots)) + (head.crown[1] - head.eyes[1]) * 0.6
    fall = {"long": 0.45, "short": 0.10}.get(haircut.style, 0.0)
    raised = {"short": 0.05 + 0.25 * haircut.volume}.get(haircut.style, 0.0)
    direction = _unit(comb + raised * lift + 0.06 * rng.normal(size=lift.shape))
    return _strips(head, start - 0.004 * lift - 0.006 * comb, direction, reach, fall, style.width, obstacles, rng)


def _combed(head: _Head, points: np.ndarray, lift: np.ndarray, style: str, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) unit vectors along the scalp in which hair is combed."""
    whorl = points - head.crown
    if style in ("ponytail", "bun"):
        whorl = head.knot - points
    elif style == "long":
        ahead = np.clip((points[:, 2] - head.crown[2]) / head.unit, 0, 1)[:, None]
        whorl = (
            whorl
            + ahead * np.where(points[:, :1] > 0.1 * head.unit, 1, -1) * np.array([0.14, 0, 0])
            + np.array([0, -0.04, -0.03])
        )
    else:
        whorl = whorl + np.array([0.035, 0, 0.0])
    along = _unit(whorl - (whorl * lift).sum(1, keepdims=True) * lift)
    return _unit(along + (0.1 if style in ("long", "ponytail", "bun") else 0.22) * rng.normal(size=points.shape))


def _strips(
    head: _Head,
    start: np.ndarray,
    direction: np.ndarray,
    reach: np.ndarray,
    fall: float,
    width: float,
    obstacles: _Obstacles,
    rng: np.random.Generator,
    free: bool = False,
) -> list[Patch]:
    """Locks as strips of three vertices across, pointed at the end, each grown link by link under its weight.

    They lie flat on the head, or, if they hang `free`, face any way.
    """
    links = int(np.clip(np.ceil(reach.max() / STEP), 3, 26))
    points, path = start, [start]
    clearance = 0.004 + 0.008 * rng.random(len(start))
    for link in range(links):
        direction = _unit(direction + fall * np.array([0, -1.0, 0]) + 0.05 * rng.normal(size=direction.shape))
        ahead = points + direction * (reach / links)[:, None]
        ahead = obstacles.cleared(ahead, clearance) if link else ahead
        ahead = _off_the_face(head, ahead) if reach.mean() > 0.1 else ahead
        direction = _unit(0.5 * direction + 0.5 * _unit(ahead - points))
        points = ahead
        path.append(points)
    sizes = width * rng.uniform(0.7, 1.3, len(start))
    facing = rng.normal(size=start.shape) if free else np.zeros_like(start)
    return [_strip(head, *lock, obstacles) for lock in zip(np.swapaxes(path, 0, 1), sizes, facing)]


def _off_the_face(head: _Head, points: np.ndarray) -> np.ndarray:
    """Points in front of the face moved to its sides."""
    relative = (points - head.eyes) / head.unit
    before = (relative[:, 2] > -0.35) & (np.abs(relative[:, 0]) < 0.52) & (relative[:, 1] < 0.5) & (relative[:, 1] > -1.3)
    moved = points.copy()
    moved[before, 0] = np.where(points[before, 0] < 0, -0.52, 0.52) * head.unit
    return moved


def _strip(head: _Head, path: np.ndarray, width: float, facing: np.ndarray, obstacles: _Obstacles) -> Patch:
    path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    count = len(path)
    tangent = _unit(np.gradient(path, axis=0))
    out = facing if facing.any() else _unit(path - (head.centre - [0, 0.3 * head.unit, 0])) * [1, 0.4, 1]
    side = _unit(np.cross(tangent, out))
    up = np.cross(side, tangent)
    share = np.linspace(0, 1, count)
    half = 0.5 * width * np.sqrt(np.clip(1 - share**3, 0.02, 1)) * np.minimum(1, 0.5 + share * 5)
    rows = np.stack(
        [
            path - half[:, None] * side - 0.25 * half[:, None] * up,
            path,
            path + half[:, None] * side - 0.25 * half[:, None] * up,
        ],
        1,
    )
    i = np.arange(count - 1)[:, None] * 3 + np.arange(2)
    faces = np.concatenate([np.stack([i, i + 1, i + 4], -1).reshape(-1, 3), np.stack([i, i + 4, i + 3], -1).reshape(-1, 3)])
    weights, origin = _followed(head, path, obstacles)
    across = np.tile([-1.0, 0, 1.0], count) * np.repeat(half, 3)
    tone = path[0] @ np.array([91.0, 57.0, 73.0])
    fields = {"along": across + tone % 1.0, "tip": np.repeat(share, 3)}
    return Patch(rows.reshape(-1, 3), faces, np.repeat(weights, 3, 0), np.repeat(origin, 3), fields)


def _followed(head: _Head, path: np.ndarray, obstacles: _Obstacles) -> tuple[np.ndarray, np.ndarray]:
    """(K, B) weights and (K,) origins of points on a lock: the head's at the top, half of what it lies on at the shoulders."""
    _, near = obstacles.tree.query(path)
    firm = np.zeros(obstacles.weights.shape[1])
    firm[head.body.skeleton.index("head")] = 1
    loose = 0.65 * np.clip((head.eyes[1] - 0.55 * head.unit - path[:, 1]) / (1.2 * head.unit), 0, 1)[:, None]
    return (1 - loose) * firm + loose * obstacles.weights[near], obstacles.origin[near]


def _tail(head: _Head, haircut: Haircut, obstacles: _Obstacles, rng: np.random.Generator) -> list[Patch]:
    spread = rng.normal(size=(60, 3)) * 0.009
    direction = _unit(np.array([0, -0.7, -0.7]) + 0.15 * rng.normal(size=(60, 3)))
    reach = haircut.length * rng.uniform(0.75, 1.1, 60)
    return _strips(head, head.knot + spread, direction, reach, 0.6, 0.022, obstacles, rng, free=True) + [
        _ball(head, head.knot, 0.02, rng)
    ]


def _bun(head: _Head, rng: np.random.Generator) -> Patch:
    return _ball(head, head.knot + head.unit * np.array([0, 0.1, -0.12]), 0.042, rng)


def _ball(head: _Head, centre: np.ndarray, radius: float, rng: np.random.Generator) -> Patch:
    turns, rings = 14, 9
    around, down = np.meshgrid(np.linspace(0, 2 * np.pi, turns, endpoint=False), np.linspace(0.05, np.pi - 0.05, rings))
    unit = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], -1).reshape(-1, 3)
    vertices = centre + unit * radius * (1 + 0.08 * _noise(rng, unit, 3.0))[:, None]
    row, column = np.meshgrid(np.arange(rings - 1), np.arange(turns), indexing="ij")
    a, b = row * turns + column, row * turns + (column + 1) % turns
    faces = np.concatenate(
        [np.stack([a, a + turns, b], -1).reshape(-1, 3), np.stack([b, a + turns, b + turns], -1).reshape(-1, 3)]
    )
    weights = np.zeros((len(vertices), len(head.body.skeleton.names)))
    weights[:, head.body.skeleton.index("head")] = 1
    crown = int(np.argmax(head.body.vertices[:, 1]))
    fields = {"along": (around + 0.6 * down).reshape(-1) * radius, "tip": np.full(len(vertices), 0.4)}
    return Patch(vertices, faces, weights, np.full(len(vertices), crown), fields)


def _shaded(patch: Patch, colour: np.ndarray, rng: np.random.Generator) -> Patch:
    """Darker at the roots, lighter at the tips, each lock of its own tone."""
    tone = 1 + 0.22 * _noise(rng, patch.vertices, 28.0)
    shade = (0.7 + 0.5 * patch["tip"]) * tone
    loose = np.clip((patch["tip"] - 0.3) / 0.7, 0, 1)
    return patch.with_fields(colour=shade[:, None] * colour, looseness=loose)


def _areas(patch: Patch) -> np.ndarray:
    """(N,) each vertex's share of the area."""
    a, b, c = patch.vertices[patch.faces].transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    share = np.bincount(patch.faces.reshape(-1), np.repeat(area, 3), len(patch.vertices))
    return share / share.sum()


def _noise(rng: np.random.Generator, points: np.ndarray, frequency: float) -> np.ndarray:
    """(N,) smooth noise of about -1 to 1 with so many waves in 2π metres."""
    total = np.zeros(len(points))
    for _ in range(6):
        wave = rng.normal(size=3)
        wave *= frequency * rng.uniform(0.7, 1.4) / np.linalg.norm(wave)
        total += np.sin(points @ wave + rng.uniform(0, 2 * np.pi))
    return total / 3


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
