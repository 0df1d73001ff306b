"""Runs: what names them, which frames they train on, and that each is made once, whatever interrupts it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from perfclone.cloning.offline import generate_sequence
from perfclone.errors import InputError
from perfclone.metrics import frame_mse
from perfclone.training import PROFILES, TrainSettings
from perfclone.training.split import RUN, draw_frames
from perfclone_lab import versions
from perfclone_lab.baselines import pix2pix_settings
from perfclone_lab.experiments.evaluation import ours
from perfclone_lab.experiments.spec import BASELINES, RunSpec, identity_hash
from perfclone_lab.experiments.store import Store, read_film

TESTS = Path(__file__).parent
DATA = TESTS.parents[1] / "data"
TINY = replace(PROFILES["smoke"].settings, width=4, steps=3, batch=2)
SPEC = RunSpec(actor="eve", unpaired=("self",), settings=TINY, profile="smoke")
"""On a driver's video, which is short."""
LONG = replace(SPEC, settings=replace(TINY, steps=20))
"""Long enough to be killed before its end."""




@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(DATA, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def run(store):
    """A finished run, which no test may change."""
    return store.run(SPEC, "cpu")


@pytest.fixture
def copy(run, tmp_path):
    """The same run in a store of its own, to be spoiled."""
    shutil.copytree(run.folder, tmp_path / run.id)
    return Store(DATA, tmp_path).find(SPEC)


# ---- specs ----


@pytest.mark.parametrize(
    "spec",
    [SPEC, replace(SPEC, unpaired=("fin", "gil", "test"), split="thirds", frames=1200, seed=7, settings=TrainSettings())],
)
def test_a_spec_survives_json_and_names_itself_alike(spec):
    again = RunSpec.from_dict(json.loads(json.dumps(spec.as_dict())))
    assert again == spec
    assert again.content_hash(DATA) == spec.content_hash(DATA)


def test_equal_specs_have_one_name_however_a_number_is_written():
    one, other = (replace(SPEC, settings=replace(TINY, lambda_vgg=value)) for value in (10, 10.0))
    assert one.content_hash(DATA) == other.content_hash(DATA)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"split": "thirds"},
        {"frames": 80},
        {"unpaired": ()},
        {"unpaired": ("test",)},
        {"actor": "ann"},
        {"settings": replace(TINY, steps=4)},
        {"profile": "quick"},
    ],
)
def test_another_spec_has_another_name(change):
    assert replace(SPEC, **change).content_hash(DATA) != SPEC.content_hash(DATA)


def test_another_video_or_another_version_gives_another_name(tmp_path, monkeypatch):
    (tmp_path / "actors").mkdir()
    video = shutil.copy(DATA / "actors" / "eve.mp4", tmp_path / "actors" / "eve.mp4")
    name = SPEC.content_hash(DATA)
    assert SPEC.content_hash(tmp_path) == name, "where the videos lie does not matter"
    with monkeypatch.context() as patch:
        patch.setattr(versions, "MEASURES", 99)
        assert SPEC.content_hash(DATA) != name
    with open(video, "ab") as file:
        file.write(b"\0")
    assert SPEC.content_hash(tmp_path) != name
    with pytest.raises(InputError, match="ann.mp4"):
        replace(SPEC, actor="ann").content_hash(tmp_path)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"method": "magic"}, "unknown method"),
        ({"split": "half"}, "unknown split"),
        ({"profile": "huge"}, "unknown profile"),
        ({"actor": "../dee"}, "not the name"),
        ({"unpaired": ("fin.mp4",)}, "not the name"),
        ({"unpaired": ("eve",)}, "holds the test part"),
        ({"unpaired": ("fin", "fin")}, "named twice"),
        ({"unpaired": ("test",), "split": "whole"}, "no test part"),
        ({"frames": 0}, "frames is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"method": "pix2pix", "settings": pix2pix_settings(TINY)}, "no unpaired branch"),
        ({"method": "pix2pix", "unpaired": ()}, "not the settings of pix2pix"),
        ({"method": "CycleGAN", "unpaired": (), "settings": pix2pix_settings(TINY)}, "not the settings of CycleGAN"),
    ],
)
def test_impossible_specs_are_refused(change, fault):
    with pytest.raises(InputError, match=fault):
        replace(SPEC, **change)
    with pytest.raises(FrozenInstanceError):
        SPEC.seed = 1


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"seed": "0"},
        {"seed": True},
        {"frames": 40.0},
        {"unpaired": "self"},
        {"unpaired": [["self"]]},
        {"settings": {"magic": 1}},
        {"settings": TINY.__dict__ | {"steps": 1.5}},
        {"settings": TINY.__dict__ | {"size": 65}},
        {"settings": None},
    ],
)
def test_json_that_is_no_spec_is_refused(change):
    with pytest.raises(InputError, match="not the spec of a run"):
        RunSpec.from_dict(SPEC.as_dict() | change)


@pytest.mark.parametrize("found", [None, [], {}, {name: value for name, value in SPEC.as_dict().items() if name != "seed"}])
def test_json_that_lacks_something_is_refused(found):
    with pytest.raises(InputError, match="not the spec of a run"):
        RunSpec.from_dict(found)


def test_a_spec_from_before_a_setting_existed_has_its_default():
    found = SPEC.as_dict()
    del found["settings"]["decay_share"], found["settings"]["crop"]
    assert RunSpec.from_dict(found) == replace(SPEC, settings=replace(SPEC.settings, decay_share=0.0))


# ---- which frames train ----


def test_fewer_frames_are_drawn_in_evenly_spread_runs():
    runs = draw_frames([slice(0, 3600)], 1200)
    assert [run.stop - run.start for run in runs] == [RUN] * 30
    gaps = [after.start - before.stop for before, after in zip(runs, runs[1:])]
    assert gaps == [80] * 29
    assert (runs[0].start, 3600 - runs[-1].stop) == (40, 40)


@pytest.mark.parametrize("count", [1, 39, 41, 100, 1199, 2000, 3400, 3599, 3600])
@pytest.mark.parametrize("parts", [[slice(0, 3600)], [slice(0, 1200), slice(1800, 3000), slice(3600, 4800)]])
def test_as_many_frames_are_drawn_as_asked_for_each_once_from_the_parts_alone(parts, count):
    runs = draw_frames(parts, count)
    drawn = [frame for run in runs for frame in range(run.start, run.stop)]
    assert len(drawn) == count and drawn == sorted(set(drawn))
    assert all(any(part.start <= run.start and run.stop <= part.stop for part in parts) for run in runs)
    assert all(after.start > before.stop for before, after in zip(runs, runs[1:])), "runs that touch are one"
    for part in parts if count > 1000 else ():
        share = sum(part.start <= frame < part.stop for frame in drawn) / (part.stop - part.start)
        assert share == pytest.approx(count / 3600, abs=0.05), "each part gives its share"


def test_all_frames_are_the_parts_themselves_and_more_than_all_are_refused():
    parts = [slice(0, 100), slice(150, 250)]
    assert draw_frames(parts, 200) == parts
    with pytest.raises(InputError, match="201 frames are asked for and the training part has 200"):
        draw_frames(parts, 201)


def ranges(parts):
    return [(part.name, part.first, part.first + len(part)) for part in parts]


def test_a_spec_names_the_performances_that_train_test_and_feed_the_unpaired_branch():
    chronological = replace(SPEC, frames=60, unpaired=("self", "test", "fin")).material(DATA)
    assert ranges(chronological.train) == [("eve", 10, 50), ("eve", 70, 90)]
    assert ranges(chronological.test) == [("eve", 100, 150)]
    assert ranges(chronological.unpaired) == [*ranges(chronological.train), ("eve", 100, 150), ("fin", 0, 150)]
    whole = replace(SPEC, split="whole").material(DATA)
    assert (ranges(whole.train), whole.test) == ([("eve", 0, 150)], [])
    thirds = replace(SPEC, split="thirds", unpaired=()).material(DATA)
    assert ranges(thirds.test) == [("eve", 33, 50), ("eve", 83, 100), ("eve", 133, 150)]


# ---- a run ----


def test_a_run_leaves_its_measures_and_says_what_made_it(run):
    assert run.finished and run.spec == SPEC
    (test,) = SPEC.material(DATA).test
    found = run.frames()
    assert {(values.dtype, values.shape) for values in found.values()} == {(np.dtype(np.float32), (50,))}
    true = frame_mse(generate_sequence(run.actor("cpu"), test.poses), test.frames(64))
    assert found["mse"] == pytest.approx(true)
    assert run.summary["rmse"] == pytest.approx(np.sqrt(true.mean()))
    assert {"seconds", "peak_bytes", "device", "started", "commit", "versions"} <= set(run.provenance)
    assert run.provenance["peak_bytes"] > 50_000_000, "torch alone is larger"
    assert run.actor("cpu").settings == TINY


def test_the_pictures_show_the_test_part(run, store):
    (test,) = SPEC.material(DATA).test
    truth, generated = run.samples()
    np.testing.assert_array_equal(
        truth[0], test[3:4].frames(64)[0], "of 50 frames the middles of eighths are the numbers 3, 9, 15, …"
    )
    np.testing.assert_array_equal(generated[0], ours(run.actor("cpu"), [test])[3])
    film = read_film(run.folder / "film.mp4", [40, 3])
    made = ours(run.actor("cpu"), [test])
    for number, (true, drawn) in zip([40, 3], film.swapaxes(0, 1), strict=True):
        assert np.abs(true.astype(int) - test[number : number + 1].frames(64)[0]).mean() < 5, "compressed, so not the same"
        assert np.abs(drawn.astype(int) - made[number]).mean() < 5
    with pytest.raises(InputError, match="no frame 50"):
        read_film(run.folder / "film.mp4", range(51))


def weights(run):
    path = run.folder / "actor" / "generator.safetensors"
    return path.stat().st_mtime_ns, path.read_bytes()


def test_the_same_spec_is_trained_once(run, store):
    before = weights(run)
    again = store.run(SPEC, "cpu")
    assert (again.id, again.record) == (run.id, run.record)
    assert weights(again) == before
    assert store.find(SPEC).record == run.record
    assert store.find(replace(SPEC, seed=1)) is None


def test_a_run_on_the_whole_video_has_no_test_part(store):
    run = store.run(replace(SPEC, split="whole", unpaired=()), "cpu")
    assert run.finished and run.summary == {} and run.frames() == {}
    assert {path.name for path in run.folder.iterdir()} == {"spec.json", "metrics.json", "actor"}


@pytest.mark.parametrize("method", BASELINES)
def test_a_baseline_is_trained_and_measured_like_ours(method, store):
    run = store.run(replace(SPEC, method=method, unpaired=(), settings=BASELINES[method](TINY)), "cpu")
    assert run.spec.trained and run.log.exists() and run.provenance["seconds"]["training"] > 0
    (test,) = SPEC.material(DATA).test
    assert run.frames()["mse"] == pytest.approx(frame_mse(ours(run.actor("cpu"), [test]), test.frames(64)))
    assert np.isnan(run.frames()["flicker_within"]).all(), "windows of one frame"


def test_an_evaluation_cut_short_is_done_again_without_training(copy):
    before = weights(copy)
    (copy.folder / "metrics.json").unlink()
    (copy.folder / "frames.npz").write_bytes(b"half")
    (copy.folder / ".film.mp4.abc.tmp").write_bytes(b"half")
    store = Store(DATA, copy.folder.parent)
    assert store.find(SPEC) is None
    (unfinished,) = store.runs()
    assert not unfinished.finished and unfinished.summary == {} and unfinished.spec == SPEC
    with pytest.raises(InputError, match="has not finished"):
        unfinished.frames()
    again = store.run(SPEC, "cpu")
    assert weights(again) == before
    assert again.summary == copy.summary
    assert not list(again.folder.glob(".*.tmp"))


SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from test_store import DATA, LONG, Store
run = Store(DATA, Path(sys.argv[2])).run(LONG, "cpu")
print(json.dumps(run.record))
"""


def elsewhere(root):
    """A process that asks for the long run."""
    command = [sys.executable, "-c", SCRIPT, str(TESTS), str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(pattern, root, process):
    """Until the process has made such a file."""
    while process.poll() is None and not list(root.glob(pattern)):
        time.sleep(0.01)
    assert process.poll() is None, "it should still be at work"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A run that two processes asked for at once: as this one got it, and its record as the other did."""
    root = tmp_path_factory.mktemp("shared")
    process = elsewhere(root)
    wait_for("*/actor/checkpoint.safetensors", root, process)
    run = Store(DATA, root).run(LONG, "cpu")
    return run, json.loads(process.communicate()[0].splitlines()[-1])


def test_of_two_processes_that_ask_at_once_one_works_and_the_other_waits(shared):
    run, record = shared
    assert run.record == record, "had both worked, their times would differ"
    assert run.provenance["resumed_from_step"] == 0


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_as_if_nothing_had_been(shared, tmp_path):
    process = elsewhere(tmp_path)
    wait_for("*/actor/checkpoint.safetensors", tmp_path, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    killed = Store(DATA, tmp_path)
    assert list(killed.leftovers().values()) == ["unfinished"]
    resumed, whole = killed.run(LONG, "cpu"), shared[0]
    assert resumed.provenance["resumed_from_step"] > 0
    assert resumed.summary == whole.summary
    assert weights(resumed)[1] == weights(whole)[1]
    for name, values in whole.frames().items():
        assert np.array_equal(resumed.frames()[name], values, equal_nan=True), name


# ---- damage, and what may go ----


def spoil_json(folder):
    (folder / "metrics.json").write_text('{"summary": {"rmse"')


def spoil_summary(folder):
    record = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(record | {"summary": {"rmse": "small"}}))


def spoil_count(folder):
    record = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(record | {"frames": 10**12}))


def spoil_spec(folder):
    identity = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(identity | {"versions": "0"}))


@pytest.mark.parametrize("spoil", [spoil_json, spoil_summary, spoil_count, spoil_spec])
def test_a_damaged_run_is_named_and_can_be_removed(spoil, copy):
    spoil(copy.folder)
    store = Store(DATA, copy.folder.parent)
    for ask in (lambda: store.run(SPEC, "cpu"), lambda: store.find(SPEC), lambda: store.resolve(copy.id)):
        with pytest.raises(InputError, match=f"{copy.id} is incomplete or damaged; perfclone-lab runs prune"):
            ask()
    assert store.runs() == []
    assert store.leftovers() == {copy.id: "damaged"}
    assert store.remove(copy.id) > 0
    assert not copy.folder.exists()


def objects(folder):
    arrays = dict(np.load(folder / "frames.npz"))
    np.savez(folder / "frames.npz", **arrays | {"mse": np.array([{}] * 50)})


def too_few(folder):
    np.savez(folder / "frames.npz", **{name: values[:49] for name, values in np.load(folder / "frames.npz").items()})


def cut_off(folder):
    os.truncate(folder / "frames.npz", 100)


@pytest.mark.parametrize("spoil", [objects, too_few, cut_off, lambda folder: (folder / "frames.npz").unlink()])
def test_damaged_measures_are_refused(spoil, copy):
    spoil(copy.folder)
    with pytest.raises(InputError, match=f"{copy.id} is incomplete or damaged"):
        copy.frames()


def test_runs_are_found_by_the_beginning_of_their_id(run, store):
    assert store.resolve(run.id[:8]).record == run.record
    with pytest.raises(InputError, match="the id of no run"):
        store.resolve("xyz")
    other = store.run(replace(SPEC, split="whole", unpaired=()), "cpu")
    assert {run.id, other.id} <= {found.id for found in store.runs()}
    with pytest.raises(InputError, match="runs in .* begins with ''"):
        store.resolve("")


def renamed(run, **changes):
    """The same run as if made from something else."""
    identity = run.identity | changes
    (run.folder / "spec.json").write_text(json.dumps(identity))
    return run.folder.rename(run.folder.with_name(identity_hash(identity)[:16]))


def test_only_what_nothing_would_find_again_may_go(copy):
    store = Store(DATA, copy.folder.parent)
    assert store.leftovers() == {}
    gone = renamed(copy, videos={"nobody": "0" * 64})
    assert store.leftovers() == {}, "a video that is not there may come back"
    old = renamed(replace(copy, folder=gone), videos={"eve": "0" * 64})
    assert store.leftovers() == {old.name: "made from another eve.mp4 than today's"}
    old = renamed(replace(copy, folder=old), versions={"method": 0}, spec={"of": "another layout"})
    assert store.leftovers() == {old.name: "made by another version than the present one"}
    assert store.runs() == []
    size = sum(path.stat().st_size for path in old.rglob("*") if path.is_file())
    assert store.remove(old.name) == size
    with pytest.raises(InputError, match="there is no run"):
        store.remove(old.name)


def test_nothing_but_runs_is_ever_removed(tmp_path):
    store = Store(DATA, tmp_path / "runs")
    assert store.runs() == [] and store.leftovers() == {}
    (tmp_path / "runs" / "holiday").mkdir(parents=True)
    assert store.leftovers() == {}
    for name in ("holiday", "..", "../runs"):
        with pytest.raises(InputError, match="there is no run"):
            store.remove(name)


def test_a_run_that_somebody_works_on_is_not_removed(copy):
    from filelock import FileLock

    (copy.folder / "metrics.json").unlink()
    store = Store(DATA, copy.folder.parent)
    with FileLock(copy.folder.with_suffix(".lock")):
        assert store.leftovers() == {}
        with pytest.raises(InputError, match="another process is working"):
            store.remove(copy.id)
    assert store.leftovers() == {copy.id: "unfinished"}


def test_what_a_broken_removal_has_left_is_made_anew(copy):
    before = copy.summary
    (copy.folder / "spec.json").unlink()
    (copy.folder / "actor" / "generator.safetensors").unlink()
    store = Store(DATA, copy.folder.parent)
    assert store.leftovers() == {copy.id: "unfinished"}
    assert store.run(SPEC, "cpu").summary == before


def test_what_is_not_trained_is_measured_in_the_same_way(store):
    settings = TrainSettings(size=64)
    near, still = (
        store.run(RunSpec(method=method, actor="eve", settings=settings, profile="smoke"), "cpu")
        for method in ("nearest neighbour", "frozen")
    )
    assert not (near.folder / "actor").exists() and near.provenance["seconds"]["training"] == 0
    assert set(near.frames()) == set(still.frames()) >= {"mse", "pck", "warping"}
    assert still.frames()["mse"][0] == 0 < near.frames()["mse"][0] and near.summary["rmse"] < still.summary["rmse"]
    with pytest.raises(InputError, match="not trained"):
        RunSpec(method="frozen", actor="eve", unpaired=("fin",), settings=settings, profile="smoke")
