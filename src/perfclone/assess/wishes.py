"""What to film so that the reference has the driver's poses: missing limbs by where they point, in words, most useful first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics import GAMMA, descriptor
from ..skeleton import JOINT, trunk
from .coverage import LIMBS, Coverage, Limb, missing

MOST_WISHES = 5
"""So many things can be kept in mind before a camera."""

LEAST_S = 0.5
"""What is missing for less of the driving video than this, in seconds, is not worth filming."""

FILM_S = (5, 30)
"""The least and the most seconds that are asked for of one motion."""

SHORT = 0.5
"""A limb of less than this share of its full length points at the camera or away from it."""

TURNED = 0.5
"""A body with shoulders narrower than this share of their full width in the image is turned to the side."""

BENT = 0.75
"""A trunk shorter than this share of its full length is bent towards the camera or away from it."""

LEANING_DEG = 10
"""A trunk further than this from the vertical leans to a side."""

NEARLY_ALL = 0.8
"""A share that stands for all of a group, in naming the limb or the side that it is about."""

TOGETHER = 0.5
"""Two things of which each is missing in this share of the other's frames are asked for as one motion, `AT_ONCE` at most."""

AT_ONCE = 3

_FRONTAL = ("down", "down and outward", "outward", "up and outward", "up", "up and inward", "inward", "down and inward")
_SIDEWAYS = ("down", "half down aside", "aside", "half up aside", "up", "half up aside", "aside", "half down aside")

# How a motion is asked for, by what is to move and where. Sides are the performer's, outward is away from the body.
_WORDS = {
    ("arm", "down"): "hanging straight down",
    ("arm", "down and outward"): "held diagonally down, away from the body",
    ("arm", "outward"): "stretched out horizontally to the side",
    ("arm", "up and outward"): "raised diagonally up and outward",
    ("arm", "up"): "raised straight up",
    ("arm", "up and inward"): "raised diagonally towards the head and over it",
    ("arm", "inward"): "held horizontally across the body",
    ("arm", "down and inward"): "held diagonally down across the body",
    ("arm", "camera"): "pointing towards the camera",
    ("arm", "half down aside"): "held diagonally down, forward and back",
    ("arm", "aside"): "held out horizontally, forward and back",
    ("arm", "half up aside"): "raised diagonally up, forward and back",
    ("leg", "down"): "straight down",
    ("leg", "down and outward"): "apart, and lifted a little to the side",
    ("leg", "outward"): "lifted to the side as far as the horizontal",
    ("leg", "up and outward"): "kicked high to the side",
    ("leg", "up"): "pulled up, foot above knee",
    ("leg", "up and inward"): "swung high across the other leg",
    ("leg", "inward"): "swung horizontally across the other leg",
    ("leg", "down and inward"): "pointing diagonally inward, as in crossing the legs or half turned",
    ("leg", "camera"): "bent towards or away from the camera, as in squats and with raised knees",
    ("leg", "half down aside"): "swung diagonally forward and back, as in long steps",
    ("leg", "aside"): "lifted horizontally, forward and back",
    ("leg", "half up aside"): "kicked high, forward and back",
    ("body", "aside"): "turned to the side, one way and the other",
    ("body", "back"): "with the back to the camera",
    ("body", "camera"): "bent forward, towards the camera",
    ("body", "left"): "leaning to the performer's own left",
    ("body", "right"): "leaning to the performer's own right",
    ("body", "upright"): "standing upright, stretching tall and shrugging",
    ("all", "unseen"): "the whole body in the picture",
}
_KEYS = list(_WORDS)


@dataclass(frozen=True)
class Wish:
    """A motion to film for the reference.

    Attributes:
        text: what to do, such as `with the arms stretched out horizontally to the side`.
        film_s: how long to film it, in seconds, rounded.
        needed_s: seconds of the driving video in which it is missing.
        share_after: the share of the compared driving frames of which all poses are there once this and all before it are filmed
            thoroughly. It counts what is named and no more: what the actor does on the way comes on top, and that may be most.
        mirrored: the reference has it already with the limb of the other side.
        example: number of a driving frame in which it is missing, amid the longest stretch of such frames.
    """

    text: str
    film_s: int
    needed_s: float
    share_after: float
    mirrored: bool
    example: int


def wishes(coverage: Coverage, joints: np.ndarray, fps: float) -> tuple[Wish, ...]:
    """What to film, the motion that completes most driving frames first; a frame that lacks several counts for each in part.

    Limbs count one by one in Eq. (8), so this is a set cover, found greedily. What an actor does on the way is not foreseen, and
    may be most, since arms pass through nearly everything that lies around.

    Args:
        coverage: of the driver by the reference.
        joints: (T, 18, 2) of the driver, pixels of the aligned frame.
        fps: of the driving video, frames a second.
    """
    lacks = missing(coverage)
    keys = np.where(np.isinf(coverage.limbs), _KEYS.index(("all", "unseen")), directions(joints, coverage.lengths[1]))
    needs = np.stack([(lacks & (keys == key)).any(1) for key in range(len(_KEYS))], 1)
    worth_it = needs.sum(0) >= LEAST_S * fps
    left, compared = needs.copy(), (~np.isnan(coverage.limbs)).any(1)
    found = []
    while len(found) < MOST_WISHES and left[:, worth_it].any():
        share = left / np.maximum(left.sum(1, keepdims=True), 1)
        motion = _together(int((share.sum(0) * worth_it).argmax()), left)
        frames = left[:, motion].any(1)
        left[:, motion] = False
        groups = [lacks & (keys == key) for key in motion]
        needed_s = float(frames.sum() / fps)
        found.append(
            Wish(
                text=_in_words(motion, groups),
                film_s=int(np.clip(5 * round(needed_s / 5), *FILM_S)),
                needed_s=needed_s,
                share_after=float((compared & ~left.any(1)).sum() / compared.sum()),
                mirrored=_nearly_all(coverage.mirrored[np.any(groups, 0)] <= GAMMA),
                example=_amid_longest(frames),
            )
        )
    return tuple(found)


def _together(best: int, needs: np.ndarray) -> list[int]:
    """The key `best` and those that are missing mostly in the same frames, of (T, keys) bool."""
    shared = (needs & needs[:, [best]]).sum(0) / np.maximum(np.maximum(needs.sum(0), needs[:, best].sum()), 1)
    return sorted(key for key in np.argsort(-shared, kind="stable")[:AT_ONCE].tolist() if shared[key] >= TOGETHER)


def directions(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Where each limb points, as a row of the table of words above.

    Args:
        joints: (T, 18, 2), pixels of the aligned frame, NaN where missing.
        lengths: (12,) pixels, the limbs' full lengths.

    Returns:
        (T, 12) int; −1 where the limb is not known.
    """
    vectors = -descriptor(joints.astype(np.float64))
    known = ~np.isnan(vectors).any(-1)
    vectors = np.nan_to_num(vectors)
    away, width = _facing(joints)
    turned = width < TURNED * sum(lengths[k] for k, limb in enumerate(LIMBS) if limb.part == "shoulder")
    body = _body(joints, away, turned, lengths)
    found = np.full(known.shape, -1)
    for k, limb in enumerate(LIMBS):
        if limb.chain == "body":
            found[:, k] = body
            continue
        outward = vectors[:, k, 0] * (away if limb.side == "left" else -away)
        eighths = np.round(np.arctan2(outward, vectors[:, k, 1]) / (np.pi / 4)).astype(int) % 8
        words = [[_KEYS.index((limb.chain, word)) for word in row] for row in (_FRONTAL, _SIDEWAYS)]
        found[:, k] = np.where(turned, np.take(words[1], eighths), np.take(words[0], eighths))
        short = np.linalg.norm(vectors[:, k], axis=-1) < SHORT * lengths[k]
        found[short, k] = _KEYS.index((limb.chain, "camera"))
    return np.where(known, found, -1)


def _facing(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """On which side of the image the performer's left is, (T,) 1 or −1; and how wide the shoulders are, (T,) pixels, NaN if unknown."""
    across = joints[:, JOINT["left_shoulder"], 0] - joints[:, JOINT["right_shoulder"], 0]
    hips = joints[:, JOINT["left_hip"], 0] - joints[:, JOINT["right_hip"], 0]
    side = np.nan_to_num(np.where(np.isnan(across), hips, across), nan=1.0)
    return np.where(side < 0, -1, 1), np.abs(across)


def _body(joints: np.ndarray, away: np.ndarray, turned: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T,) int, how the body is held, as a row of the table of words above."""
    neck, middle = trunk(joints.astype(np.float64))
    rise = neck - middle
    full = np.nanmean([lengths[k] for k, limb in enumerate(LIMBS) if limb.part == "hip"])
    leaning = np.abs(np.degrees(np.arctan2(rise[:, 0], -rise[:, 1]))) > LEANING_DEG
    to_left = rise[:, 0] * away > 0
    cases = [
        (turned, "aside"),
        (np.linalg.norm(rise, axis=-1) < BENT * full, "camera"),
        (leaning & to_left, "left"),
        (leaning & ~to_left, "right"),
        (away < 0, "back"),
    ]
    return np.select(
        [case for case, _ in cases], [_KEYS.index(("body", w)) for _, w in cases], _KEYS.index(("body", "upright"))
    )


def _in_words(motion: list[int], groups: list[np.ndarray]) -> str:
    """What to do, for some keys and the limbs, (T, 12) bool each, that are missing there."""
    whole, limbs, aside = [], [], False
    for key, group in zip(motion, groups):
        chain, direction = _KEYS[key]
        there = [LIMBS[k] for k in np.argwhere(group)[:, 1]]
        if chain == "all":
            limbs.append(
                f"{_WORDS[chain, direction]} (the reference never shows: {', '.join(sorted({x.name for x in there}))})"
            )
        elif chain == "body":
            whole.append(_WORDS[chain, direction])
        else:
            aside |= direction.endswith("aside")
            limbs.append(f"{_subject(chain, there)} {_WORDS[chain, direction]}")
    if aside and not any(words.startswith("turned") for words in whole):
        whole.insert(0, "turned to the side")
    return ", ".join([*whole, *(["with " + " and ".join(limbs)] if limbs else [])])


def _subject(chain: str, limbs: list[Limb]) -> str:
    """What they have in common, such as `the arms` or `the left forearm`."""
    part = next((part for part in sorted({one.part for one in limbs}) if _nearly_all([x.part == part for x in limbs])), chain)
    side = next((side for side in ("left", "right") if _nearly_all([x.side == side for x in limbs])), None)
    return f"the {part}s" if side is None else f"the {side} {part}"


def _nearly_all(cases: Sequence[bool] | np.ndarray) -> bool:
    return float(np.mean(cases)) >= NEARLY_ALL


def _amid_longest(frames: np.ndarray) -> int:
    """The middle of the longest unbroken run of True in (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frames, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    longest = (stops - starts).argmax()
    return int((starts[longest] + stops[longest]) // 2)
