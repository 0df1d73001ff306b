"""Which limbs of a driver the reference has (Sec. 4): Eq. (8) limb by limb, and what of it is due to another build."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics import GAMMA, descriptor, mean_over_limbs, nearest_limbs
from ..skeleton import DESCRIPTOR_LIMBS, JOINT, JOINTS, OTHER_SIDE

RARE_S = 0.5
"""Seconds. Eq. (8) does not ask how often the reference has a limb; with less of it than this it is said to be rare there."""

CELL = 4
"""Pixels of the aligned frame that are one cell of the map of a limb's places."""

FULL = 95
"""Percentile of a limb's length in the image that stands for its full length, since foreshortening only ever shortens it."""

_PARTS = {
    "shoulder": "shoulder", "elbow": "upper arm", "wrist": "forearm",
    "hip": "hip", "knee": "thigh", "ankle": "lower leg",
}  # fmt: skip
_CHAINS = {"upper arm": "arm", "forearm": "arm", "thigh": "leg", "lower leg": "leg", "shoulder": "body", "hip": "body"}


@dataclass(frozen=True)
class Limb:
    """One of the 12 limbs of the skeleton descriptor, in words."""

    side: str
    """Left or right, the performer's own."""
    part: str
    """Such as `forearm`; `shoulder` and `hip` for the limbs from the neck to there."""
    chain: str
    """Where it belongs, one of `arm`, `leg`, `body`."""

    @property
    def name(self) -> str:
        """Such as `left forearm` or `neck to left hip`."""
        return f"neck to {self.side} {self.part}" if self.chain == "body" else f"{self.side} {self.part}"

    @property
    def row(self) -> str:
        """Which part of the body it is counted with in the timeline, such as `left arm`; both sides of the body are one."""
        return "body" if self.chain == "body" else f"{self.side} {self.chain}"


def _limb(joint: str) -> Limb:
    side, place = joint.split("_")
    return Limb(side, _PARTS[place], _CHAINS[_PARTS[place]])


LIMBS = tuple(_limb(JOINTS[end]) for _, end in DESCRIPTOR_LIMBS)
"""In the order of `skeleton.DESCRIPTOR_LIMBS`."""

ROWS = ("right arm", "left arm", "body", "right leg", "left leg")
"""The rows of the timeline."""

_MIRRORED = [next(k for k, other in enumerate(LIMBS) if other.part == one.part and other.side != one.side) for one in LIMBS]


@dataclass(frozen=True, eq=False)
class Coverage:
    """How near each limb of each driving frame is to the reference.

    Distances are in pixels of the aligned frame, (T, 12) float64: NaN where the driver's limb is not known, so that it can't be
    compared; infinite where the reference never has that limb.

    Attributes:
        limbs: to the nearest in the reference, the summands of Eq. (8).
        scaled: the same after the driver's limbs were brought to the lengths of the actor's, so that only poses differ.
        often: to as many limbs of the reference as make `RARE_S`, so that what is far here and near in `limbs` is rare there.
        mirrored: of the scaled limbs, mirrored, to the reference's limbs of the other side.
        lengths: (2, 12) full lengths of the limbs (see `FULL`), the actor's and the driver's.
    """

    limbs: np.ndarray
    scaled: np.ndarray
    often: np.ndarray
    mirrored: np.ndarray
    lengths: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """(T,) pixels, Eq. (8), over the limbs known in both; NaN where there are none."""
        return mean_over_limbs(self.limbs)


def missing(coverage: Coverage) -> np.ndarray:
    """(T, 12) bool, the driver's limbs that the reference lacks and would lack if both were built alike."""
    return (coverage.limbs > GAMMA) & (coverage.scaled > GAMMA)


def cover(driving: np.ndarray, reference: np.ndarray, fps: float) -> Coverage:
    """Compare every driving pose with a reference, limb by limb.

    Args:
        driving: (T, 18, 2), reference: (R, 18, 2) joints, pixels of the aligned frame, NaN where missing.
        fps: of the reference, frames a second.
    """
    p, v = (descriptor(joints.astype(np.float64)) for joints in (driving, reference))
    lengths = np.stack([full_lengths(reference), full_lengths(driving)])
    ratio = lengths[0] / lengths[1]
    q = p * np.where(np.isfinite(ratio), ratio, 1)[:, None]
    mirror = q[:, _MIRRORED] * (-1, 1)
    return Coverage(
        limbs=nearest_limbs(p, v),
        scaled=nearest_limbs(q, v),
        often=nearest_limbs(p, v, max(1, round(RARE_S * fps))),
        mirrored=nearest_limbs(mirror, v)[:, _MIRRORED],
        lengths=lengths,
    )


def full_lengths(joints: np.ndarray) -> np.ndarray:
    """(T, 18, 2) joints → (12,) pixels, how long each limb is in the image plane, equal on both sides; NaN if never seen."""
    return np.array([_full_length(joints, limb) for limb in DESCRIPTOR_LIMBS])


def _full_length(joints: np.ndarray, ends: tuple[int, int]) -> float:
    one, other = (joints[:, list(pair)] for pair in (ends, [OTHER_SIDE[end] for end in ends]))
    length = np.linalg.norm(np.diff(np.concatenate([one, other]).astype(np.float64), axis=1), axis=-1)
    known = length[~np.isnan(length)]
    return float(np.percentile(known, FULL)) if len(known) else float("nan")


_MEASURED = {limb.name.replace(f"{limb.side} ", ""): ends for limb, ends in zip(LIMBS, DESCRIPTOR_LIMBS)} | {
    "neck to nose": (JOINT["neck"], JOINT["nose"]),
    "ear to ear": (JOINT["right_ear"], JOINT["left_ear"]),
}


@dataclass(frozen=True)
class Proportion:
    """How long a part of the body appears in the aligned frame when it lies in the image plane, see `FULL`.

    Attributes:
        part: such as `forearm`.
        actor_px: the actor's, pixels of the aligned frame.
        driver_px: the driver's.
    """

    part: str
    actor_px: float
    driver_px: float

    @property
    def ratio(self) -> float:
        """The driver's over the actor's."""
        return self.driver_px / self.actor_px


def proportions(reference: np.ndarray, driving: np.ndarray) -> tuple[Proportion, ...]:
    """Compare two builds, from (R, 18, 2) and (T, 18, 2) joints. Parts that either never shows are left out."""
    found = []
    for part, ends in _MEASURED.items():
        actor, driver = (_full_length(joints, ends) for joints in (reference, driving))
        if not np.isnan([actor, driver]).any():
            found.append(Proportion(part, actor, driver))
    return tuple(found)
