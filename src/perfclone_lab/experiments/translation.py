"""Fig. 7: CycleGAN from a driver's frames to the target actor's, against the same truth as clones from poses (A13)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfclone.capture import Performance
from perfclone.metrics import foreground_mse, frame_mse
from perfclone.training import Actor

from ..baselines import translate_frames
from .cross_actor import DRIVER, PREFIXES, Dance
from .evaluation import departs_from_white, pose_found_again


def measure_translations(
    actor: Actor, drivers: Sequence[Performance], dances: Sequence[Dance]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """How near translated frames come to the films of the actor's own body in the same motions.

    Args:
        actor: which sees frames (CycleGAN with drivers).
        drivers: the driving performances, one a dance.
        dances: what the right answers are.

    Returns:
        What `cross_actor.measure_all` gives, but that there is no stream of true poses to make frames from: the measures of these
        are NaN throughout. `pck` is taken against the poses that the extractor found in the driver's frames.
    """
    clones, found = zip(*(_measure(actor, driver, dance) for driver, dance in zip(drivers, dances, strict=True)))
    measures = {name: np.concatenate([of_dance[name] for of_dance in found]) for name in found[0]}
    number = np.repeat(np.arange(len(dances), dtype=float), [len(dance.frames) for dance in dances])
    return np.concatenate(clones), measures | {DRIVER: number}


def _measure(actor: Actor, driver: Performance, dance: Dance) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    clone = translate_frames(actor, driver[: len(dance.frames)].frames(actor.settings.size))
    joints = dance.streams["extracted"].joints
    found = {
        f"{prefix}{name}": np.full(len(clone), np.nan) for prefix in PREFIXES.values() for name in ("mse", "foreground_mse")
    }
    found |= {
        "mse": frame_mse(clone, dance.frames),
        "foreground_mse": foreground_mse(clone, dance.frames, departs_from_white(clone), dance.masks),
        "pck": pose_found_again(clone, joints),
        "film_pck": pose_found_again(dance.frames, joints),
    }
    return clone, {name: np.where(dance.seen, values, np.nan) for name, values in found.items()}
