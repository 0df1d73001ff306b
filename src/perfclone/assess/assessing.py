"""`assess`: two videos → `Assessment`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..capture import Performance
from ..metrics import GAMMA, descriptor, pose_distance
from ..skeleton import FRAME
from .concerns import concerns
from .coverage import CELL, LIMBS, ROWS, Coverage, cover, missing, proportions
from .facts import facts
from .findings import LimbCover, Moment
from .footage import Footage, check, footage
from .pictures import beside
from .report import LENGTH, MISSING, THERE, UNKNOWN
from .result import Assessment
from .wishes import wishes

MOMENTS = 6
"""So many of the worst moments are shown."""


def assess(reference: Performance | str | Path, driving: Performance | str | Path) -> Assessment:
    """Find out before a training what an actor could do after a driver, and what to film so that it can do more (Sec. 4).

    A limb of the driver is covered if somewhere in the reference the same limb has nearly the same direction and length, within
    γ = 8 pixels of the aligned frame; a frame is well covered if all of its known limbs are. How good a clone would look can't be
    told from that: nobody has yet measured how these distances and what one sees go together.

    Args:
        reference: what the actor would be trained on, as a captured performance, a video, or a captured folder.
        driving: whose motion would be performed, likewise.

    Raises:
        InputError: as `capture`.
    """
    check(reference)
    check(driving)
    actor, driver = footage(reference), footage(driving)
    c = cover(driver.poses.joints, actor.poses.joints, actor.fps)
    compared = (~np.isnan(c.limbs)).any(1)
    covered, alike = (~lacking.any(1)[compared] for lacking in (c.limbs > GAMMA, missing(c)))
    asked, worst = wishes(c, driver.poses.joints, driver.fps), worst_moments(c, driver.poses.times)
    nearest = [nearest_pose(driver.poses.joints[t], actor.poses.joints) for t in worst]
    seen, driver_steps = driver.look({*worst, *(wish.example for wish in asked)})
    shown, actor_steps = actor.look({n for n in nearest if n is not None})
    about = facts(actor, c.lengths[0], actor_steps), facts(driver, c.lengths[1], driver_steps)
    builds = proportions(actor.poses.joints, driver.poses.joints)
    rare = _mean((c.often > GAMMA).any(1)[compared][covered]) or 0.0
    return Assessment(
        *about,
        compared=int(compared.sum()),
        share=_mean(covered) or 0.0,
        share_alike=_mean(alike) or 0.0,
        incomplete=_mean(np.isnan(c.limbs).any(1)[compared]) or 0.0,
        rare=rare,
        limbs=tuple(_limb(k, c, actor, driver) for k in range(len(LIMBS))),
        wishes=asked,
        wish_pictures=tuple(_picture((w.example, driver, seen, c.limbs[w.example] > GAMMA)) for w in asked),
        moments=tuple(_moment(t, n, c, (driver, seen), (actor, shown)) for t, n in zip(worst, nearest)),
        proportions=builds,
        concerns=concerns(*about, builds, rare),
        times=tuple(driver.poses.times.tolist()),
        distance_px=tuple(map(_or_none, c.distance)),
        timeline=timeline(c),
    )


def worst_moments(c: Coverage, times: np.ndarray) -> list[int]:
    """Numbers of the frames that are farthest from the reference, a while apart, in order of time. Covered frames are none.

    Args:
        c: of the driver by the reference.
        times: (T,) seconds.
    """
    lacking = (c.limbs > GAMMA).any(1)
    score = np.zeros(len(times))
    score[lacking] = np.nanmean(np.minimum(c.limbs[lacking], FRAME), 1)
    apart = max(1.0, (times[-1] - times[0]) / (2 * MOMENTS))
    found = []
    while len(found) < MOMENTS and score.any():
        found.append(int(score.argmax()))
        score[np.abs(times - times[found[-1]]) < apart] = 0
    return sorted(found)


def nearest_pose(pose: np.ndarray, joints: np.ndarray) -> int | None:
    """The number of the nearest pose as a whole (Eq. 7) among those that share most limbs with a pose; None if none shares any.

    Args:
        pose: (18, 2), joints: (R, 18, 2), pixels of the aligned frame, NaN where missing.
    """
    distance, counted = (found[0] for found in pose_distance(descriptor(pose[None]), descriptor(joints)))
    comparable = np.where(counted == counted.max(), distance, np.nan)
    return None if np.isnan(comparable).all() else int(np.nanargmin(comparable))


def timeline(c: Coverage) -> dict[str, str]:
    """Row → a character a frame, for the worst of the row's limbs: `THERE`, `LENGTH`, `MISSING`, or `UNKNOWN` if all are."""
    state = np.select([np.isnan(c.limbs), missing(c), c.limbs > GAMMA], [0, 3, 2], 1)
    marks = np.array([UNKNOWN, THERE, LENGTH, MISSING])
    return {row: "".join(marks[state[:, [limb.row == row for limb in LIMBS]].max(1)]) for row in ROWS}


def _moment(t: int, n: int | None, c: Coverage, driver: tuple[Footage, Mapping], actor: tuple[Footage, Mapping]) -> Moment:
    lacks = c.limbs[t] > GAMMA
    panels = [(t, *driver, lacks), *([] if n is None else [(n, *actor, lacks)])]
    return Moment(
        seconds=float(driver[0].poses.times[t]),
        distance_px=_or_none(c.distance[t]),
        limbs={LIMBS[k].name: _or_none(c.limbs[t, k]) for k in np.flatnonzero(lacks)},
        nearest_seconds=None if n is None else float(actor[0].poses.times[n]),
        picture=_picture(*panels),
    )


def _picture(*panels: tuple[int, Footage, Mapping[int, np.ndarray], np.ndarray]) -> bytes:
    """Of the frames with these numbers, in these videos, of which pictures were brought along, with these limbs marked."""
    return beside([(pictures[k], video.poses.joints[k], marks) for k, video, pictures, marks in panels])


def _limb(k: int, c: Coverage, actor: Footage, driver: Footage) -> LimbCover:
    distance = c.limbs[:, k]
    known, lacks = ~np.isnan(distance), missing(c)[:, k]
    there, here = (-descriptor(video.poses.joints)[:, k] for video in (actor, driver))
    reached = _cells(there)
    return LimbCover(
        name=LIMBS[k].name,
        known=float(known.mean()),
        covered=_mean(distance[known] <= GAMMA),
        covered_alike=_mean(~lacks[known]),
        distance_px=_mean(distance[np.isfinite(distance)]),
        never=not reached,
        full_px=_or_none(c.lengths[1, k]),
        reached=tuple(sorted(reached)),
        lacking=tuple(sorted(_cells(here[lacks]) - reached)),
    )


def _cells(ends: np.ndarray) -> set[tuple[int, int]]:
    known = ends[~np.isnan(ends).any(-1)]
    return set(map(tuple, np.floor(known / CELL).astype(int).tolist()))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
