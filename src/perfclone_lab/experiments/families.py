"""The families of runs behind the figures and tables: which trainings, by which labels, at which budget; and their stored results.

`perfclone-lab families reconstruction-loss --profile home --seeds 0 1 2`
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from perfclone.capture.archive import read_json
from perfclone.files import write_bytes, write_json
from perfclone.training import PROFILES, TrainSettings
from perfclone.training.batches import MINIMUM_FRAMES
from perfclone.video import content_hash

from ..baselines import pg2_settings
from ..baselines.pg2 import FINE_TUNED, METHOD
from ..datasets import DATASETS
from ..ledger.judging import SHARED, Family, StoredRun
from . import identity, pose_study
from .advice import ADVISED
from .cross_actor import by_driver
from .evaluation import summary
from .grid import make, side_by_side
from .spec import BASELINES, NEAREST, OWN, TEST, RunSpec
from .store import FILM, SAMPLES, Run, Store

_RENDERED = DATASETS.find("rendered")
TARGETS = _RENDERED.with_role("evaluation")
"""Actors 1, 2 and 3 of the evaluation."""

OTHERS = _RENDERED.with_role("grown-up")
"""Whose poses and flow feed the unpaired branch in self-reenactment, grown-up drivers and never the actor's test part (A18)."""

PIX2PIX = {"lambda_vgg": 0.0, "lambda_l1": 100.0}
"""The reconstruction loss of pix2pix in place of Eq. (1)."""

SIZES = (600, 1200, 2000, 3400)
"""Training frames of Fig. 10, and one size below."""

WHOLE = _RENDERED.videos[TARGETS[0]].frames
"""Frames of a target actor's video."""

CROWDS = (8, 16, 32, 60)
"""Of how many people PG² learns how people look."""

DRIVERS = _RENDERED.with_role("driver")
"""Who drives the four actors of Fig. 6 here, two grown-ups and a child."""

SHORTER = {"an eighth": 8, "a quarter": 4, "half": 2}
"""Shares of the steps at which methods are compared too, each by a training of its own, since the learning rate follows its length."""

JOINTS = {"true": "actor's joints", "driver": "driver's joints", "extracted": "extracted joints"}
"""What the streams of `cross_actor.PREFIXES` are called in labels, after the method and the dance. What CycleGAN makes of the
driver's frames counts as made from extracted joints, since it knows no more of the actor's body."""

LADDER = ("pix2pix loss", "+ VGG", "paired only", "+ D_s", "+ L_tc", "ours")
"""Labels from pix2pix's loss on single frames to the whole method. Each step adds one thing; "paired only" adds N = 2, the last
one the poses of others. "+ L_tc" has an unpaired branch that sees nothing but the training poses again, which is the placebo (A18)."""

PAIR = ("paired only", "ours")
"""The two rungs that the paper compares (Sec. 5.2). Their films are stored with a reference, and those of the paper's rivals
across actors."""


@dataclass(frozen=True)
class Plan:
    """At what budget a family is run."""

    profile: str
    """Name of one of `PROFILES`."""
    seeds: tuple[int, ...] = (0,)
    """Of each training."""

    @property
    def settings(self) -> TrainSettings:
        """The profile's; at `quick`, where a whole book of trainings has half an hour, with half as many steps."""
        settings = PROFILES[self.profile].settings
        return replace(settings, steps=settings.steps // 2) if self.profile == "quick" else settings

    @property
    def small(self) -> bool:
        """Whether one actor stands for three, as in a book that is run in half an hour."""
        return self.profile in ("smoke", "quick")


@dataclass(frozen=True)
class Entry:
    """A run with the label that tables, figures and the ledger know it by."""

    label: str
    """Such as `ours`."""
    spec: RunSpec
    """What is run."""


def reconstruction_loss(plan: Plan) -> Iterator[Entry]:
    """Fig. 3: ℓ1 on RGB values against Eq. (1), each without and with the paired branch's discriminator; that branch alone."""
    for label, changes in {
        "l1": {"adversarial": False, **PIX2PIX},
        "vgg": {"adversarial": False},
        "l1+gan": PIX2PIX,
        "vgg+gan": {},
    }.items():
        yield from _trained(plan, label, "ann", **changes)
    yield _untrained(plan, "blurred", "ann")


def self_reenactment(plan: Plan) -> Iterator[Entry]:
    """Table 1 and Fig. 9: two thirds of a video train, the last third tests; three actors, and both readings of the split (A16).

    The baselines have the same frames, steps and samples a step as ours, but no unpaired poses, for which they have no use.
    To train them for the second split too is left to `paper`.
    """
    for split in ("chronological",) if plan.small else ("chronological", "thirds"):
        for actor in TARGETS:
            yield from _trained(plan, "ours", actor, unpaired=OTHERS, split=split)
            for baseline in BASELINES if split == "chronological" or plan.profile == "paper" else ():
                yield from _baseline(plan, baseline, actor, split)
            yield _untrained(plan, "nearest neighbour", actor, split)
            yield _untrained(plan, "pixel oracle", actor, split)


def training_set_size(plan: Plan) -> Iterator[Entry]:
    """Fig. 10: fewer frames of actor 1, for equally many steps, and for steps in proportion to the frames (A19)."""
    for size in SIZES:
        frames = drawn_frames(size, plan)
        yield from _trained(plan, f"{size} frames", "ann", unpaired=OTHERS, frames=frames)
        if not plan.small and size < SIZES[-1]:
            steps = round(plan.settings.steps * size / SIZES[-1])
            yield from _trained(plan, f"{size} frames, equal epochs", "ann", unpaired=OTHERS, frames=frames, steps=steps)


def drawn_frames(size: int, plan: Plan) -> int:
    """Of a video that the profile cuts the same share as `size` is of the whole one, but never too few to train on."""
    cut = PROFILES[plan.profile].max_frames
    return size if cut is None else max(MINIMUM_FRAMES, size * cut // WHOLE)


def unpaired_branch(plan: Plan) -> Iterator[Entry]:
    """Sec. 5.2: from pix2pix's loss to the whole method, a step at a time (`LADDER`), and what other unpaired poses do (A18).

    The two that the paper compares are run on all three actors, the others on the first, and only at `paper` on all.
    """
    for actor in TARGETS[:1] if plan.small else TARGETS:
        steps = (
            {"window": 1, **PIX2PIX},
            {"window": 1},
            {},
            {"unpaired": (OWN,), "lambda_tc": 0.0},
            {"unpaired": (OWN,)},
            {"unpaired": OTHERS},
        )
        whole = actor == TARGETS[0] or plan.profile == "paper"
        for label, changes in zip(LADDER, steps, strict=True):
            if whole or label in PAIR:
                yield from _trained(plan, label, actor, **changes)
        if whole:
            yield from _trained(plan, "test poses", actor, unpaired=(TEST,))
            yield _untrained(plan, "frozen", actor)
            yield _untrained(plan, "blurred", actor)


def actors_and_drivers(plan: Plan) -> Iterator[Entry]:
    """Fig. 1 and 6: actors who were trained on the whole of a video dance after three drivers, whose poses are the unpaired ones."""
    for actor in ("dee", "ann") if plan.small else (*TARGETS, "dee"):
        yield from _trained(plan, "ours", actor, unpaired=DRIVERS, split="whole")
        yield _untrained(plan, NEAREST, actor, "whole", DRIVERS)


def comparisons(plan: Plan) -> Iterator[Entry]:
    """Fig. 7: the first actor after the three drivers by every method, each trained on the whole video, against the same truth.

    CycleGAN translates the drivers' frames, all three with one network, as ours has one for all. What the text says of unseen
    poses and of flicker is judged on self-reenactment, whose runs are here too, and with time enough shorter ones
    of the first actor (`SHORTER`).
    """
    methods = ("ours", *BASELINES)
    reenacted = [one for one in self_reenactment(plan) if one.spec.split == "chronological"]
    yield from (one for one in reenacted if one.label in (*methods, NEAREST))
    yield from _trained(plan, "ours", TARGETS[0], unpaired=DRIVERS, split="whole")
    for baseline in BASELINES:
        yield from _baseline(plan, baseline, TARGETS[0], "whole", DRIVERS)
    yield _untrained(plan, NEAREST, TARGETS[0], "whole", DRIVERS)
    for share, part in SHORTER.items() if not plan.small else ():
        for label, spec in (
            (one.label, one.spec) for one in reenacted if one.spec.actor == TARGETS[0] and one.label in methods
        ):
            shorter = replace(spec.settings, steps=max(1, spec.settings.steps // part))
            yield Entry(f"{label}, {share} of the steps", replace(spec, settings=shorter))


def pose_metrics(plan: Plan) -> Iterator[Entry]:
    """Sec. 4: the method's runs of self-reenactment and across actors, Fig. 5's kit and its control, and advice on what to film.

    The first are the runs of other families. The last is a matter of some trainings more, which a small budget leaves out.
    """
    yield from (one for one in self_reenactment(plan) if (one.label, one.spec.split) == ("ours", "chronological"))
    yield from (one for one in actors_and_drivers(plan) if one.label == "ours")
    for kit in pose_study.KITS:
        yield from _trained(plan, f"{kit} kit", kit, split="whole")
    for split in () if plan.small else ADVISED:
        yield from _trained(plan, f"advice: {split}", TARGETS[0], unpaired=OTHERS, split=split)


def person_generation(plan: Plan) -> Iterator[Entry]:
    """Fig. 8: PG², which knows the actor by one frame, after crowds of several sizes; fine-tuned on what ours is trained on; beside ours.

    So is the nearest neighbour, since it can't have wrong colours: what is measured of it is how far colours are apart from pose to pose.
    """
    settings = pg2_settings(plan.settings)
    for one in self_reenactment(plan):
        if (one.spec.actor, one.spec.split) == (TARGETS[0], "chronological") and one.label in ("ours", NEAREST):
            yield one
    methods = [(f"PG2, {count} people", METHOD, count) for count in (CROWDS[-1:] if plan.small else CROWDS)]
    for label, method, count in [*methods, (FINE_TUNED, FINE_TUNED, CROWDS[-1])]:
        for seed in plan.seeds:
            yield Entry(label, RunSpec(
                method=method, actor=TARGETS[0], unpaired=(f"crowd-{count}",), settings=settings, profile=plan.profile, seed=seed
            ))  # fmt: skip


def precision(plan: Plan) -> Iterator[Entry]:
    """Whether a training in bf16 ends where one in fp32 does, on the actor for development and at the profile's own steps.

    The rule: over three seeds the mean RMSE of bf16 differs from that of fp32 by no more than the seeds of fp32 differ among themselves.
    """
    steps = PROFILES[plan.profile].settings.steps
    for name in ("fp32", "bf16"):
        yield from _trained(plan, name, "dee", unpaired=OTHERS, precision=name, steps=steps)


FAMILIES: Mapping[str, Callable[[Plan], Iterator[Entry]]] = {
    "actors-and-drivers": actors_and_drivers,
    "comparisons": comparisons,
    "person-generation": person_generation,
    "pose-metrics": pose_metrics,
    "precision": precision,
    "reconstruction-loss": reconstruction_loss,
    "self-reenactment": self_reenactment,
    "training-set-size": training_set_size,
    "unpaired-branch": unpaired_branch,
}
"""Name → the entries at a budget."""

STUDIES: Mapping[str, ModuleType] = {"person-generation": identity, "pose-metrics": pose_study}
"""Families of whose frames more is measured than of all, and the module that measures it. Its `examine` looks at a run unless it is
`examined`, and its `derived` says what was found.

:meta hide-value:
"""


def _trained(plan: Plan, label: str, actor: str, unpaired=(), split="chronological", frames=None, **changes) -> Iterator[Entry]:
    settings = replace(plan.settings, **changes)
    for seed in plan.seeds:
        yield Entry(label, RunSpec(
            actor=actor, unpaired=unpaired, split=split, frames=frames, settings=settings, profile=plan.profile, seed=seed
        ))  # fmt: skip


def _baseline(plan: Plan, method: str, actor: str, split: str, drivers: tuple[str, ...] = ()) -> Iterator[Entry]:
    settings = BASELINES[method](plan.settings)
    for seed in plan.seeds:
        yield Entry(method, RunSpec(
            method=method, actor=actor, unpaired=drivers, split=split, settings=settings, profile=plan.profile, seed=seed
        ))  # fmt: skip


def _untrained(plan: Plan, method: str, actor: str, split: str = "chronological", drivers: tuple[str, ...] = ()) -> Entry:
    settings = TrainSettings(size=plan.settings.size)  # nothing else of them matters
    spec = RunSpec(method=method, actor=actor, unpaired=drivers, split=split, settings=settings, profile=plan.profile)
    return Entry(method, spec)


def run_family(name: str, plan: Plan, store: Store, device: str = "auto") -> list[tuple[Entry, Run]]:
    """Run whatever of a family is not in the store yet (`grid.make`). InputError as `Store.run`."""
    entries = list(FAMILIES[name](plan))
    make([entry.spec for entry in entries], store, device)
    runs = [(entry, store.run(entry.spec, device)) for entry in entries]
    if name in STUDIES:
        study = STUDIES[name]
        unknown = {run.id: run for _, run in runs if not study.examined(run)}
        side_by_side(partial(study.examine, data=store.data, device=device), list(unknown.values()), device)
    return runs


def as_family(name: str, plan: Plan, runs: Sequence[tuple[Entry, Run]]) -> Family:
    """Runs that were just made, in the form in which stored references are read.

    A run that was measured across actors is there as a whole, and each driver's dance from each kind of joints by itself too,
    with the label `LABEL: DRIVER, JOINTS` (see `JOINTS`). What else there is of a family in `STUDIES`, its `derived` says.
    """
    stored, frames = _measured(name, runs)
    provenance = [run.provenance for _, run in runs]
    device = ", ".join(sorted({one["device"] for one in provenance}))
    commit = max(provenance, key=lambda one: one["started"])["commit"] or "unknown"
    command = (
        f"perfclone-lab families {name} --profile {plan.profile} --seeds {' '.join(map(str, plan.seeds))}"
    )
    return Family(name, plan.profile, device, commit, command, None, tuple(stored.values()), frames)


def _measured(name: str, runs: Sequence[tuple[Entry, Run]]) -> tuple[dict[str, StoredRun], dict[str, dict[str, np.ndarray]]]:
    """By id, the runs with what is derived from them, and the measures of all."""
    own = [(_stored(entry, run), run) for entry, run in runs]
    described = [(about, run.frames()) for about, run in own]
    described += [part for about, run in own for part in _dances(about, run)]
    described += STUDIES[name].derived(own) if name in STUDIES else []
    frames: dict[str, dict[str, np.ndarray]] = {}
    for about, measures in described:
        frames[about.id] = frames.get(about.id, {}) | {name: _rounded(values) for name, values in measures.items()}
    return {about.id: about for about, _ in described}, frames


def _rounded(values: np.ndarray) -> np.ndarray:
    """float32 with the three significant digits that float16 holds. So what is just run shows what it will show when it is stored."""
    with np.errstate(over="raise"):
        return values.astype(np.float16).astype(np.float32)


def _stored(entry: Entry, run: Run) -> StoredRun:
    spec = entry.spec
    return StoredRun(run.id, entry.label, spec.actor, spec.seed if spec.trained else None, spec.split, run.summary)


def _dances(about: StoredRun, run: Run) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    for driver, stream, measures in by_driver(run.frames(), run.drivers):
        label = f"{about.label}: {driver}, {JOINTS[stream]}"
        if not np.isnan(measures["mse"]).all():  # CycleGAN has no frames from true joints
            yield replace(about, id=f"{run.id}.{driver}.{stream}", label=label, summary=summary(measures)), measures


def store_reference(name: str, plan: Plan, runs: Sequence[tuple[Entry, Run]], folder: Path) -> None:
    """Write a family as a stored reference: `record.json`, the measures of all frames, and of the first seed what pages show.

    The last lies in the folder `SHARED` beside the family's, since a run can belong to several families. So families that share runs
    are stored from the same runs: where another machine's run of the same id differs, `ledger.load_family` refuses the older family.

    Args:
        folder: `data/reference/<name>`. What is there is replaced as a whole.

    Raises:
        ValueError: the runs were made by different versions of the code.
    """
    kinds = {
        (run.spec.method, run.spec.split in ADVISED, "truth" in run.identity, str(run.identity["versions"]))  # the first three say which
        for _, run in runs
    }
    if len({kind[:-1] for kind in kinds}) < len(kinds):
        raise ValueError("these runs were made by different versions: a family is replaced as a whole")
    family = as_family(name, plan, runs)
    arrays = {
        f"{id}/{name}": values.astype(np.float16) for id, frames in family.frames.items() for name, values in frames.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(folder / "frames.npz", buffer.getvalue())
    files = {"frames.npz": content_hash(folder / "frames.npz")}
    for file, path in _shown(plan, runs):
        write_bytes(folder.parent / SHARED / file, path.read_bytes())
        files[f"../{SHARED}/{file}"] = content_hash(path)
    made = {
        run.id: {"spec": entry.spec.as_dict(), "provenance": run.provenance, "videos": run.identity["videos"], "versions": run.identity["versions"]}
        for entry, run in runs
    }
    details = [asdict(about) | made.get(about.id, {}) for about in family.runs]
    write_json(folder / "record.json", {
        "family": name,
        "profile": plan.profile,
        "device": family.device,
        "commit": family.commit,
        "command": family.command,
        "runs": details,
        "files": files,
    })  # fmt: skip
    _clear(folder.parent)


def _clear(references: Path) -> None:
    """Remove pictures, films and logs that no family names any more."""
    records = [read_json(path.read_bytes()) for path in references.glob("*/record.json")]
    named = {Path(file).name for record in records for file in record.get("files", {}) if file.startswith("../")}
    for path in (references / SHARED).iterdir():
        if path.name not in named:
            path.unlink()


def _shown(plan: Plan, runs: Sequence[tuple[Entry, Run]]) -> Iterator[tuple[str, Path]]:
    """What goes into a stored reference for looking at: name there → file. Of the first seed, and of further actors only whole runs."""
    first = runs[0][0].spec.actor
    for entry, run in runs:
        spec, whole = entry.spec, entry.spec.split == "whole"
        if spec.trained and spec.seed != plan.seeds[0] or not (whole or spec.actor == first):
            continue
        yield f"{run.id}.webp", run.folder / SAMPLES
        if spec.trained:
            yield f"{run.id}.csv", run.log
        if entry.label in ((*PAIR, *BASELINES) if whole else PAIR):
            yield f"{run.id}.mp4", run.folder / FILM
