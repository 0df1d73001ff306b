"""Data sets are described by data: the shipped one is what its file says, and another one is a file and a line from outside."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import perfclone as pc
from perfclone.video import content_hash, probe
from perfclone_lab.datasets import DATASETS, read_dataset
from perfclone_lab.datasets.truth import truth_path
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store

DATA = Path(__file__).parents[2] / "data"
TINY = replace(pc.PROFILES["smoke"].settings, width=4, steps=3, batch=2)


def test_the_shipped_data_set_is_what_its_file_says():
    shipped = DATASETS.find("rendered")
    for video in [*shipped.videos.values(), *shipped.clips.values()]:
        path = DATA / video.file
        assert (content_hash(path), probe(path).frames) == (video.sha256, video.frames), video.file
        assert truth_path(path).is_file() or "kit" in video.roles
    assert shipped.path("crowd-4", DATA) == DATA / "crowd" / "crowd.json"
    assert shipped.with_role("development") == ("dee",) and set(shipped.with_role("evaluation")) == {"ann", "ben", "chi"}
    assert shipped.clip("dee", "eve", DATA).name == "dee-as-eve.mp4" and shipped.clip("eve", "dee", DATA) is None


@pytest.fixture
def mine(tmp_path):
    """A data set of one's own in a folder of one's own."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "me.mp4").symlink_to(DATA / "actors" / "eve.mp4")
    video = {"file": "films/me.mp4", "sha256": content_hash(DATA / "actors" / "eve.mp4"), "frames": 1000, "roles": ["target"]}
    (tmp_path / "mine.json").write_text(json.dumps({"name": "mine", "videos": {"me": video}}))
    return tmp_path


def test_a_data_set_from_outside_is_registered_and_runs_are_made_on_it(mine, monkeypatch):
    monkeypatch.setitem(DATASETS._things, "mine", read_dataset(mine / "mine.json", mine))
    spec = RunSpec(dataset="mine", actor="me", settings=TINY, profile="smoke")
    store = Store(DATA, mine / "runs")
    run = store.run(spec, "cpu")
    assert run.summary["rmse"] > 0 and run.identity["spec"]["dataset"] == "mine" and store.leftovers() == {}
    assert RunSpec.from_dict(spec.as_dict()) == spec
    assert pc.load_actor(run.folder / "actor", "cpu").record["reference"][0]["name"] == "me"


def test_what_a_data_set_does_not_have_is_one_line(mine):
    with pytest.raises(pc.InputError, match="has no video 'you': choose of me"):
        read_dataset(mine / "mine.json", mine).path("you", DATA)
    with pytest.raises(pc.InputError, match="unknown data set 'yours': choose one of .*rendered"):
        RunSpec(dataset="yours", actor="me", settings=TINY, profile="smoke")


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["videos"]["me"].update(file="../../etc/passwd"),
        lambda found: found["videos"]["me"].update(file="/etc/passwd"),
        lambda found: found["videos"]["me"].update(sha256="abc"),
        lambda found: found["videos"]["me"].update(frames=0),
        lambda found: found["videos"]["me"].pop("sha256"),
        lambda found: found["videos"].update({"Me and You": found["videos"]["me"]}),
        lambda found: found.pop("videos"),
    ],
)
def test_a_description_that_can_not_be_is_refused_in_one_line(change, mine):
    found = json.loads((mine / "mine.json").read_text())
    change(found)
    (mine / "mine.json").write_text(json.dumps(found))
    with pytest.raises(pc.InputError, match="the data set .* damaged"):
        read_dataset(mine / "mine.json", mine)
