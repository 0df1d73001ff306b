"""Do stored results still come out? Some of a family's runs are made anew and compared with what is stored."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from perfclone.capture import archive
from perfclone.errors import InputError

from ..ledger.judging import load_family
from .spec import RunSpec
from .store import Store

TOLERANCES = {"rmse": 0.05, "foreground_rmse": 0.05, "ssim": 0.02, "pck": 0.1}
"""Share by which a number may differ from the stored one. On the machine that made it nothing differs; elsewhere a training takes another
path, and ends about as far away as one with another seed would."""


def drift(family: str, labels: list[str], actors: list[str], store: Store, device: str = "auto") -> pd.DataFrame:
    """Make runs of a stored family anew, from their specs as stored, by today's code, and compare.

    Args:
        family: a folder of `data/reference`.
        labels, actors: which of its runs.
        store: where runs are kept; its `data` is where the family lies.
        device: `auto`, `cpu` or `cuda`.

    Returns:
        A row for each run and each of the `TOLERANCES`: `run`, `measure`, `stored`, `now`, `difference` and `tolerance` (shares of
        the stored number), `holds`.

    Raises:
        InputError: there is no such family or no such run in it, or as `Store.run`.
    """
    folder = store.data / "reference" / family
    if not (folder / "record.json").is_file():
        raise InputError(f"there is no stored family {family} in {folder.parent}")
    load_family(folder)  # checks it
    record = archive.read_json((folder / "record.json").read_bytes())
    chosen = [run for run in record["runs"] if run["label"] in labels and run["actor"] in actors]
    if not chosen:
        raise InputError(f"the family {family} has no run {' or '.join(labels)} of {' or '.join(actors)}")
    rows = [row for run in chosen for row in _compared(run, store.run(RunSpec.from_dict(run["spec"]), device).summary)]
    return pd.DataFrame(rows, columns=["run", "measure", "stored", "now", "difference", "tolerance", "holds"])


def _compared(stored: dict, now: dict[str, float]) -> Iterator[tuple]:
    name = f"{stored['label']}, {stored['actor']}, seed {stored['seed']}"
    for measure, tolerance in TOLERANCES.items():
        if measure in stored["summary"] and measure in now:
            before, after = stored["summary"][measure], now[measure]
            difference = (after - before) / before if before else 0.0 if after == before else math.inf
            yield name, measure, before, after, difference, tolerance, abs(difference) <= tolerance
