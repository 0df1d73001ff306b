"""Asking Eq. (8) what to film next: which seconds of further motion bring the limbs that a driving performance needs (Sec. 4).

The experiment: a training on the opening of a video, which lacks much of what comes later, and the same with 20 more
seconds out of the rest of the training part, once those that Eq. (8) asks for and once as many at random. The poses of the test
part are the driving performance, which whoever wants it cloned has; its frames are used for nothing but the measuring.
"""

from __future__ import annotations

import numpy as np

from perfclone.errors import InputError
from perfclone.metrics import GAMMA, descriptor, sequence_distance
from perfclone.training.split import split

OPENING = 960
"""Frames that are trained on in any case, the stretching of the shipped targets."""
RUN = 30
"""Frames in a row that are added together, a second."""
RUNS = 20
"""How many such runs are added."""
ADVISED = ("opening", "asked", "random-1", "random-2")
"""Ways to train that `RunSpec.split` can name, on the opening alone, with what Eq. (8) asks for, with one of two random draws."""


def advised_split(kind: str, joints: np.ndarray) -> tuple[list[slice], list[slice]]:
    """Ranges of frames for training and for the test.

    Args:
        kind: of `ADVISED`.
        joints: (T, 18, 2) poses of the whole video, pixels of the aligned frame.

    Returns:
        As `training.split`: the test part is that of the chronological split, and nothing of it is trained on.

    Raises:
        InputError: the video is too short.
    """
    (train,), test = split(len(joints))
    pool = list(range(OPENING, train.stop - RUN + 1, RUN))  # where runs may begin
    if len(pool) < RUNS:
        raise InputError(f"the split {kind} needs {OPENING + RUN * RUNS} frames to train on: take a longer video or all of it")
    if kind == "opening":
        return [slice(0, OPENING)], test
    if kind == "asked":
        limbs = descriptor(joints)
        picked = asked_for(limbs[test[0]], limbs[:OPENING], [limbs[start : start + RUN] for start in pool], RUNS)
    else:
        picked = np.random.default_rng(int(kind.removeprefix("random-"))).choice(len(pool), RUNS, replace=False)
    return joined([slice(0, OPENING), *(slice(pool[k], pool[k] + RUN) for k in sorted(picked))]), test


def asked_for(driving: np.ndarray, known: np.ndarray, offered: list[np.ndarray], count: int) -> list[int]:
    """Choose runs of motion, one after the other, each the one that brings the most limbs which are missing so far.

    A limb of a driving pose is missing while nothing trained on has it within γ. Among runs that bring equally many, and once
    none is missing, that one is taken which lowers the sum of the limbs' distances in Eq. (8) most.

    Args:
        driving: (A, 12, 2) descriptors of the poses that are to be cloned.
        known: (B, 12, 2) descriptors of what is trained on already.
        offered: descriptors of the runs to choose from, (R, 12, 2) each.
        count: how many to choose.

    Returns:
        Their places in `offered`, the most wanted first.
    """
    nearest = _distances(driving, known)
    reach = np.stack([_distances(driving, run) for run in offered])
    picked: list[int] = []
    for _ in range(count):
        missing = nearest > GAMMA
        found = (missing & (reach <= GAMMA)).sum((1, 2))
        lowered = np.maximum(nearest - reach, 0).sum((1, 2))
        found[picked], lowered[picked] = -1, -1
        best = int(np.lexsort((lowered, found))[-1])
        picked.append(best)
        nearest = np.minimum(nearest, reach[best])
    return picked


def _distances(driving: np.ndarray, run: np.ndarray) -> np.ndarray:
    """(A, 12) pixels, and far off where the run never shows the limb; zero where the driving pose does not, which asks for nothing."""
    limbs = np.nan_to_num(sequence_distance(driving, run)[1], nan=1e3)
    return np.where(np.isnan(driving).any(-1), 0, limbs)


def joined(parts: list[slice]) -> list[slice]:
    """Disjoint ranges in order of time, those that touch made one."""
    result = parts[:1]
    for part in parts[1:]:
        if part.start == result[-1].stop:
            result[-1] = slice(result[-1].start, part.stop)
        else:
            result.append(part)
    return result
