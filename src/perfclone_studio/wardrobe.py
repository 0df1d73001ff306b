"""Dressing: an `Outfit` is put on a `Body`, which gives the `Model` that the renderer draws.

Skin under cloth is left out, so that it cannot poke through. Patterns are not painted on vertices but computed for each pixel by
`pattern_colour`. Colours in an `Outfit` are sRGB, as one picks them; in a `Model` they are linear, as light adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import face, hair, tailor
from .body import Body
from .outfit import Material, Outfit, Pattern, linear
from .patch import Patch, joined

EDGE_M = 0.005
"""How wide the edge of a printed or woven figure is, in metres."""

STRIPE_M = 0.032
"""The width of the stripe down the sides of trousers, in metres."""


@dataclass(frozen=True, eq=False)
class Model:
    """A dressed person in the rest pose, ready to be posed and drawn. Cloth and hair are open sheets, to be drawn from both sides.

    Attributes:
        vertices: (N, 3) float32, metres.
        faces: (F, 3) int32, counter-clockwise from outside.
        clip: (N,) float32; the surface is shown where its interpolation is at least 0.
        material: (F,) uint8, a `Material` each.
        pattern_at: (N, 3) float32, metres round the limb from its front or outer side, metres up, metres to the front, in which
            patterns are drawn. A sleeve counts as hanging straight down from the shoulder, and its way round as beginning at
            `tailor.SLEEVES_FROM`.
        along: (N,) float32. On cloth, metres along the limb from the shoulder or the hip; on hair, a coordinate across the strands.
        colour: (N, 3) float32, linear RGB, to be multiplied with `pattern_colour`.
        looseness: (N,) float32 in [0, 1], how freely cloth and hair can lag behind the body.
        bone_index: (N, 4) int32, the bones that a vertex follows.
        bone_weight: (N, 4) float32, how far, summing to 1.
        body_vertex: (N,) int32, the vertex of the base mesh that each vertex came from.
        seam: (N,) int32, the first vertex at the same place on the same piece: both share one normal.
        body: whose it is.
        outfit: what is worn.
    """

    vertices: np.ndarray
    faces: np.ndarray
    clip: np.ndarray
    material: np.ndarray
    pattern_at: np.ndarray
    along: np.ndarray
    colour: np.ndarray
    looseness: np.ndarray
    bone_index: np.ndarray
    bone_weight: np.ndarray
    body_vertex: np.ndarray
    seam: np.ndarray
    body: Body
    outfit: Outfit


def dress(body: Body, outfit: Outfit) -> Model:
    """A body in an outfit."""
    measures = tailor.Measures(body)
    bare = _bare(measures, outfit)
    clothes = tailor.clothes(measures, outfit)
    shown = bare.taken((bare["covered"] < 0)[bare.faces].any(1))
    surroundings = joined([bare, *(patch for _, patch in clothes)])
    locks = hair.grow(body, outfit.hair, surroundings, linear(outfit.hair.colour))
    pieces = [(Material.SKIN, shown), *_eyes(body, outfit), *clothes, *tailor.shoes(measures, outfit.shoes)]
    return _model(body, outfit, pieces + [(Material.HAIR, patch) for patch in locks])


def _model(body: Body, outfit: Outfit, pieces: tailor.Pieces) -> Model:
    whole = joined([_complete(patch) for _, patch in pieces])
    bones = np.argsort(-whole.weights, axis=1, kind="stable")[:, :4]
    shares = np.take_along_axis(whole.weights, bones, 1)
    return Model(
        vertices=whole.vertices.astype(np.float32),
        faces=whole.faces.astype(np.int32),
        clip=whole["clip"].astype(np.float32),
        material=np.repeat([material for material, _ in pieces], [len(patch.faces) for _, patch in pieces]).astype(np.uint8),
        pattern_at=whole["pattern_at"].astype(np.float32),
        along=whole["along"].astype(np.float32),
        colour=whole["colour"].astype(np.float32),
        looseness=whole["looseness"].astype(np.float32),
        bone_index=bones.astype(np.int32),
        bone_weight=(shares / shares.sum(1, keepdims=True)).astype(np.float32),
        body_vertex=whole.origin.astype(np.int32),
        seam=_seam(whole),
        body=body,
        outfit=outfit,
    )


def _seam(whole: Patch) -> np.ndarray:
    """(N,) int32, for each vertex the first one at the same place (to 10 µm) on the same sheet."""
    x, y, z = (np.round(whole.vertices * 1e5).astype(np.int64) + (1 << 18)).T
    sheet = np.round(whole["sheet"]).astype(np.int64)
    _, first, which = np.unique(((x << 43) | (y << 24) | (z << 5)) + sheet, return_index=True, return_inverse=True)
    return first[which.reshape(-1)].astype(np.int32)


def _complete(patch: Patch) -> Patch:
    """The patch with every field that a model needs, plain where it has none of its own."""
    count = len(patch.vertices)
    plain = {
        "clip": np.ones(count),
        "pattern_at": patch.vertices,
        "along": np.zeros(count),
        "colour": np.ones((count, 3)),
        "looseness": np.zeros(count),
        "sheet": np.zeros(count),
    }
    return patch.with_fields(**(plain | patch.fields))


def _bare(measures: tailor.Measures, outfit: Outfit) -> Patch:
    """The skin, with a field `covered` that is negative wherever it might be seen."""
    body = measures.body
    colour = face.complexion(body, linear(outfit.skin), linear(outfit.hair.colour), outfit.stubble)
    skin = Patch(body.vertices, body.faces["body"], body.weights, np.arange(len(body.vertices)), {"colour": colour})
    skin = skin.taken(body.faces["body"])
    hidden = np.maximum(hair.under_hair(body, outfit.hair), face.region(body, "inside-mouth") - 0.5)[skin.origin]
    return skin.with_fields(covered=np.maximum(tailor.covered(measures, skin, outfit), hidden))


def _eyes(body: Body, outfit: Outfit) -> tailor.Pieces:
    colour = face.eye_colours(body, linear(outfit.eyes))
    whole = Patch(body.vertices, body.faces["body"], body.weights, np.arange(len(body.vertices)), {"colour": colour})
    balls = np.concatenate([body.faces["helper-l-eye"], body.faces["helper-r-eye"]])
    lashes = np.concatenate([faces for name, faces in body.faces.items() if name.endswith("eyelashes-2")])  # the upper ones
    return [(Material.EYE, whole.taken(balls)), (Material.TRIM, whole.taken(lashes))]


# ---- patterns ----


def pattern_colour(
    model: Model, material: np.ndarray, pattern_at: np.ndarray, along: np.ndarray, variation: np.ndarray
) -> np.ndarray:
    """What to multiply the colour of K points of a model with: the dye of cloth, the strands of hair, 1 on everything plain.

    Args:
        model: whose outfit holds the patterns.
        material: (K,) uint8, of each point; `pattern_at` (K, 3) and `along` (K,) are the model's fields, interpolated there.
        variation: (K,), smooth noise of about -1 to 1 that lives on the cloth, for uneven dye.

    Returns:
        (K, 3) float32, linear.
    """
    outfit, skeleton = model.outfit, model.body.skeleton
    hip, neck = (skeleton.head[skeleton.index(bone), 1] for bone in ("thigh_l", "neck_01"))
    dye = np.ones((len(material), 3), np.float32)
    for kind, pattern in ((Material.SHIRT, outfit.top.pattern), (Material.TROUSERS, outfit.bottom.pattern)):
        on = np.flatnonzero(material == kind)
        dye[on] = _dyed(pattern, pattern_at[on], hip + pattern.height * (neck - hip), variation[on])
    if outfit.bottom.stripe is not None:
        on = np.flatnonzero(material == Material.TROUSERS)
        inside = _inside(STRIPE_M / 2 - np.abs(pattern_at[on, 0]))[:, None]
        dye[on] += inside * (linear(outfit.bottom.stripe) - dye[on])
    on = np.flatnonzero(material == Material.HAIR)
    dye[on] = hair.strands(along[on], variation[on])[:, None]
    return dye


def _dyed(pattern: Pattern, at: np.ndarray, level: float, variation: np.ndarray) -> np.ndarray:
    around, up = at[:, 0], at[:, 1]
    figure, size = np.zeros(len(at), np.float32), pattern.size
    if pattern.kind == "stripes":
        figure = _bars(up, size, 0.5)
    elif pattern.kind == "check":
        across, above = _bars(around, size, 0.5), _bars(up, size, 0.5)
        figure = across + above - 2 * across * above
    elif pattern.kind == "plaid":
        figure = (_bars(around, size, 0.4) + _bars(up, size, 0.4)) / 2
    elif pattern.kind == "dots":
        offset = 0.5 * (np.floor(up / size) % 2)
        figure = _inside(size * (0.28 - np.hypot((around / size + offset) % 1 - 0.5, (up / size) % 1 - 0.5)))
    elif pattern.kind == "logo":
        across, above = np.abs(around) / size, np.abs(up - level) / size
        figure = _inside(size * np.minimum(np.minimum(0.5 - across, 0.35 - above), 0.7 * (0.6 - across - above)))
    elif pattern.kind == "yoke":
        figure = _inside(up - level)
    elif pattern.kind == "denim":
        figure = 0.6 * np.exp(-(((around - tailor.FRONT_OF_LEG) / 0.06) ** 2))
    figure = np.asarray(figure, np.float32)[:, None]
    dye = (1 - figure) * linear(pattern.ground) + figure * linear(pattern.figure)
    if pattern.buttons:
        dye *= (1 - 0.4 * _inside(0.0015 - np.abs(np.abs(around) - 0.016)))[:, None]
        dye += _inside(0.006 - np.hypot(around, (up % 0.085) - 0.04))[:, None] * (0.75 - dye)
    return (dye * (1 + 0.10 * variation[:, None])).astype(np.float32)


def _bars(coordinate: np.ndarray, period: float, share: float) -> np.ndarray:
    """(K,) 1 in the first `share` of each period, 0 in the rest."""
    from_middle = np.abs((coordinate / period - share / 2 + 0.5) % 1 - 0.5)
    return _inside(period * (share / 2 - from_middle))


def _inside(depth_m: np.ndarray) -> np.ndarray:
    """(K,) from 0 outside to 1 inside a figure, given the metres to its edge: soft as ink in cloth, so that edges do not flicker."""
    return np.clip(0.5 + depth_m / EDGE_M, 0, 1).astype(np.float32)
