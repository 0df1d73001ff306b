"""The colours of skin and eyes, for each vertex of the base mesh: blood near the surface, shade in folds, lips, brows and lids."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .body import BODY_VERTICES, Body, mpfb2
from .patch import normals, smoothed

IRIS = 0.82
"""The cosine of the angle, seen from the eye's centre, between the line of sight and the edge of the iris."""
PUPIL = 0.955
"""The same for the edge of the pupil."""


def complexion(body: Body, skin: np.ndarray, hair: np.ndarray, stubble: float = 0.0) -> np.ndarray:
    """(V, 3) float64 linear RGB of the skin. `skin` and `hair` are linear RGB; `stubble` runs from 0 to 1."""
    across, up, front = _face_coordinates(body)
    fleshy = skin * [1.0, 0.62, 0.55]
    flush = _bump(across - 0.42, up + 0.30, 0.17) * front + 0.8 * _bump(across, up + 0.28, 0.11) * front
    flush += 0.7 * region(body, "ears") + 0.35 * _extremities(body)
    colour = _mixed(np.tile(skin, (len(body.vertices), 1)), fleshy, 0.45 * np.clip(flush, 0, 1))
    colour = _mixed(colour, skin * [0.72, 0.42, 0.40], 0.75 * region(body, "lips"))
    socket = _bump(across - 0.28, up - 0.02, 0.13) * front
    colour *= 1 - 0.25 * socket[:, None]
    beard = front * _step(-0.42, -0.62, up) * (1 - region(body, "lips")) * _step(-1.35, -1.1, up) * _step(0.95, 0.8, across)
    colour = _mixed(colour, 0.5 * (hair + 0.3 * skin), 0.45 * stubble * beard)
    colour = _mixed(colour, hair * 0.7, 0.95 * _brows(across, up) * front)
    return colour * _cavity(body)[:, None]


def eye_colours(body: Body, iris: np.ndarray) -> np.ndarray:
    """(V, 3) float64 linear RGB: white, iris and pupil of the eyeballs; everything else, lashes included, as dark as lashes."""
    colour = np.full((len(body.vertices), 3), 0.03)
    for ball in eyeballs(body):
        direction = body.vertices[ball] - body.vertices[ball].mean(0)
        ahead = (direction / np.linalg.norm(direction, axis=1, keepdims=True))[:, 2:]
        colour[ball] = np.where(ahead > PUPIL, 0.01, np.where(ahead > IRIS, iris, 0.62))
    return colour


def eyeballs(body: Body) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of the left and of the right eyeball."""
    return np.unique(body.faces["helper-l-eye"]), np.unique(body.faces["helper-r-eye"])


def _face_coordinates(body: Body) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Across from the middle and up from the eyes, (V,) each in units of eyes to crown / 1.6; and 1 on the face, 0 behind."""
    eyes = np.mean([body.vertices[ball].mean(0) for ball in eyeballs(body)], 0)
    unit = (body.height - eyes[1]) / 1.6
    relative = (body.vertices - eyes) / unit
    return np.abs(relative[:, 0]), relative[:, 1], _step(-0.9, -0.5, relative[:, 2])


def _brows(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(V,) 1 on the eyebrows, which rise outwards and fall at their ends."""
    height = 0.27 + 0.10 * np.sin(np.clip((across - 0.15) / 0.5, 0, 1) * 2.2)
    thick = 0.09 * np.clip(1.25 - across / 0.75, 0, 1)
    return _step(1, 0.4, np.abs(up - height) / np.maximum(thick, 1e-3)) * _step(0.08, 0.17, across) * _step(0.72, 0.55, across)


def _extremities(body: Body) -> np.ndarray:
    """(V,) how much a vertex belongs to fingers, whose skin is redder."""
    fingers = [name.split("_")[0] in ("thumb", "index", "middle", "ring", "pinky") for name in body.skeleton.names]
    return body.weights[:, fingers].sum(1)


def _cavity(body: Body) -> np.ndarray:
    """(V,) about 1, less in folds and hollows, a little more on ridges: ears, nostrils and fingers read as shapes from afar."""
    faces = body.faces["body"]
    outward = normals(body.vertices, faces)
    depth = np.zeros(len(body.vertices))
    for times, gain in ((2, 110), (10, 22)):
        hollow = ((smoothed(body.vertices, faces, times) - body.vertices) * outward).sum(1)
        depth += gain * hollow
    shade = 1 - np.clip(depth, -0.12, 0.55)
    shade[BODY_VERTICES:] = 1
    return smoothed(shade, faces, 1)


@lru_cache(maxsize=8)
def _mask(name: str) -> np.ndarray:
    """MakeHuman's drawing of a region in texture space, 1 inside."""
    return cv2.imread(str(mpfb2() / "textures" / f"mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE) / 255.0


def region(body: Body, name: str) -> np.ndarray:
    """(V,) from 0 to 1, how far a vertex lies in one of the regions of the skin that MakeHuman drew, such as "lips" or "ears"."""
    mask = _mask(name)
    rows, columns = mask.shape
    row = np.clip(((1 - body.uv[:, 1]) * rows).astype(int), 0, rows - 1)
    found = mask[row, np.clip((body.uv[:, 0] * columns).astype(int), 0, columns - 1)]
    found[BODY_VERTICES:] = 0
    return found


def _bump(across: np.ndarray, up: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-(across**2 + up**2) / (2 * width**2))


def _mixed(colour: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    return colour + (other - colour) * share[:, None]


def _step(start: float, end: float, value: np.ndarray) -> np.ndarray:
    share = np.clip((value - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)
