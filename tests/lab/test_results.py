"""What chapters show of a family: numbers known beforehand, a way through the stored form and back, and the ledger's rows of a chapter."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

from perfclone.errors import InputError
from perfclone.training import TrainSettings
from perfclone.video import content_hash
from perfclone_lab.experiments import results
from perfclone_lab.experiments.families import Entry, Plan, store_reference
from perfclone_lab.experiments.results import NOTHING, Row
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store
from perfclone_lab.ledger.judging import NOT_ATTEMPTED, PARTLY, REPLICATED, NotMeasured, judge, load_claims, load_references
from perfclone_lab.ledger.statistics import BLOCK, Interval

ROOT = Path(__file__).parents[2]
FRAMES = 300
TINY = TrainSettings(size=64, width=4, patch_layers=1, steps=2, batch=2)


# ---- made-up families ----


def made_up(label, actor="ann", seed=0, split="chronological", **measures):
    """A run's record, and its measures: numbers, the same in every frame, or arrays."""
    record = {"id": f"{label}-{actor}-{seed}-{split}".replace(" ", "_"), "label": label, "actor": actor, "seed": seed}
    arrays = {name: np.broadcast_to(np.float16(array), FRAMES) for name, array in measures.items()}
    return record | {"split": split, "summary": {}}, arrays


def write(data, *runs, name="made-up", profile="home"):
    """Write a family as a stored reference of the data folder."""
    folder = data / "reference" / name
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"{record['id']}/{measure}": array for record, own in runs for measure, array in own.items()}
    np.savez_compressed(folder / "frames.npz", **arrays)
    about = {
        "family": name,
        "profile": profile,
        "device": "a device",
        "commit": "abc",
        "command": "a command",
    }
    files = {"frames.npz": hashlib.sha256((folder / "frames.npz").read_bytes()).hexdigest()}
    record = about | {"runs": [record for record, _ in runs], "files": files}
    (folder / "record.json").write_text(json.dumps(record))


@pytest.fixture
def stored(tmp_path):
    """Runs → the results that are read from them."""

    def read(*runs, **about):
        write(tmp_path, *runs, **about)
        return results.stored("made-up", tmp_path)

    return read


# ---- a row's number ----


def test_a_rows_number_is_the_root_of_a_mean_square_and_the_mean_of_anything_else(stored):
    squares = np.tile([100.0, 700.0], FRAMES // 2)  # root of the mean: 20
    found = stored(made_up("ours", mse=squares, ssim=0.25), made_up("ours", "ben", mse=900, ssim=0.75))
    assert found.value(Row("", "", "ours", "mse", ("ann",))).estimate == pytest.approx(20)
    assert found.value(Row("", "", "ours", "mse", ("ann", "ben"))).estimate == pytest.approx((20 + 30) / 2)
    assert found.value(Row("", "", "ours", "ssim", ("ann", "ben"))).estimate == pytest.approx(0.5)


def test_a_ratio_is_of_means_over_the_actors_and_not_the_mean_of_ratios(stored):
    found = stored(
        made_up("ours", mse=100),
        made_up("ours", "ben", mse=400),
        made_up("nearest neighbour", seed=None, mse=400),
        made_up("nearest neighbour", "ben", seed=None, mse=1600),
    )
    row = Row("", "", "ours", "mse", ("ann", "ben"), over="nearest neighbour")
    assert found.value(row).estimate == pytest.approx((10 + 20) / (20 + 40))
    assert found.value(Row("", "", "ours", "mse", ("ann",), over="nearest neighbour")).interval().high == pytest.approx(0.5)


def test_a_share_counts_the_frames_in_which_a_value_is_less(stored):
    levels = np.where(np.arange(FRAMES) < FRAMES // 4, 1.0, 9.0)
    levels[-FRAMES // 10 :] = np.nan  # not measured there, so neither won nor lost
    found = stored(made_up("ours", mse=levels), made_up("pixel oracle", seed=None, mse=4))
    nearer = Row("", "", "ours", "mse", ("ann",), over="pixel oracle", share=True)
    farther = Row("", "", "pixel oracle", "mse", ("ann",), over="ours", share=True)
    assert found.value(nearer).estimate == pytest.approx((1 / 4) / (9 / 10))
    assert found.value(nearer).estimate + found.value(farther).estimate == pytest.approx(1)


def test_the_other_split_is_another_number(stored):
    found = stored(made_up("ours", ssim=0.25), made_up("ours", split="thirds", ssim=0.75))
    assert found.value(Row("", "", "ours", "ssim", ("ann",), split="thirds")).estimate == 0.75


def test_a_video_too_short_for_two_blocks_is_resampled_in_shorter_ones(stored):
    short, long = np.arange(50.0), np.arange(FRAMES, dtype=float)
    record = {"id": "short", "label": "short", "actor": "ann", "seed": 0, "split": "chronological", "summary": {}}
    found = stored((record, {"ssim": short.astype(np.float16)}), made_up("long", ssim=long))
    assert len(short) < 2 * BLOCK
    for label, values in (("short", short), ("long", long)):
        interval = found.value(Row("", "", label, "ssim", ("ann",))).interval()
        assert values.min() < interval.low < interval.estimate == values.mean() < interval.high < values.max()


def test_what_is_not_there_is_not_measured(stored):
    found = stored(made_up("ours", mse=100))
    for row in (
        Row("", "", "pix2pix", "mse", ("ann",)),
        Row("", "", "ours", "ssim", ("ann",)),
        Row("", "", "ours", "mse", ("ann", "ben")),
        Row("", "", "ours", "mse", ("ann",), over="pix2pix"),
        Row("", "", "ours", "mse", ("ann",), split="thirds"),
    ):
        with pytest.raises(NotMeasured):
            found.value(row)
        assert results.interval(found, row) is None
    with pytest.raises(NotMeasured, match="pix2pix"):
        found.samples("pix2pix", "ann")
    assert results.interval(None, Row("", "", "ours", "mse", ("ann",))) is None


def test_a_measure_is_divided_by_another_of_the_same_runs(stored):
    found = stored(
        made_up("ours", warping=np.tile([1.0, 5.0], FRAMES // 2), true_warping=2),
        made_up("frozen", seed=None, warping=6, true_warping=2),
    )
    own = Row("", "", "ours", "warping", ("ann",), per="true_warping")
    assert found.value(own).estimate == pytest.approx(1.5)
    table = results.compare([Row("normalised", NOTHING, "frozen", "warping", ("ann",), per="true_warping")], None, found)
    assert table.loc["normalised", "this run"] == "3.00 [3.00, 3.00]"


def test_a_power_law_is_fitted_to_the_roots_of_all_sizes_and_resampled_as_one(stored):
    sizes = {f"{n} frames": n for n in (600, 1200, 2000)}
    level = 1 + 0.5 * np.sin(np.arange(FRAMES) / 20)  # what the sizes have in common
    found = stored(*(made_up(label, mse=level * (90 * n**-0.25) ** 2) for label, n in sizes.items()))
    b, c = found.power_law(sizes, "mse", ("ann",))
    assert c.estimate == pytest.approx(0.25, abs=1e-3) and c.draws == pytest.approx(
        0.25, abs=1e-3
    )  # it cancels in the exponent
    assert b.estimate == pytest.approx(90 * np.sqrt(level.mean()), rel=1e-3) and np.ptp(b.draws) > 1
    assert b.draws * 1200**-c.draws == pytest.approx(found.value(Row("", "", "1200 frames", "mse", ("ann",))).draws, rel=1e-3)
    with pytest.raises(NotMeasured, match="3400"):
        found.power_law(sizes | {"3400 frames": 3400}, "mse", ("ann",))


def test_seams_are_told_from_motion(stored):
    motion = 10 + 5 * np.sin(np.arange(FRAMES) / 30)
    motion[0] = np.nan  # no frame before it
    within, between = (np.where(np.arange(FRAMES) % 2 == odd, motion, np.nan) for odd in (1, 0))
    found = stored(
        made_up("smooth", flicker_within=within, flicker_between=between),
        made_up("seamy", flicker_within=within, flicker_between=1.5 * between),
        made_up("single frames", flicker_within=np.nan, flicker_between=motion),
    )
    assert found.seams("smooth", ("ann",)).estimate == pytest.approx(1, abs=0.01)
    seamy = found.seams("seamy", ("ann",)).interval()
    assert seamy.estimate == pytest.approx(1.5, abs=0.01) and seamy.high - seamy.low < 0.1  # though the motion varies by half
    with pytest.raises(NotMeasured, match="windows of two"):
        found.seams("single frames", ("ann",))


def test_bars_reach_from_the_estimates_to_the_ends_of_the_intervals():
    intervals = [Interval(5, 3, 9, 0.95, 1, 1, 100), Interval(2, 2, 2.5, 0.95, 1, 1, 100)]
    middle, reach = results.bars(intervals)
    np.testing.assert_array_equal(middle, [5, 2])
    np.testing.assert_array_equal(reach, [[2, 0], [4, 0.5]])


# ---- side by side ----


def test_the_three_columns(stored):
    this = stored(made_up("ours", mse=225, ssim=0.5), made_up("nearest neighbour", seed=None, mse=900, ssim=0.25))
    rows = [
        Row("error", "15.4", "ours", "mse", ("ann",)),
        Row("ratio", "0.58", "ours", "mse", ("ann",), over="nearest neighbour"),
        Row("SSIM", NOTHING, "ours", "ssim", ("ann",)),
        Row("nearer", "all", "ours", "mse", ("ann",), over="nearest neighbour", share=True),
        Row("other method", "20.8", "pix2pix", "mse", ("ann",)),
    ]
    table = results.compare(rows, None, this)
    assert list(table.columns) == ["paper", "reference", "this run"] and table.index.name == "quantity"
    assert list(table["paper"]) == ["15.4", "0.58", NOTHING, "all", "20.8"]
    assert set(table["reference"]) == {NOTHING}
    expected = ["15.0 [15.0, 15.0]", "0.50 [0.50, 0.50]", "0.500 [0.500, 0.500]", "100% [100%, 100%]", NOTHING]
    assert list(table["this run"]) == expected
    assert list(results.compare(rows, this, this)["reference"]) == expected


def test_the_origin_says_what_was_run_and_why_no_verdict_rests_on_it(stored):
    runs = [made_up("ours", mse=1), made_up("ours", seed=1, mse=1), made_up("nearest neighbour", seed=None, mse=1)]
    assert results.origin(stored(*runs)) == "profile home, a device, 2 seeds"
    assert results.origin(stored(runs[0], runs[2])) == "profile home, a device, 1 seed", "what is not trained has no seed"
    assert "no verdict" in results.origin(stored(*runs, profile="quick"))
    assert "no stored reference" in results.origin(None)


# ---- this run, stored and read again ----


@pytest.fixture(scope="module")
def plan():
    return Plan("smoke", (0,))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two real runs, on a driver's video, which is short: one trained, one not."""
    store = Store(ROOT / "data", tmp_path_factory.mktemp("runs"))
    entries = [
        Entry("ours", RunSpec(actor="eve", settings=TINY, profile="smoke")),
        Entry("nearest neighbour", RunSpec(method="nearest neighbour", actor="eve", settings=TINY, profile="smoke")),
    ]
    return [(entry, store.run(entry.spec, "cpu")) for entry in entries]


def test_a_family_that_is_stored_shows_what_it_showed_when_it_was_run(tiny, plan, tmp_path):
    this = results.this_run("tiny", plan, tiny)
    assert results.stored("tiny", tmp_path) is None
    store_reference("tiny", plan, tiny, tmp_path / "reference" / "tiny")
    again = results.stored("tiny", tmp_path)
    assert again.family.runs == this.family.runs
    for run, measures in this.family.frames.items():
        for name, values in measures.items():
            assert np.array_equal(again.family.frames[run][name], values, equal_nan=True), name
    for label in ("ours", "nearest neighbour"):
        assert np.array_equal(again.samples(label, "eve"), this.samples(label, "eve"))
    rows = [
        Row("error", "", "ours", "mse", ("eve",)),
        Row("ratio", "", "ours", "ssim", ("eve",), over="nearest neighbour"),
        Row("share", "", "ours", "foreground_mse", ("eve",), over="nearest neighbour", share=True),
    ]
    table = results.compare(rows, again, this)
    assert NOTHING not in set(table["this run"])
    assert list(table["reference"]) == list(table["this run"])
    assert results.origin(again) == results.origin(this)
    assert again.spec("ours", "eve") == this.spec("ours", "eve") == tiny[0][0].spec
    assert again.log("ours", "eve").equals(this.log("ours", "eve"))


def test_at_the_profile_reference_nothing_is_run_and_the_stored_results_stand_in_one_column(tiny, plan, tmp_path):
    with pytest.raises(InputError, match="no stored reference of tiny"):
        results.find("tiny", "reference", 0, tmp_path)
    store_reference("tiny", plan, tiny, tmp_path / "reference" / "tiny")
    this, reference = results.find("tiny", "reference", 0, tmp_path)
    assert this is reference
    assert "nothing was trained here" in results.sources(reference, this).markdown


def test_from_the_line_of_sources_every_run_is_one_click_away_with_what_made_it(tiny, plan, tmp_path):
    store_reference("tiny", plan, tiny, tmp_path / "reference" / "tiny")
    this, reference = results.this_run("tiny", plan, tiny), results.stored("tiny", tmp_path)
    for shown in (results.sources(reference, this), results.sources(None, this)):
        folded = shown.markdown.partition("{dropdown}")[2]
        assert this.family.command in folded and content_hash(ROOT / "data" / "actors" / "eve.mp4")[:12] in folded
        for _, run in tiny:
            assert f"| {run.id} |" in folded and f"| {run.provenance['commit']} |" in folded
            assert f"| {run.provenance['device']} |" in folded
    assert results.sources(reference, this).markdown.count(tiny[0][1].id) == 2


def test_of_a_run_that_is_filmed_the_stored_reference_has_the_film(tmp_path, plan):
    """Films are large: only those of the first actor, and across actors, are stored."""
    store = Store(ROOT / "data", tmp_path / "runs")
    entry = Entry("ours", RunSpec(actor="ann", settings=TINY, profile="smoke"))
    runs = [(entry, store.run(entry.spec, "cpu"))]
    store_reference("filmed", plan, runs, tmp_path / "reference" / "filmed")
    again, this = results.stored("filmed", tmp_path), results.this_run("filmed", plan, runs)
    assert np.array_equal(again.film("ours", "ann", [7, 3]), this.film("ours", "ann", [7, 3]))


def test_a_rows_number_is_that_of_the_runs_own_summary(tiny, plan):
    this = results.this_run("tiny", plan, tiny)
    for entry, run in tiny:
        found = this.value(Row("", "", entry.label, "mse", ("eve",))).estimate
        assert found == pytest.approx(run.summary["rmse"], rel=1e-3)
        true, generated = this.samples(entry.label, "eve")
        assert true.shape == generated.shape == (8, 64, 64, 3)


def test_a_stored_picture_that_was_changed_is_refused(tiny, plan, tmp_path):
    store_reference("tiny", plan, tiny, tmp_path / "reference" / "tiny")
    with open(tmp_path / "reference" / "runs" / f"{tiny[0][1].id}.webp", "ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match="sha256"):
        results.stored("tiny", tmp_path)


# ---- the ledger's rows ----


def claim(id, chapter, a="ours", b="nearest neighbour"):
    rule = {"kind": "less", "measure": "mse", "a": a, "b": b, "actors": ["ann"], "split": "chronological"}
    about = {"id": id, "where": "Fig. 9", "claim": f"{a} is nearer than {b}.", "paper": None, "unit": None}
    return about | {"family": "made-up", "chapter": chapter, "rule": rule}


@pytest.fixture
def data(tmp_path):
    """A data folder with three claims of two chapters."""
    claims = [claim("one", "08-a"), claim("two", "09-b", b="pixel oracle"), claim("three", "08-a", a="pix2pix")]
    (tmp_path / "claims.json").write_text(json.dumps(claims))
    return tmp_path


def test_a_chapter_has_the_rows_of_its_claims_and_no_others(data):
    table = results.ledger_rows("08-a", data)
    assert list(table.index) == ["one", "three"]
    assert list(table.columns) == ["claim", "paper", "reference", "verdict", "why"]
    assert set(table["verdict"]) == {NOT_ATTEMPTED}
    with pytest.raises(InputError, match="10-c"):
        results.ledger_rows("10-c", data)


def test_its_verdicts_are_those_of_the_whole_ledger(data):
    levels = 100 + 30 * np.sin(np.arange(FRAMES))
    oracle = made_up("pixel oracle", seed=None, mse=levels[::-1])  # as good as ours, so no test of it passes
    write(data, made_up("ours", mse=levels), made_up("nearest neighbour", seed=None, mse=400), oracle)
    assert list(results.ledger_rows("08-a", data)["verdict"]) == [REPLICATED, NOT_ATTEMPTED]
    many = [claim(f"more-{number}", "09-b", b="pixel oracle") for number in range(60)]
    (data / "claims.json").write_text(json.dumps([claim("one", "08-a"), *many]))
    table = results.ledger_rows("08-a", data)
    assert list(table["verdict"]) == [PARTLY], "Holm's correction counts the claims of other chapters too"
    claims = load_claims(data / "claims.json")
    whole = judge(claims, load_references(data / "reference", claims))
    assert (table == whole.loc[["one"], table.columns]).all(axis=None)


@pytest.mark.parametrize("chapter", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_page_shows_the_ledgers_rows_of_its_own(chapter):
    code = [ast.parse(cell.source) for cell in nbformat.read(chapter, as_version=4).cells if cell.cell_type == "code"]
    calls = [node for tree in code for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [call.args[0] for call in calls if getattr(call.func, "attr", "") == "ledger_rows"]
    of = {claim.chapter for claim in load_claims(ROOT / "data" / "claims.json")}
    assert all(ast.literal_eval(name) == chapter.stem and chapter.stem in of for name in asked)
