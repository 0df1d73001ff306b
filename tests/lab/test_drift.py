"""Drift: what is stored comes out again; what does not is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfclone.errors import InputError
from perfclone.training import TrainSettings
from perfclone_lab.cli import main
from perfclone_lab.experiments.drift import TOLERANCES, drift
from perfclone_lab.experiments.families import Entry, Plan, store_reference
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store

ACTORS = Path(__file__).parents[2] / "data" / "actors"
TINY = TrainSettings(size=64, width=4, patch_layers=1, steps=2, batch=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A data folder with a stored family of one training and one method without, and an empty place for runs."""
    folder = tmp_path_factory.mktemp("drift")
    data = folder / "data"
    (data / "actors").mkdir(parents=True)
    for path in [*ACTORS.glob("eve*"), ACTORS / "extractions"]:
        (data / "actors" / path.name).symlink_to(path)
    specs = {"ours": RunSpec(actor="eve", settings=TINY, profile="smoke")}
    specs["pixel oracle"] = RunSpec(method="pixel oracle", actor="eve", settings=TINY, profile="smoke")
    runs = [(Entry(label, spec), Store(data, folder / "first").run(spec, "cpu")) for label, spec in specs.items()]
    store_reference("tiny", Plan("smoke"), runs, data / "reference" / "tiny")
    return Store(data, folder / "again")


def test_on_the_machine_that_made_it_nothing_has_drifted(store):
    table = drift("tiny", ["ours", "pixel oracle"], ["eve"], store, "cpu")
    assert set(table["measure"]) == set(TOLERANCES)
    assert len(table) == 2 * len(TOLERANCES)
    assert (table["difference"] == 0).all() and table["holds"].all()


def test_a_number_beyond_its_tolerance_is_named_and_ends_the_command_with_1(store, monkeypatch, capsys):
    monkeypatch.setattr("perfclone_lab.cli._store", lambda: store)
    command = ["drift", "tiny", "--label", "ours", "--actor", "eve", "--device", "cpu"]
    assert main(command) == 0
    path = store.data / "reference" / "tiny" / "record.json"
    before = path.read_text("utf-8")
    record = json.loads(before)
    record["runs"][0]["summary"]["ssim"] *= 1.1
    path.write_text(json.dumps(record), "utf-8")
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit, match="1"):
            main(command)
    finally:
        path.write_text(before, "utf-8")
    rows = {line.split()[-6]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows == {measure: str(measure != "ssim") for measure in TOLERANCES}


@pytest.mark.parametrize(("family", "label"), [("none", "ours"), ("tiny", "magic")])
def test_what_is_not_stored_cannot_have_drifted(store, family, label):
    with pytest.raises(InputError, match=family if family == "none" else label):
        drift(family, [label], ["eve"], store, "cpu")


def test_the_command_says_what_is_missing_in_one_line(capsys):
    assert main(["drift", "no-such-family", "--label", "ours", "--actor", "ann"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
