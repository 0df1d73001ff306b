"""Where trained runs live: one folder for each `RunSpec`, made once, found ever after, removed only by name."""

from __future__ import annotations

import io
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from filelock import FileLock, Timeout

from perfclone.capture import archive
from perfclone.device import describe, find_device
from perfclone.errors import InputError
from perfclone.files import cache_folder, write_bytes, write_json
from perfclone.provenance import made_by
from perfclone.training import Actor, load_actor, train
from perfclone.training.actor import LOG
from perfclone.training.settings import find_profile
from perfclone.video import VideoWriter, content_hash, read_frames
from perfclone.viz import encode_webp

from ..baselines import fine_tune_pg2, pg2_actor, train_pg2
from ..baselines.pg2 import FINE_TUNED
from ..datasets import DATASETS
from ..datasets.dataset import crowd_size
from ..versions import current_versions
from .cross_actor import DRIVER, cloner, load_dance, measure_all, retriever
from .evaluation import CONTROLS, evaluate, ours, summary, true_frames
from .spec import PG2, Material, RunSpec, identity_hash
from .translation import measure_translations

SPEC, METRICS, FRAMES, SAMPLES, FILM, ACTOR = "spec.json", "metrics.json", "frames.npz", "samples.webp", "film.mp4", "actor"
"""What a run's folder holds. The first is written first and removed first, the second is written last."""
MOMENTS = 8
"""Columns of samples.webp, at equal distances in time, so that nobody has picked the good ones."""
FILM_CRF = 26
"""How much the film is compressed, in x264's measure. It is there to be looked at; what is measured is measured before."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run's folder.

    Attributes:
        folder: where it lies.
        spec: what was asked for.
        identity: what it was made from, see `RunSpec.identity`.
        record: of metrics.json, empty while the run is unfinished: `summary`, the number of test `frames` and the names of
            their `measures`; `seconds` of the training (since it was last resumed, `resumed_from_step`) and the evaluation;
            `peak_bytes` of the process and `peak_gpu_bytes`; `device`, `precision` (None where nothing was
            trained), `started`, `commit`, `versions`.
    """

    folder: Path
    spec: RunSpec
    identity: dict
    record: dict

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the spec's content hash, which name the folder."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether it is trained and evaluated."""
        return bool(self.record)

    @property
    def drivers(self) -> list[str]:
        """In whose motion it was measured across actors (`cross_actor.measure_all`), in this order; empty if in nobody's."""
        return [
            name for name in self.spec.others if f"across/{self.spec.actor}-as-{name}.mp4" in self.identity.get("truth", {})
        ]

    @property
    def summary(self) -> dict[str, float]:
        """The measures over all test frames; empty where nothing was measured or the run is unfinished."""
        return self.record.get("summary", {})

    @property
    def provenance(self) -> dict:
        """What made the run, and what it took; the record but for what was measured."""
        return {name: value for name, value in self.record.items() if name not in ("summary", "frames", "measures")}

    def frames(self) -> dict[str, np.ndarray]:
        """The measures of each test frame, (T,) float32 each; none where there is neither a test part nor a truth across actors.

        Raises:
            InputError: the run is unfinished or damaged.
        """
        if not self.finished:
            raise InputError(f"the run {self.id} has not finished: ask for it again to go on with it")
        expected = {name: ((self.record["frames"],), "<f4") for name in self.record["measures"]}
        with _damage(self.folder):
            return archive.read_arrays(self.folder / FRAMES, expected) if expected else {}

    def samples(self) -> np.ndarray:
        """(2, MOMENTS, size, size, 3) uint8: true and generated frames of some moments. InputError if there are none or damaged."""
        return read_samples(self.folder / SAMPLES)

    @property
    def log(self) -> Path:
        """Where the losses of the training are, as CSV. There is none where nothing was trained."""
        return self.folder / ACTOR / LOG

    def actor(self, device: str = "auto") -> Actor:
        """The trained actor. InputError if the training has not finished or its folder is damaged."""
        return load_actor(self.folder / ACTOR, device)


def read_samples(path: Path) -> np.ndarray:
    """(2, MOMENTS, size, size, 3) uint8, the true and the generated frames that a `samples.webp` shows.

    Raises:
        InputError: it is missing, or another picture.
    """
    with archive.damage(path, "make the run anew, or fetch the stored result again"):
        sheet = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        size = sheet.shape[0] // 2
        return sheet.reshape(2, size, MOMENTS, size, 3).swapaxes(1, 2)


def read_film(path: Path, frames: Sequence[int]) -> np.ndarray:
    """(2, K, size, size, 3) uint8, the true and the generated ones of the frames with these numbers, out of a `film.mp4`.

    Raises:
        InputError: it is missing or damaged, or ends before.
    """
    wanted = set(frames)
    found = {k: picture for k, (_, picture) in enumerate(islice(read_frames(path), max(wanted) + 1)) if k in wanted}
    if missing := wanted - set(found):
        raise InputError(f"{path} has no frame {min(missing)}: make the run anew, or fetch the stored result again")
    return np.stack([np.split(found[k], 2, axis=1) for k in frames], axis=1)


@dataclass(frozen=True)
class Store:
    """The runs of one folder.

    Attributes:
        data: the repository's `data` folder, which holds the videos.
        root: the folder of the runs, by default one in the cache.
    """

    data: Path
    root: Path = field(default_factory=lambda: cache_folder("runs"))

    def run(self, spec: RunSpec, device: str = "auto") -> Run:
        """Train and evaluate, or find it done.

        The same spec is never trained twice: an interrupted training goes on, and of two processes that ask at once one
        works while the other waits.

        Args:
            spec: what to train.
            device: `auto`, `cpu` or `cuda`.

        Raises:
            InputError: what `train` and `capture` raise, or the run's folder is damaged.
        """
        if (run := self.find(spec)) is not None:
            return run
        identity = spec.identity(self.data)
        folder = self._folder(spec)
        with self._held(folder):
            if (run := self.find(spec)) is not None:  # another process was making it meanwhile
                return run
            if not (folder / SPEC).exists():  # nothing, or what a broken removal has left
                shutil.rmtree(folder, ignore_errors=True)
            for left in folder.glob(".*.tmp"):  # half-written when a former process was killed
                left.unlink()
            write_json(folder / SPEC, identity)
            record = self._make(spec, folder, device)
            write_json(folder / METRICS, record)
        return _load(folder)

    def find(self, spec: RunSpec) -> Run | None:
        """The finished run of that spec, made by the present versions from the present videos; None if there is none.

        Raises:
            InputError: a video is missing, or the run's folder is damaged.
        """
        folder = self._folder(spec)
        return _load(folder) if (folder / METRICS).exists() and (folder / SPEC).exists() else None

    def runs(self) -> list[Run]:
        """All that can be read, unfinished ones among them. What is damaged is among the `leftovers`."""
        found = []
        for folder in self._folders():
            try:
                found.append(_load(folder))
            except InputError:
                continue
        return found

    def resolve(self, prefix: str) -> Run:
        """The run whose id begins so. InputError if there is none or more than one, or it is damaged."""
        found = [folder for folder in self._folders() if folder.name.startswith(prefix)]
        if len(found) != 1:
            fault = "no run" if not found else f"{len(found)} runs"
            raise InputError(f"the id of {fault} in {self.root} begins with {prefix!r}: perfclone-lab runs list shows them")
        return _load(found[0])

    def leftovers(self) -> dict[str, str]:
        """What may go: the id of each run that nothing would find again, and why, in words.

        These are the unfinished and the damaged ones, and those made by other versions than the present ones or from another version of
        a video. A run that a process is working on is not among them.
        """
        reasons = {folder.name: self._why(folder) for folder in self._folders() if not self._busy(folder)}
        return {id: why for id, why in reasons.items() if why}

    def remove(self, id: str) -> int:
        """Remove a run, whatever state it is in. Returns how many bytes are freed.

        Raises:
            InputError: there is no run of that id, or a process is working on it.
        """
        folder = self.root / id
        if folder not in self._folders():
            raise InputError(f"there is no run {id} in {self.root}: perfclone-lab runs list shows them")
        with self._held(folder, wait=False):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            (folder / SPEC).unlink(missing_ok=True)  # first, so that nobody goes on with what is half removed
            shutil.rmtree(folder)
        return size

    def _folder(self, spec: RunSpec) -> Path:
        return self.root / spec.content_hash(self.data)[:16]

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.glob("*") if path.is_dir() and re.fullmatch("[0-9a-f]{16}", path.name))

    @contextmanager
    def _held(self, folder: Path, wait: bool = True) -> Iterator[None]:
        """No other process makes or removes this run meanwhile. The lock lies beside the folder, which may vanish."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            held = FileLock(folder.with_suffix(".lock")).acquire(blocking=wait)
        except Timeout as error:
            raise InputError(f"another process is working on the run {folder.name}: wait for it or stop it") from error
        except OSError as error:
            raise InputError(
                f"{self.root} can't be written ({error.strerror}); set PERFCLONE_CACHE to another folder"
            ) from error
        with held:
            yield

    def _busy(self, folder: Path) -> bool:
        try:
            with self._held(folder, wait=False):
                return False
        except InputError:
            return True

    def _why(self, folder: Path) -> str | None:
        """Why nothing would find this run again; None if something would."""
        if not (folder / SPEC).exists():
            return "unfinished"
        try:
            identity = _identity(folder)  # before the spec, which other code may have written in another way
            truth = identity.get("truth", {})
            spec = identity["spec"]
            if identity["versions"] != current_versions(spec.get("method")):
                return "made by another version than the present one"
            dataset = DATASETS.find(spec.get("dataset", "rendered"))
            known = {name: sha256 for name, sha256 in identity["videos"].items() if name in dataset.videos or crowd_size(name)}
            files = {dataset.path(name, self.data): sha256 for name, sha256 in known.items()}
            for path, sha256 in (files | {self.data / name: sha256 for name, sha256 in truth.items()}).items():
                if path.exists() and content_hash(path) != sha256:
                    return f"made from another {path.name} than today's"
            return None if _load(folder).finished else "unfinished"
        except InputError:
            return "damaged"

    def _make(self, spec: RunSpec, folder: Path, device: str) -> dict:
        """Make all files of a run but its spec and its record. Returns the latter."""
        place, source = find_device(device), made_by()
        material = spec.material(self.data)
        actor = self._train(spec, material, folder, device) if spec.trained else None
        began = time.perf_counter()
        measured = _measure(spec, actor, material, self.data, folder)
        trained = actor.record if actor else {"seconds": 0.0, "resumed_from_step": 0, "precision": None}
        return measured | {
            "seconds": {"training": trained["seconds"], "evaluation": round(time.perf_counter() - began, 1)},
            "resumed_from_step": trained["resumed_from_step"],
            "peak_bytes": _peak_bytes(),
            "peak_gpu_bytes": torch.cuda.max_memory_allocated() if place.type == "cuda" else 0,
            "device": describe(place),
            "precision": trained["precision"],
            **source,
        }

    def _train(self, spec: RunSpec, material: Material, folder: Path, device: str) -> Actor:
        options = {"profile": spec.profile, "settings": spec.settings, "seed": spec.seed, "device": device}
        if spec.method in PG2:  # in the cache, since what is fine-tuned, and other actors, begin with the same training
            trained = train_pg2(spec.crowd(self.data), **options)
            trained = fine_tune_pg2(trained, material.train, device=device) if spec.method == FINE_TUNED else trained
            return pg2_actor(trained, material.train, folder / ACTOR)
        return train(material.train, material.unpaired, method=spec.method, out=folder / ACTOR, **options)


def _measure(spec: RunSpec, actor: Actor | None, material: Material, data: Path, folder: Path) -> dict:
    """Evaluate on the test parts or across actors, if the spec has either, and write the measures and the pictures."""
    if material.test:
        frames, truth, measures = _reenacted(spec, actor, material)
        fps = material.test[0].fps
    elif clips := spec.clips(data):
        frames, truth, measures = _across(spec, actor, material, data, clips)
        fps = next(part for part in material.unpaired if part.name in clips).fps
    else:
        return {"summary": {}, "frames": 0, "measures": []}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: values.astype(np.float32) for name, values in measures.items()})
    write_bytes(folder / FRAMES, buffer.getvalue())
    shown = sample_indices(len(frames))
    write_bytes(folder / SAMPLES, encode_webp(np.vstack([np.hstack(of[shown]) for of in (truth, frames)])))
    write_film(folder / FILM, truth, frames, fps)
    counted = {name: values for name, values in measures.items() if name != DRIVER}
    return {"summary": summary(counted), "frames": len(frames), "measures": list(measures)}


def write_film(path: Path, truth: np.ndarray, frames: np.ndarray, fps: float) -> None:
    """True beside generated frames, (T, size, size, 3) uint8 each, as a video."""
    size = frames.shape[1]
    about = {"title": "Truth, and a synthetic performance", "comment": "Rendered and generated people. Nobody was filmed."}
    with VideoWriter(path, 2 * size, size, metadata=about, crf=FILM_CRF) as writer:
        for k, pair in enumerate(zip(truth, frames, strict=True)):
            writer.write(np.hstack(pair), k / fps)


def _reenacted(
    spec: RunSpec, actor: Actor | None, material: Material
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The generated and the true frames of the test parts, and how they compare."""
    size, parts = spec.settings.size, material.test
    frames = ours(actor, parts) if actor else CONTROLS[spec.method](parts, material.train, size)
    shown = true_frames(parts, size)
    return frames, shown[0], evaluate(frames, parts, spec.settings.window, shown)


def _across(
    spec: RunSpec, actor: Actor | None, material: Material, data: Path, clips: Mapping[str, Path]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The same of all drivers' dances, one after the other."""
    size, cut = spec.settings.size, find_profile(spec.profile).max_frames
    reference = spec.path(spec.actor, data)
    dances = [load_dance(reference, spec.path(driver, data), clip, size, cut) for driver, clip in clips.items()]
    if spec.method == "CycleGAN":
        by_name = {part.name: part for part in material.unpaired}
        frames, measures = measure_translations(actor, [by_name[driver] for driver in clips], dances)
    else:
        frames, measures = measure_all(cloner(actor) if actor else retriever(material.train, size), dances)
    return frames, np.concatenate([dance.frames for dance in dances]), measures


def sample_indices(frames: int) -> np.ndarray:
    """(MOMENTS,) int, which of the test frames samples.webp shows: the middles of equal parts, so that nobody has picked them."""
    return (2 * np.arange(MOMENTS) + 1) * frames // (2 * MOMENTS)


def _peak_bytes() -> int:
    """The most main memory that this process has had, for whatever it did so far."""
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _load(folder: Path) -> Run:
    with _damage(folder):
        identity, record = _identity(folder), {}
        if (folder / METRICS).exists():
            record = archive.read_json((folder / METRICS).read_bytes())
            _check(record)
        return Run(folder, RunSpec.from_dict(identity["spec"]), identity, record)


def _identity(folder: Path) -> dict:
    """What the run was made from, as its folder's name vouches for."""
    with _damage(folder):
        identity = archive.read_json((folder / SPEC).read_bytes())
        if identity_hash(identity)[:16] != folder.name:
            raise ValueError("the spec of another run")
        return identity


def _check(record: dict) -> None:
    """ValueError, TypeError or the like unless these are the contents of a metrics.json."""
    if not all(type(value) in (int, float) for value in record["summary"].values()):
        raise ValueError("a summary that is no numbers")
    if type(record["frames"]) is not int or not 0 <= record["frames"] <= archive.MAX_FRAMES:
        raise ValueError("frames out of range")
    if not all(type(name) is str for name in record["measures"]):
        raise ValueError("measures without names")


@contextmanager
def _damage(folder: Path) -> Iterator[None]:
    """Whatever reading a run can raise becomes an InputError that names it and says what to do."""
    remedy = "perfclone-lab runs prune removes it, and then it can be made anew"
    try:
        with archive.damage(folder, remedy):
            yield
    except InputError as error:
        raise InputError(f"the run {folder} is incomplete or damaged; {remedy}") from error
