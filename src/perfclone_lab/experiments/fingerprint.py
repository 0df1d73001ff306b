"""What smoke trainings give, to the bit: so that a change of numbers is noticed whose version nobody has raised (`versions`)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from perfclone.capture import archive
from perfclone.device import processor, thread_count
from perfclone.files import write_json
from perfclone.provenance import commit, versions
from perfclone.training import PROFILES
from perfclone.training.actor import WEIGHTS

from ..versions import current_versions
from .spec import BASELINES, RunSpec
from .store import ACTOR, Run, Store

FILE = Path("reference") / "smoke-hashes.json"
STEPS = 10
"""Whose losses are kept, to compare where another processor or library adds up in another order."""
TOLERANCE = 0.02
"""By which share of itself each of these losses may differ there."""
LIBRARIES = ("torch", "numpy")
"""Whose versions decide, with the processor, whether bits can be compared."""

_SMOKE = PROFILES["smoke"].settings
SPECS = {
    "paper": RunSpec(actor="dee", unpaired=("eve",), settings=_SMOKE, profile="smoke"),
    "pix2pix": RunSpec(method="pix2pix", actor="dee", settings=BASELINES["pix2pix"](_SMOKE), profile="smoke"),
    "CycleGAN": RunSpec(method="CycleGAN", actor="dee", settings=BASELINES["CycleGAN"](_SMOKE), profile="smoke"),
}
"""The trainings, seconds each."""


def fingerprint(run: Run) -> dict:
    """Hashes of a run's weights and measures, and the losses of its first steps.

    Returns:
        `weights` and `measures`, sha256 over names and bytes, sorted by name; `losses`, name → value at each of the first `STEPS`.
    """
    log = pd.read_csv(run.log)[:STEPS].drop(columns="step")
    losses = {name: [None if math.isnan(value) else value for value in log[name]] for name in log}
    return {"weights": _hash(load_file(run.folder / ACTOR / WEIGHTS)), "measures": _hash(run.frames()), "losses": losses}


def _hash(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def comparable(stored: Mapping) -> bool:
    """Whether bits can be compared: the same processor and libraries made what is stored."""
    here = versions()
    return stored["processor"] == processor() and all(stored["versions"][name] == here[name] for name in LIBRARIES)


def differences(found: Mapping, stored: Mapping, exact: bool) -> list[str]:
    """In words, in what a fingerprint differs from a stored one; nothing if in nothing that counts.

    Args:
        found, stored: of `fingerprint`.
        exact: whether bits are compared, or the first losses within `TOLERANCE`.
    """
    if exact:
        return [f"other {name}" for name in ("weights", "measures") if found[name] != stored[name]]
    if found["losses"].keys() != stored["losses"].keys():
        return ["other losses"]
    pairs = [(name, zip(found["losses"][name], stored["losses"][name], strict=True)) for name in stored["losses"]]
    return [f"another {name} in the first steps" for name, values in pairs if not all(_close(a, b) for a, b in values)]


def _close(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=TOLERANCE)


def make(store: Store, name: str) -> dict:
    """The fingerprint of one of the `SPECS`, made on one thread."""
    with thread_count(1):
        return fingerprint(store.run(SPECS[name], "cpu"))


def load(data: Path) -> dict:
    """What is stored. InputError if it is missing or damaged."""
    with archive.damage(f"{data / FILE}", "fetch it again"):
        return archive.read_json((data / FILE).read_bytes())


def store_fingerprints(data: Path) -> None:
    """Make all of them and store them, when versions were raised on purpose."""
    store, here = Store(data), versions()
    write_json(data / FILE, {
        "about": __doc__,
        "commit": commit(),
        "processor": processor(),
        "versions": {name: here[name] for name in LIBRARIES},
        "runs": {name: {"versions": current_versions(spec.method), **make(store, name)} for name, spec in SPECS.items()},
    })  # fmt: skip
