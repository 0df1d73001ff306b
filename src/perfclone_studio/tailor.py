"""The tailor: takes a body's measures and cuts clothes for it out of MakeHuman's helper tights, which fit every shape.

The suit is split along armholes, hems and collars, moved off the skin, let hang where cloth hangs, and turned under at its edges.
Every piece gets coordinates that run round it and up along it, in which `wardrobe.pattern_colour` draws its pattern.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from .body import BODY_VERTICES, Body
from .outfit import Colour, Material, Outfit, Shoes, Top, linear
from .patch import Patch, cut, hemmed, normals, refined, rim, smoothed

Pieces = list[tuple[Material, Patch]]
"""Parts of a garment and what they are made of."""

SLEEVES_FROM = 10.0
"""The way round a sleeve is counted from here, in metres, so that no emblem or row of buttons falls on it."""


FRONT_OF_LEG = 0.125
"""The way round a leg from its outer side to its front, in metres."""

LONG_SLEEVE = 1.2
"""From which length on a sleeve is gathered at its end."""

CHEST_BELOW_SHOULDER = 0.13
"""How far below the shoulder joints a top begins to hang, in metres on a body of 1.7 m."""

Limb = tuple[str, str, str]
ARM: Limb = ("upperarm_l", "lowerarm_l", "hand_l")
LEG: Limb = ("thigh_l", "calf_l", "foot_l")


class Measures:
    """A body as a tailor sees it: the suit to cut clothes from, and where each of its points lies along trunk and limbs."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.scale = body.height / 1.7
        self.joint = dict(zip(body.skeleton.names, body.skeleton.head))
        self.hip, self.knee, self.ankle = (self.joint[bone][1] for bone in ("thigh_l", "calf_l", "foot_l"))
        self.neck = self.joint["neck_01"]
        limb = ("upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")
        self.arm_bones = np.array([name.startswith(limb) for name in body.skeleton.names])
        faces = body.faces["helper-tights"]
        vertices = body.vertices
        for _ in range(5):  # folds out, but no volume lost: a step in and a step out (Taubin 1995)
            vertices = smoothed(smoothed(vertices, faces, 1, 0.5), faces, 1, -0.53)
        whole = Patch(vertices, faces, body.weights, np.arange(len(vertices)), {})
        suit = refined(whole.taken(faces))
        arm = smoothed(self.on_arm(suit.weights), suit.faces, 6)
        self.loose = smoothed(suit.weights, suit.faces, 8)
        self.suit = suit.with_fields(arm=arm, outward=_unit(smoothed(normals(suit.vertices, suit.faces), suit.faces, 4)))
        self._core = self._middle_of_trunk()
        self.skin = body.vertices[:BODY_VERTICES]
        self.skin_normals = normals(body.vertices, body.faces["body"])[:BODY_VERTICES]

    def _middle_of_trunk(self) -> tuple[np.ndarray, np.ndarray]:
        """Heights from the hips to the neck, and the z midway between belly and back at each."""
        trunk = self.suit.vertices[(self.suit["arm"] < -0.3) & (np.abs(self.suit.vertices[:, 0]) < 0.06)]
        heights = np.linspace(self.hip, self.neck[1] - 0.04 * self.scale, 9)
        slabs = [trunk[np.abs(trunk[:, 1] - height) < 0.03, 2] for height in heights]
        return heights, np.array([(slab.max() + slab.min()) / 2 for slab in slabs])

    def loosened(self, patch: Patch, share: np.ndarray) -> Patch:
        """The suit, following the bones less strictly where `share` (N,) is near 1, as cloth does that only hangs there."""
        return replace(patch, weights=patch.weights + share[:, None] * (self.loose - patch.weights))

    def on_arm(self, weights: np.ndarray) -> np.ndarray:
        """(N,) at least 0 on the arms, negative on the trunk, changing by about 1 in the 6 cm around the armhole."""
        return weights[:, self.arm_bones].sum(1) - 0.5

    def along(self, points: np.ndarray, limb: Limb) -> np.ndarray:
        """(N,) 0 at the first joint of an arm or leg, 1 at the second, 2 at the third."""
        return self._on_limb(points, limb)[0]

    def metres(self, points: np.ndarray, limb: Limb) -> np.ndarray:
        """(N,) the same in metres."""
        first, second, third = (self.joint[bone] for bone in limb)
        upper, lower = np.linalg.norm(second - first), np.linalg.norm(third - second)
        along = self.along(points, limb)
        return np.where(along < 1, along * upper, upper + (along - 1) * lower)

    def axis(self, points: np.ndarray, limb: Limb) -> np.ndarray:
        """(N, 3) the nearest points of a limb's axis, both sides of the body as if the left."""
        return self._on_limb(points, limb)[1]

    def around(self, points: np.ndarray, limb: Limb) -> np.ndarray:
        """(N,) angle round a limb, 0 on its outer side, growing to the front, in (-π, π]."""
        from_axis = _mirrored(points) - self.axis(points, limb)
        down = _unit(self.joint[limb[2]] - self.joint[limb[0]])
        outer = _unit(np.array([1.0, 0, 0]) - down[0] * down)
        return np.arctan2(from_axis @ np.cross(down, outer), from_axis @ outer)

    def _on_limb(self, points: np.ndarray, limb: Limb) -> tuple[np.ndarray, np.ndarray]:
        first, second, third = (self.joint[bone] for bone in limb)
        left = _mirrored(points)
        upper = (left - first) @ (second - first) / ((second - first) @ (second - first))
        lower = (left - second) @ (third - second) / ((third - second) @ (third - second))
        on_lower = lower > 0
        axis = np.where(
            on_lower[:, None], second + lower[:, None] * (third - second), first + upper[:, None] * (second - first)
        )
        return np.where(on_lower, 1 + lower, np.minimum(upper, 1)), axis

    def around_trunk(self, points: np.ndarray) -> tuple[np.ndarray, float]:
        """(N,) metres round the trunk, 0 in front, growing to the left, as on an elliptic barrel; and half the way round."""
        turn = np.linspace(0, np.pi, 91)
        width, depth = 0.165 * self.scale, 0.115 * self.scale
        arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(width * np.sin(turn)), np.diff(depth * np.cos(turn))))])
        angle = np.arctan2(points[:, 0] / width, (points[:, 2] - self.core(points)) / depth)
        return np.sign(angle) * np.interp(np.abs(angle), turn, arc), arc[-1]

    def core(self, points: np.ndarray) -> np.ndarray:
        """(N,) the z of the middle of the trunk at the height of each point."""
        return np.interp(points[:, 1], *self._core)

    def outside(self, points: np.ndarray, clearance: float, over: Pieces = (), weight: np.ndarray | float = 1.0) -> np.ndarray:
        """Points moved outwards until they clear the skin, and whatever is worn `over` it, by this many metres."""
        under = np.concatenate([self.skin, *(patch.vertices for _, patch in over)])
        outward = np.concatenate([self.skin_normals, *(normals(patch.vertices, patch.faces) for _, patch in over)])
        tree = cKDTree(under)
        for _ in range(3):
            _, near = tree.query(points, k=3)
            height = ((points[:, None] - under[near]) * outward[near]).sum(2)
            lowest = height.argmin(1)
            rows = np.arange(len(points))
            short = np.clip(clearance - height[rows, lowest], 0, 0.02) * weight
            points = points + short[:, None] * outward[near[rows, lowest]]
        return points


def _mirrored(points: np.ndarray) -> np.ndarray:
    """(N, 3) points with those of the right half brought to the left."""
    return points * np.stack([np.where(points[:, 0] < 0, -1.0, 1.0), np.ones(len(points)), np.ones(len(points))], 1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _step(start: float, end: float, value: np.ndarray) -> np.ndarray:
    """From 0 at `start` to 1 at `end`, smoothly."""
    share = np.clip((value - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)


# ---- what is hidden ----


def covered(measures: Measures, patch: Patch, outfit: Outfit) -> np.ndarray:
    """(N,) metres by which a point of the skin lies under cloth beyond what may be seen through the gap at an edge."""
    points, scale, top, bottom = patch.vertices, measures.scale, outfit.top, outfit.bottom
    height = points[:, 1]
    upper_arm = np.linalg.norm(measures.joint["upperarm_l"] - measures.joint["lowerarm_l"])
    sleeve = (top.sleeve - measures.along(points, ARM)) * upper_arm - (0.02 + 0.03 * top.ease) * scale
    hem = height - _hem(measures, top) - (-0.05 if top.tucked else 0.02) * scale
    torso = np.minimum(hem, _neckline(measures, points, top.neckline) - 0.05 * scale)
    leg = measures.knee * (bottom.length - measures.along(points, LEG))
    legs = np.minimum(_waist(measures) - height, leg) - (0.02 + 0.03 * bottom.ease) * scale
    shoe = _shoe_top(measures, outfit.shoes) - height + 0.01 * scale
    below = np.where(height < measures.neck[1] - 0.2 * scale, np.maximum(legs, shoe), -1)
    return np.where(measures.on_arm(patch.weights) >= 0, sleeve, np.maximum(torso, below))


# ---- clothes ----


def clothes(measures: Measures, outfit: Outfit) -> Pieces:
    """Top and bottom; what is worn over the other is cut to clear it."""
    if outfit.top.tucked:
        top = _top(measures, outfit.top, [])
        return top + _bottom(measures, outfit, top)
    bottom = _bottom(measures, outfit, [])
    return bottom + _top(measures, outfit.top, bottom)


def _hem(measures: Measures, top: Top) -> float:
    return _waist(measures) - 0.045 * measures.scale if top.tucked else measures.hip - top.hem * measures.scale


def _waist(measures: Measures) -> float:
    return measures.hip + 0.11 * measures.scale


def _shoe_top(measures: Measures, shoes: Shoes) -> float:
    return measures.ankle + (shoes.shaft - 0.25) * 0.09 * measures.scale


def _neckline(measures: Measures, points: np.ndarray, kind: str) -> np.ndarray:
    """(N,) metres below the neckline, negative above: a plane that falls to the front, and a notch in it for "v" and "scoop"."""
    rise, fall, notch, wide = {
        "crew": (0.012, 0.45, 0.0, 0.1),
        "v": (0.010, 0.48, 0.065, 0.050),
        "scoop": (-0.005, 0.62, 0.055, 0.075),
        "high": (0.045, 0.25, 0.0, 0.1),
        "collar": (0.022, 0.50, 0.030, 0.030),
    }[kind]
    relative = (points - measures.neck) / measures.scale
    depth = rise - relative[:, 1] - fall * (relative[:, 2] - 0.0)
    across = np.abs(relative[:, 0]) / wide
    shape = np.clip(1 - across, 0, 1) if kind in ("v", "collar") else np.exp(-(across**2))
    return (depth / np.hypot(1, fall) - notch * shape * _step(0.0, 0.04, relative[:, 2])) * measures.scale


def _top(measures: Measures, top: Top, over: Pieces) -> Pieces:
    torso, sleeves = _torso(measures, top, over), _sleeves(measures, top, over)
    band, scale = linear(top.trim or _darker(top.pattern.ground, 0.85)), measures.scale
    long = top.sleeve > LONG_SLEEVE
    pieces = _banded(sleeves, "cuff", 0.045 * scale, band, Material.SHIRT) if top.cuffs and long else _plain(sleeves, "cuff")
    if top.cuffs and not top.tucked:
        (_, torso), hem = _banded(torso, "hem", 0.05 * scale, band, Material.SHIRT)
        pieces += [hem]
    elif not top.tucked:
        torso = hemmed(torso, "hem")
    if top.neckline == "collar":
        return [
            *pieces,
            (Material.SHIRT, torso),
            (Material.TRIM, _collar(measures, torso, linear(top.trim or top.pattern.ground))),
        ]
    return pieces + _banded(torso, "neck", 0.018 * scale, band, Material.SHIRT)


def _plain(patch: Patch, edge: str) -> Pieces:
    return [(Material.SHIRT, hemmed(patch, edge))]


def _darker(colour: Colour, share: float) -> Colour:
    return tuple(share * value for value in colour)


def _sleeves(measures: Measures, top: Top, over: Pieces) -> Patch:
    suit, scale = measures.suit, measures.scale
    shoulder, elbow = measures.joint["upperarm_l"], measures.joint["lowerarm_l"]
    upper_arm = np.linalg.norm(elbow - shoulder)
    sleeve = _off(measures, suit, _sleeve_ease(measures, top, measures.along(suit.vertices, ARM)), over)
    along = measures.metres(sleeve.vertices, ARM)
    sleeve = sleeve.with_fields(
        cuff=(top.sleeve - measures.along(sleeve.vertices, ARM)) * upper_arm,
        along=along,
        looseness=top.ease * _step(0, upper_arm, along),
    )
    sleeve = cut(cut(sleeve, "arm"), "cuff")
    radius = 0.05 * scale
    sleeve = _charted(
        sleeve, measures.around(sleeve.vertices, ARM) * radius, shoulder[1] + 0.03 - sleeve["along"], radius * np.pi
    )
    return sleeve.with_fields(pattern_at=sleeve["pattern_at"] + [SLEEVES_FROM, 0, 0])


def _sleeve_ease(measures: Measures, top: Top, along: np.ndarray) -> np.ndarray:
    """(N,) metres between arm and sleeve: wider towards the end of a short sleeve, gathered at the end of a long one."""
    long = top.sleeve > LONG_SLEEVE
    wide = 0.006 + 0.024 * top.ease * np.clip(along / max(top.sleeve, 0.3), 0, 1) * (0.55 if long else 1)
    return wide * (1 - 0.6 * _step(top.sleeve - 0.15, top.sleeve, along) * long) * measures.scale


def _torso(measures: Measures, top: Top, over: Pieces) -> Patch:
    suit, scale = measures.suit, measures.scale
    hem = _hem(measures, top)
    below_chest = measures.joint["upperarm_l"][1] - CHEST_BELOW_SHOULDER * scale - suit.vertices[:, 1]
    ease = (0.005 + 0.008 * top.ease * _step(-0.1, 0.1, below_chest)) * scale
    torso = _off(measures, suit, np.full(len(suit.vertices), ease), over)
    trunk = suit["arm"] < 0.3
    axis = np.stack([np.zeros(len(suit.vertices)), measures.core(suit.vertices)], 1)
    hung = _hung(torso.vertices, axis, below_chest, trunk & (suit.vertices[:, 1] > hem - 0.02), 0.3 + 0.6 * top.ease)
    free = trunk & (below_chest > 0)
    held = _step(0.2, 0.05, suit.vertices[:, 1] - hem) if top.tucked else np.zeros(len(hung))
    torso = torso.moved(torso.vertices + (free * (1 - held))[:, None] * (hung - torso.vertices))
    torso = torso.with_fields(
        trunk=-suit["arm"],
        hem=torso.vertices[:, 1] - hem,
        neck=_neckline(measures, suit.vertices, top.neckline),
        looseness=top.ease * _step(0, measures.joint["upperarm_l"][1] - hem, below_chest),
        along=np.maximum(below_chest, 0),
    )
    torso = measures.loosened(torso, _step(0, 0.25 * scale, below_chest))
    torso = cut(cut(cut(torso, "trunk"), "hem"), "neck")
    around, half_turn = measures.around_trunk(torso.vertices)
    periods = 2 * half_turn / top.pattern.size
    stretch = max(1, round(periods)) / periods  # so that the pattern meets itself behind
    return _charted(torso, around * stretch, torso.vertices[:, 1], half_turn * stretch)


def _bottom(measures: Measures, outfit: Outfit, over: Pieces) -> Pieces:
    suit, scale, bottom = measures.suit, measures.scale, outfit.bottom
    hem = _hem(measures, outfit.top) + 0.06 * scale
    along = measures.along(suit.vertices, LEG)
    ease = (0.004 + 0.012 * bottom.ease * _step(0, 1.8, along)) * scale
    legs = _off(measures, suit, ease, over)
    trunk = (suit["arm"] < 0) & (suit.vertices[:, 1] < _waist(measures) + 0.05)
    axis = measures.axis(suit.vertices, LEG)
    left = _mirrored(legs.vertices)
    hung = _hung(left, axis[:, [0, 2]], along - 0.75, trunk & (along < 2), 0.2 + 0.8 * bottom.ease)
    hung[:, 0] *= np.where(legs.vertices[:, 0] < 0, -1.0, 1.0)
    legs = legs.moved(np.where((trunk & (along > 0.75))[:, None], hung, legs.vertices))
    lower_leg = np.linalg.norm(measures.joint["foot_l"] - measures.joint["calf_l"])
    legs = legs.with_fields(
        trunk=-suit["arm"],
        waist=_waist(measures) - suit.vertices[:, 1],
        cuff=(bottom.length - measures.along(legs.vertices, LEG)) * lower_leg,
        under=hem - suit.vertices[:, 1],
        along=measures.metres(suit.vertices, LEG),
        looseness=0.7 * bottom.ease * _step(0.2, 2, along),
    )
    legs = measures.loosened(legs, _step(0.14 * scale, 0.06 * scale, legs["under"]))
    legs = cut(cut(cut(legs, "trunk"), "waist"), "cuff")
    legs = legs if outfit.top.tucked else cut(legs, "under")
    angle = measures.around(legs.vertices, LEG)
    legs = _charted(legs, angle * 0.08 * scale, legs.vertices[:, 1], 0.08 * scale * np.pi)
    band = linear(bottom.belt or _darker(bottom.pattern.ground, 0.75))
    legs = hemmed(legs, "cuff", 0.004, 0.02)
    if outfit.top.tucked:
        return _banded(legs, "waist", 0.035 * scale, band, Material.TROUSERS)
    return [(Material.TROUSERS, legs)]


def shoes(measures: Measures, worn: Shoes) -> Pieces:
    """Shoes with their soles on the floor, and the socks in them."""
    suit, scale = measures.suit, measures.scale
    top = _shoe_top(measures, worn)
    foot = suit.taken((suit.vertices[:, 1] < top + 0.05 * scale)[suit.faces].any(1))
    outward = _unit(smoothed(foot["outward"], foot.faces, 3))
    vertices = smoothed(foot.vertices, foot.faces, 3) + 0.007 * scale * outward
    vertices = measures.outside(vertices, 0.007 * scale, weight=_step(0.3, 0.6, vertices[:, 1] / measures.ankle))
    vertices = smoothed(vertices, foot.faces, 1)
    under = _step(-0.2, -0.6, outward[:, 1])
    vertices[:, 1] = np.maximum(vertices[:, 1] * (1 - under), 0)
    foot = cut(foot.moved(vertices).with_fields(shaft=top - vertices[:, 1]), "shaft")
    vertices = foot.vertices
    sole = 0.02 * scale
    foot = foot.with_fields(upper=vertices[:, 1] - sole, sole=sole - vertices[:, 1])
    foot = foot.with_fields(colour=np.broadcast_to(linear(worn.colour), vertices.shape), sheet=np.full(len(vertices), 3.0))
    upper, tread = hemmed(cut(foot, "upper"), "shaft", 0.006, 0.01), cut(foot, "sole")
    level = normals(tread.vertices, tread.faces) * [1, 0, 1]
    tread = tread.moved(tread.vertices + 0.004 * scale * _unit(level) * _step(0.1, 0.4, np.linalg.norm(level, axis=1))[:, None])
    colour = np.broadcast_to(linear(worn.sole), tread.vertices.shape)
    tread = hemmed(tread.with_fields(colour=colour, sheet=np.full(len(colour), 4.0)), "sole", 0.006, -0.002)
    above = suit.vertices[:, 1] - _shoe_top(measures, worn)
    sock = suit.with_fields(shaft=0.05 * scale - above, foot=above + 0.006 * scale)
    sock = cut(cut(_off(measures, sock, np.full(len(suit.vertices), 0.001), []), "shaft"), "foot")
    sock = sock.with_fields(colour=np.broadcast_to(linear(worn.socks), sock.vertices.shape))
    return [(Material.SHOE, upper), (Material.SHOE, tread), (Material.TRIM, sock)]


# ---- the tailor's hand ----


def _off(measures: Measures, patch: Patch, ease: np.ndarray, over: Pieces) -> Patch:
    """The suit moved off the body by so many metres at each vertex, clear of the skin and of what is worn under it."""
    ease = smoothed(ease, patch.faces, 3)
    moved = measures.outside(patch.vertices + ease[:, None] * patch["outward"], 0.004 * measures.scale, over)
    shift = smoothed(moved - patch.vertices, patch.faces, 2)
    return patch.moved(measures.outside(patch.vertices + shift, 0.003 * measures.scale, over))


def _hung(points: np.ndarray, axis: np.ndarray, drop: np.ndarray, known: np.ndarray, fit: float) -> np.ndarray:
    """Points moved away from an axis to where cloth hangs: nowhere (at `fit` 1) nearer to it than in the same direction above.

    Args:
        points: (N, 3); `axis` (N, 2), the x and z of the axis at each point's height.
        drop: (N,), how far down the cloth, 0 where it begins to hang.
        known: (N,) bool, the points that shape the cloth.
        fit: share of the way to hanging freely.
    """
    from_axis = points[:, [0, 2]] - axis
    radius = np.linalg.norm(from_axis, axis=1)
    turns, steps = 48, 32
    row = np.clip(drop / drop[known].max(), 0, 1) * (steps - 1)
    column = np.arctan2(from_axis[:, 0], from_axis[:, 1]) / (2 * np.pi) * turns
    grid = np.zeros((steps, turns))
    shaping = known & (drop > -0.02)
    np.maximum.at(grid, (np.round(row[shaping]).astype(int), np.round(column[shaping]).astype(int) % turns), radius[shaping])
    grid = np.maximum.accumulate(grid, 0)
    grid = np.maximum(gaussian_filter(grid, (1.5, 1.5), mode=("nearest", "wrap")), 0)
    hanging = map_coordinates(np.pad(grid, ((0, 0), (0, 1)), "wrap"), [row, column % turns], order=1, mode="nearest")
    further = np.clip(fit * (hanging - radius), 0, 0.05) * _step(0, 0.1 * drop[known].max(), drop)
    moved = points.copy()
    moved[:, [0, 2]] += from_axis / np.maximum(radius, 1e-6)[:, None] * further[:, None]
    return moved


def _charted(patch: Patch, around: np.ndarray, up: np.ndarray, half_turn: float) -> Patch:
    """The patch with pattern coordinates; vertices at the seam behind are doubled, so that no face spans the whole way round."""
    patch = patch.with_fields(around=around, up=up)
    corners = around[patch.faces]
    spanning = np.ptp(corners, axis=1) > half_turn
    late = spanning[:, None] & (corners < 0)
    again = np.unique(patch.faces[late])
    place = np.full(len(patch.vertices), -1)
    place[again] = len(patch.vertices) + np.arange(len(again))
    doubled = patch.with_points(np.stack([again, again], 1), np.zeros(len(again)))
    doubled["around"][len(patch.vertices) :] += 2 * half_turn
    patch = replace(doubled, faces=np.where(late, place[patch.faces], patch.faces))
    return patch.with_fields(pattern_at=np.stack([patch["around"], patch["up"], patch.vertices[:, 2]], 1))


def _banded(patch: Patch, edge: str, width: float, colour: np.ndarray, material: Material) -> Pieces:
    """A garment with a band along an edge: the cloth, and the band, a little thicker, dyed in one colour."""
    split = patch.with_fields(rest=patch[edge] - width, band=width - patch[edge])
    split = split.with_fields(outward=normals(patch.vertices, patch.faces))
    band = cut(split, "band")
    band = band.moved(band.vertices + 0.002 * band["outward"])
    band = band.with_fields(colour=np.broadcast_to(colour, band.vertices.shape), sheet=np.full(len(band.vertices), 2.0))
    return [(material, cut(split, "rest")), (Material.TRIM, hemmed(hemmed(band, edge), "band", 0.003, -0.001))]


def _collar(measures: Measures, patch: Patch, colour: np.ndarray) -> Patch:
    """A collar folded over along the neckline, open in front."""
    edges = rim(patch, "neck")
    scale = measures.scale
    away = _unit((patch.vertices - measures.neck) * [1, 0, 1])
    front = _step(0.0, 0.06 * scale, patch.vertices[:, 2] - measures.neck[2])[:, None]
    up = np.array([0, 1.0, 0])
    stand = patch.vertices + (0.026 * up + 0.004 * away) * scale * (1 - 0.55 * front)
    fold = stand + 0.006 * scale * away
    tip = patch.vertices + (0.022 + 0.022 * front) * scale * away - (0.012 + 0.02 * front) * scale * up
    tip = measures.outside(tip, 0.009 * scale)
    open_front = np.abs(patch.vertices[edges, 0]).min(1) > 0.004 * scale
    edges = edges[open_front | (patch.vertices[edges, 2] < measures.neck[2]).all(1)]
    used, ends = np.unique(edges, return_inverse=True)
    first, second = ends.reshape(-1, 2).T
    count = len(used)
    rows = [patch.vertices[used], stand[used], fold[used], tip[used]]
    faces = []
    for row in range(len(rows) - 1):
        a, b, c, d = first + row * count, second + row * count, first + (row + 1) * count, second + (row + 1) * count
        faces += [np.stack([a, c, b], 1), np.stack([b, c, d], 1)]
    fields = {"colour": np.broadcast_to(colour, (count * len(rows), 3)), "sheet": np.full(count * len(rows), 5.0)}
    return Patch(
        np.concatenate(rows),
        np.concatenate(faces),
        np.tile(patch.weights[used], (4, 1)),
        np.tile(patch.origin[used], 4),
        fields,
    )
