"""The study of Sec. 4: what Eq. (8) and its rivals foretold of frames that runs have generated, and Figures 4 and 5."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perfclone.capture import Performance, archive, capture
from perfclone.cloning.offline import generate_sequence
from perfclone.files import write_bytes
from perfclone.metrics import GAMMA, descriptor, frame_mse, mean_over_limbs, pose_distance, sequence_distance
from perfclone.training.settings import find_profile
from perfclone.viz import encode_webp

from ..datasets import DATASETS
from ..ledger.judging import Family, NotMeasured, StoredRun
from .advice import ADVISED
from .cross_actor import load_dance
from .evaluation import joined_frames, ours
from .pose_prediction import ARMS, LIMB_NAMES, PREDICTORS, REGRESSOR, counterparts, expected_error, foretell_logs, limb_mse
from .spec import RunSpec
from .store import SAMPLES, Run

KITS = {
    "vertical": ("left arm raised", "right arm raised", "both arms raised", "arms stretched"),
    "horizontal": ("control: left arm stretched", "control: right arm stretched", "control: arms stretched", "control: both arms raised"),
}  # fmt: skip
"""Fig. 5 and its control, the training video of a kit → labels of its driving poses (a)-(d), each reached at the end of a second."""
KIT_ACTOR = "ann"
"""Who performs the kits."""
WITHIN, BEYOND = "limbs within 8 px", "limbs beyond 8 px"
"""Labels of what was measured around limbs that lie within γ of their counterpart in the nearest reference pose, and beyond."""
ALONE, ASKED, RANDOM = "opening alone", "20 s asked for", "20 s at random"
"""Labels of the measures without further motion and with either kind of it; the last is the mean over the draws."""
ARRAYS = ("limb_distance", "counterpart", "limb_mse")
"""Arrays (T, 12) of a study, each limb's distance in Eq. (8), its distance to its counterpart in the nearest pose, its squared error."""
VERSION = 1
"""Of these measures; raised by hand whenever the same frames would give other numbers."""

Run3 = tuple[StoredRun, RunSpec, Mapping[str, np.ndarray], Mapping[str, np.ndarray]]
"""A run with its spec, its measures and its study."""


def examined(run: Run) -> bool:
    """Whether `examine` has looked at it."""
    return _path(run).exists()


def examine(run: Run, data: Path, device: str = "auto") -> None:
    """Look at a finished run's frames limb by limb, generating them again, and at its poses; kept beside the run (`studied`).

    Of a kit's run a picture of what it makes of all driving poses is kept too, where other runs have that of their test part.

    Raises:
        InputError: a video or its truth is missing, or the run is damaged.
    """
    if run.spec.actor in KITS:
        found, sheet = _kit(run, data, device)
        write_bytes(run.folder / SAMPLES, encode_webp(sheet))
    else:
        found = _foretold(run, data, device)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: values.astype(np.float32) for name, values in found.items()})
    write_bytes(_path(run), buffer.getvalue())


def studied(run: Run) -> dict[str, np.ndarray]:
    """What `examine` kept: (T,) float32 of each of `PREDICTORS`, and (T, 12) of each of `ARRAYS`. InputError if damaged or not there.

    T is the number of the run's measured frames. A kit's are its four poses; it has `mse` and `arms_mse` too.
    """
    frames = len(KITS[run.spec.actor]) if run.spec.actor in KITS else run.record["frames"]
    expected = {name: ((frames,), "<f4") for name in PREDICTORS} | {name: ((frames, 12), "<f4") for name in ARRAYS}
    if run.spec.actor in KITS:
        expected |= {name: ((frames,), "<f4") for name in ("mse", "arms_mse")}
    with archive.damage(_path(run), "delete it, then it is made anew"):
        return archive.read_arrays(_path(run), expected)


def _path(run: Run) -> Path:
    return run.folder / f"poses-{VERSION}.npz"


def _foretold(run: Run, data: Path, device: str) -> dict[str, np.ndarray]:
    material = run.spec.material(data)
    reference = np.concatenate([part.poses.joints for part in material.train])
    actor = run.actor(device)
    size = actor.settings.size
    if material.test:
        joints = np.concatenate([part.poses.joints for part in material.test])
        seen = np.concatenate([part.poses.seen for part in material.test])
        generated, truth = ours(actor, material.test), joined_frames(material.test, size)
    else:
        clips, cut = run.spec.clips(data), find_profile(run.spec.profile).max_frames
        own = run.spec.path(run.spec.actor, data)
        dances = [load_dance(own, run.spec.path(name, data), clip, size, cut) for name, clip in clips.items()]
        joints = np.concatenate([dance.streams["extracted"].joints for dance in dances])
        seen = np.concatenate([dance.seen for dance in dances])
        generated = np.concatenate([generate_sequence(actor, dance.streams["extracted"]) for dance in dances])
        truth = np.concatenate([dance.frames for dance in dances])
    found = _distances(joints, reference) | {"limb_mse": limb_mse(generated, truth, joints)}
    return {name: np.where(seen if values.ndim == 1 else seen[:, None], values, np.nan) for name, values in found.items()}


def _distances(joints: np.ndarray, reference: np.ndarray) -> dict[str, np.ndarray]:
    found = {name: foretell(joints, reference) for name, foretell in PREDICTORS.items()}
    return found | {
        "limb_distance": sequence_distance(descriptor(joints), descriptor(reference))[1],
        "counterpart": counterparts(joints, reference)[1],
    }


# ---- Figures 4 and 5 ----


@dataclass(frozen=True, eq=False)
class PoseToPose:
    """Fig. 4.

    Attributes:
        frames: (3,) int, the driving poses' numbers.
        distances: (3,) pixels, Eq. (7) to the reference pose.
        limbs: (3, 12) pixels, of each limb.
    """

    frames: np.ndarray
    distances: np.ndarray
    limbs: np.ndarray


def figure_4(reference: np.ndarray, driving: np.ndarray, shares: Sequence[float]) -> PoseToPose:
    """Driving poses chosen by a rule: those at given quantiles of Eq. (7) among those that lack no limb.

    Args:
        reference: (18, 2) pose.
        driving: (T, 18, 2) poses.
        shares: 0..1, rising.
    """
    p, q = descriptor(driving), descriptor(reference)[None]
    distance, counted = pose_distance(p, q)
    whole = np.flatnonzero(counted[:, 0] == counted.max())
    order = whole[np.argsort(distance[whole, 0], kind="stable")]
    frames = order[np.round(np.array(shares) * (len(order) - 1)).astype(int)]
    return PoseToPose(frames, distance[frames, 0], np.linalg.norm(p[frames] - q, axis=-1))


def held_poses(kit: str, data: Path) -> tuple[Performance, list[int]]:
    """The driving poses of a kit, and the numbers of the frames in which they are reached, the last of each second."""
    driving = capture(DATASETS.find("rendered").path(f"{kit}-poses", data))
    second = len(driving) // len(KITS[kit])
    return driving, [second * (k + 1) - 1 for k in range(len(KITS[kit]))]


def _kit(run: Run, data: Path, device: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the poses of its kit are to it; and all eight poses, its own first, true above generated."""
    actor, kit = run.actor(device), run.spec.actor
    reference = run.spec.material(data).train[0].poses.joints
    drawn = {}
    for name in sorted(KITS, key=lambda name: name != kit):
        driving, reached = held_poses(name, data)
        frames = driving.frames(actor.settings.size)[reached], generate_sequence(actor, driving.poses)[reached]
        drawn[name] = (driving.poses.joints[reached], *frames)
    joints, truth, generated = drawn[kit]
    errors = limb_mse(generated, truth, joints)
    found = {"limb_mse": errors, "mse": frame_mse(generated, truth), "arms_mse": mean_over_limbs(errors[:, ARMS])}
    sheet = np.vstack([np.hstack([np.hstack(of[row]) for of in drawn.values()]) for row in (1, 2)])
    return _distances(joints, reference) | found, sheet


# ---- what claims and chapter need ----


def derived(runs: Sequence[tuple[StoredRun, Run]]) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    """Further measures of a family's runs, made from what `examine` kept.

    Yields:
        A run and measures of its frames. Those of a run of the family itself come beside its own: each of `PREDICTORS`, and
        `regressor`. Further ones are

        - `ours: LIMB` with `sequence_distance`, the limb's own, and `mse`, around it, for each of `LIMB_NAMES`;
        - `limbs within 8 px` and `limbs beyond 8 px`, with the mean `mse` around these limbs of each frame;
        - the labels of `KITS`, with no frames; their summary has `sequence_distance`, `rmse` and `arms_rmse`;
        - `opening alone`, `20 s asked for` and `20 s at random`, with the measures of these trainings (`advice`).
    """
    found = [(about, run.spec, run.frames(), studied(run)) for about, run in runs]
    compared = [one for one in found if one[0].label == "ours"]
    for split in dict.fromkeys(about.split for about, *_ in compared):
        yield from _compared([one for one in compared if one[0].split == split])
    for about, spec, _, study in found:
        if spec.actor in KITS:
            yield from _held(about, spec, study)
    yield from _advised([one for one in found if one[1].split in ADVISED])


def _compared(runs: Sequence[Run3]) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    limbs = {about.actor: study["limb_distance"] for about, _, _, study in runs}
    errors = {
        actor: np.mean([measures["mse"] for about, _, measures, _ in runs if about.actor == actor], 0, float) for actor in limbs
    }
    logs = foretell_logs(limbs, errors)
    for about, _, _, study in runs:
        fitted = {REGRESSOR: logs[about.actor]} if about.actor in logs else {}
        yield about, {name: study[name] for name in PREDICTORS} | fitted
        for k, name in enumerate(LIMB_NAMES):
            measures = {"sequence_distance": study["limb_distance"][:, k], "mse": study["limb_mse"][:, k]}
            yield replace(about, id=f"{about.id}.limb{k}", label=f"ours: {name}", summary={}), measures
        for label, chosen in ((WITHIN, study["counterpart"] <= GAMMA), (BEYOND, study["counterpart"] > GAMMA)):
            mse = mean_over_limbs(np.where(chosen, study["limb_mse"], np.nan))
            yield replace(about, id=f"{about.id}.{label.split()[1]}", label=label, summary={}), {"mse": mse}


def _held(
    about: StoredRun, spec: RunSpec, study: Mapping[str, np.ndarray]
) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    for k, label in enumerate(KITS[spec.actor]):
        summary = {"sequence_distance": float(study["sequence_distance"][k])}
        summary |= {name.removesuffix("mse") + "rmse": float(study[name][k]) ** 0.5 for name in ("mse", "arms_mse")}
        yield replace(about, id=f"{about.id}.{'abcd'[k]}", label=label, actor=KIT_ACTOR, summary=summary), {}


def _advised(runs: Sequence[Run3]) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    for seed in dict.fromkeys(about.seed for about, *_ in runs):
        for label, kind in ((ALONE, "opening"), (ASKED, "asked"), (RANDOM, "random")):
            same = [
                (about, frames | {name: study[name] for name in PREDICTORS})
                for about, spec, frames, study in runs
                if about.seed == seed and spec.split.startswith(kind)
            ]
            measures = {name: np.mean([frames[name] for _, frames in same], 0, float) for name in same[0][1]}
            yield replace(same[0][0], id=f"{same[0][0].id}.{kind}", label=label, split="chronological", summary={}), measures


def fig_5_table(runs: Sequence[StoredRun], kit: str) -> dict[str, dict[str, float]]:
    """Label of each driving pose of a kit → mean over seeds of `sequence_distance`, `rmse`, `arms_rmse`; empty without such runs."""
    found = {label: [run.summary for run in runs if run.label == label] for label in KITS[kit]}
    return {label: {name: float(np.mean([one[name] for one in of])) for name in of[0]} for label, of in found.items() if of}


def calibration(family: Family, actor: str, bins: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What error there was at which distance of Eq. (8), and what those of the other actors made one expect.

    Args:
        family: with runs `ours` of at least two actors.
        actor: who is looked at.
        bins: equally many frames each.

    Returns:
        (bins,) each: the mean distance in pixels, the RMSE, and `expected_error` there, fitted to all other actors' frames.

    Raises:
        NotMeasured: the actor has no such run, or nobody else has.
    """
    others = sorted({run.actor for run in family.runs if (run.label, run.split) == ("ours", "chronological")} - {actor})
    if not others:
        raise NotMeasured(f"no actor but {actor} is in the family {family.name}")
    fitted = [np.concatenate(of) for of in zip(*(_distance_and_error(family, other) for other in others))]
    distance, error = _distance_and_error(family, actor)
    groups = np.array_split(np.argsort(distance, kind="stable"), bins)
    at, found = (np.array([values[group].mean() for group in groups]) for values in (distance, error))
    return at, np.sqrt(found), expected_error(*fitted, at)


def _distance_and_error(family: Family, actor: str) -> tuple[np.ndarray, np.ndarray]:
    """Eq. (8) and squared error of the measured frames of all seeds."""
    distance, error = (
        np.concatenate(list(family.measures("ours", name, [actor], "chronological")[actor].values()))
        for name in ("sequence_distance", "mse")
    )
    counted = np.isfinite(distance + error)
    return distance[counted], error[counted]


def blind_spots(distance: np.ndarray, error: np.ndarray) -> tuple[int, int]:
    """Two frames that a predictor is most wrong about: the worst one among the nearest quarter, the best among the farthest.

    Args:
        distance, error: (T,), NaN where not measured.
    """
    near, far = np.nanquantile(distance[np.isfinite(error)], (0.25, 0.75))
    return int(np.nanargmax(np.where(distance <= near, error, np.nan))), int(
        np.nanargmin(np.where(distance >= far, error, np.nan))
    )
