"""The claim ledger: each rule's verdicts on numbers chosen by hand, families that carry none, damaged files, and the rows themselves."""

import hashlib
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfclone.errors import InputError
from perfclone_lab.ledger.judging import (
    ALPHA,
    Claim,
    corrected_p_values,
    judge,
    load_claims,
    load_family,
    load_references,
    verdict,
)

CLAIMS = Path(__file__).parents[2] / "data" / "claims.json"
FRAMES = 300
PLACE = {"actors": ["ann"], "split": "chronological"}
THREE = {"actors": ["ann", "ben", "chi"], "split": "chronological"}
PAIR = {"measure": "mse", "a": "ours", "b": "pix2pix"}
TOLERANCES = {"close": 1.25, "far": 1.6}
HALF = 1e-3
"""How far a number may lie from the one that was put in, of which half precision keeps three digits."""


# ---- made-up families ----


def run(label, actor="ann", seed=0, split="chronological", summary=None, **measures):
    """A run whose measures are numbers, the same in every frame, or arrays."""
    arrays = {name: np.broadcast_to(np.float16(array), FRAMES) for name, array in measures.items()}
    record = {"id": f"{label}-{actor}-{seed}-{split}".replace(" ", "_"), "label": label, "actor": actor, "seed": seed}
    return record | {"split": split, "summary": summary or {}}, arrays


def store(folder, runs, profile="paper", device="NVIDIA H200"):
    """Write a family as the reference results are written."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"{record['id']}/{name}": array for record, own in runs for name, array in own.items()}
    np.savez_compressed(folder / "frames.npz", **arrays)
    record = {
        "family": folder.name,
        "profile": profile,
        "device": device,
        "commit": "abc",
        "command": "a command",
        "runs": [record for record, _ in runs],
    }
    seal(folder, record)
    return folder


def seal(folder, record):
    """Write the record with the hash that the file beside it has."""
    files = {"frames.npz": hashlib.sha256((folder / "frames.npz").read_bytes()).hexdigest()}
    (folder / "record.json").write_text(json.dumps(record | {"files": files}))


@pytest.fixture
def family(tmp_path):
    """Runs → the family that is stored and loaded with them."""
    return lambda *runs, **about: load_family(store(tmp_path / "made-up", runs, **about))


def claim(kind, paper=None, id="row", **rule):
    unit = None if paper is None else "RGB error"
    paper = None if paper is None else tuple(paper)
    return Claim(id, "Table 1", "Something holds.", paper, unit, "made-up", {"kind": kind} | rule, "08-self-reenactment")


def pair(ours, pix2pix, measure="mse", actors=("ann",)):
    """Runs of two methods, from an RMSE each (for other measures, from the value)."""
    power = 2 if measure.endswith("mse") else 1
    return [
        run(label, actor, **{measure: np.asarray(level, float) ** power})
        for actor in actors
        for label, level in (("ours", ours), ("pix2pix", pix2pix))
    ]


def wave(level, swing, period=150):
    """A number for each frame that goes up and down slowly around `level`; its root mean square is a little more."""
    return level + swing * np.sin(2 * np.pi * np.arange(FRAMES) / period)


# ---- rules ----


@pytest.mark.parametrize(
    "ours, expected, word",
    [
        (60, "replicated", "within a factor of 1.25 of the paper's 0.6"),
        (49, "replicated", "within a factor of 1.25"),
        (47, "partly", "but not of 1.25"),
        (93, "partly", "but not of 1.25"),
        (36, "not", "more than a factor of 1.6"),
        (104, "not", "other side of 1"),
    ],
)
def test_ratio_asks_for_the_papers_side_of_one_and_for_a_factor(family, ours, expected, word):
    found = verdict(claim("ratio", [12, 20], **PAIR, **PLACE, **TOLERANCES), family(*pair(ours, 100)))
    assert found.verdict == expected and word in found.why
    assert found.values[0] == found.interval.estimate == pytest.approx(ours / 100, rel=HALF)


def test_a_ratio_just_below_one_does_not_agree_with_one_just_above(family):
    row = claim("ratio", [104, 100], **PAIR, **PLACE, **TOLERANCES)
    assert verdict(row, family(*pair(97, 100))).verdict == "not"
    assert verdict(row, family(*pair(103, 100))).verdict == "replicated"


def test_mean_ratio_divides_means_over_actors(family):
    runs = [*pair(10, 20), *pair(30, 20, actors=["ben"]), *pair(20, 60, actors=["chi"])]
    found = verdict(claim("mean_ratio", [16.2, 17.5], **PAIR, **THREE, **TOLERANCES), family(*runs))
    assert found.values[0] == pytest.approx(60 / 100, rel=HALF)
    assert found.interval.actors == 3 and "ann, ben and chi" in found.why


@pytest.mark.parametrize(
    "ours, expected",
    [(wave(80, 5), "replicated"), (wave(97, 20), "partly"), (wave(101, 20), "not"), (wave(150, 5), "not")],
)
def test_ordering_asks_whether_the_ratio_is_wholly_below_one(family, ours, expected):
    found = verdict(claim("ordering", **PAIR, **PLACE), family(*pair(ours, 100)))
    assert found.verdict == expected
    assert (found.interval.high < 1) == (expected == "replicated")
    assert ("rendered actor ann, one seed" in found.why) and ("not below 1" in found.why) == (expected == "not")


@pytest.mark.parametrize("kind, sign", [("less", 1), ("greater", -1)])
@pytest.mark.parametrize("gap, expected", [(0.3, "replicated"), (0.01, "partly"), (-0.3, "not")])
def test_less_and_greater_compare_means_over_actors(family, kind, sign, gap, expected):
    runs = pair(wave(0.5, 0.2), 0.5 + sign * gap, "pck", actors=THREE["actors"])
    found = verdict(claim(kind, **PAIR | {"measure": "pck"}, **THREE), family(*runs))
    assert found.verdict == expected
    assert found.values[0] == pytest.approx(-sign * gap, abs=0.02)


@pytest.mark.parametrize(
    "levels, expected",
    [
        ((185, 167, 154), "replicated"),
        ((185, wave(156, 20), 154), "partly"),  # the second step is small beside what the frames do
        ((185, 150, 154), "not"),
        ((154, 167, 185), "not"),
    ],
)
def test_monotone_stands_with_its_least_certain_step(family, levels, expected):
    labels = ["1200 frames", "2000 frames", "3400 frames"]
    runs = [run(label, mse=np.square(level)) for label, level in zip(labels, levels)]
    found = verdict(claim("monotone", measure="mse", labels=labels, **PLACE), family(*runs))
    assert found.verdict == expected
    assert len(found.values) == 3 and found.values[0] == pytest.approx(levels[0], rel=HALF)


@pytest.mark.parametrize("slope, expected", [(1, "replicated"), (0.05, "partly"), (-1, "not")])
def test_rank_correlation_has_to_be_above_zero(family, slope, expected):
    rng = np.random.default_rng(5)
    distance, noise = rng.uniform(1, 20, FRAMES), rng.uniform(0, 20, FRAMES)
    runs = [run("ours", distance=distance, mse=np.exp(slope * distance / 10) + noise * (abs(slope) < 1))]
    found = verdict(claim("rank_correlation", label="ours", x="distance", y="mse", **PLACE), family(*runs))
    assert found.verdict == expected
    assert abs(slope) < 1 or found.values[0] == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ((1, 2, 3), (2, 3, 4), "replicated"),
        ((1, 2, 5), (2, 3, 4), "partly"),
        ((1, 2), (2, 3), "partly"),
        ((3, 3, 3), (2, 2, 2), "not"),
    ],
)
def test_what_holds_in_every_seed_of_at_least_three_is_replicated(family, a, b, expected):
    runs = [run(label, seed=k, summary={"rmse": float(x)}) for label, of in (("x", a), ("y", b)) for k, x in enumerate(of)]
    rule = {"scalar": "rmse", "a": "x", "b": "y", "actors": ["ann"], "split": "chronological"}
    found = verdict(claim("in_every_seed", **rule), family(*runs))
    assert found.verdict == expected and f"of {len(a)} trainings" in found.why
    assert found.values == (pytest.approx(np.mean(a) / np.mean(b)),)
    assert verdict(claim("in_every_seed", **rule | {"scalar": "other"}), family(*runs)).verdict == "not attempted"


def test_an_absolute_error_is_shown_and_never_judged(family):
    row = claim("absolute", [26.4], label="ours", measure="mse", **PLACE)
    found = verdict(row, family(*pair(26.4, 100)))
    assert found.verdict == "not comparable" and "depend on the video" in found.why
    assert found.values[0] == pytest.approx(26.4, rel=HALF)


@pytest.mark.parametrize(
    "device, milliseconds, expected",
    [
        ("NVIDIA H200", 45, "not comparable"),
        ("NVIDIA TITAN Xp", 50, "replicated"),
        ("NVIDIA TITAN Xp", 65, "partly"),
        ("NVIDIA TITAN Xp", 90, "not"),
    ],
)
def test_times_are_compared_on_the_same_device_only(family, device, milliseconds, expected):
    row = claim("timing", [45], label="ours", scalar="generator_ms", device="Titan Xp", **TOLERANCES)
    found = verdict(row, family(run("ours", summary={"generator_ms": milliseconds}), device=device))
    assert found.verdict == expected and found.values == (milliseconds,)
    assert device in found.why


def test_seeds_that_disagree_keep_an_ordering_from_being_replicated(family):
    agreeing = [run("ours", seed=seed, mse=level) for seed, level in enumerate((60, 70, 80))]
    nearest = run("pix2pix", seed=None, mse=100)
    row = claim("ordering", **PAIR, **PLACE)
    found = verdict(row, family(*agreeing, nearest))
    assert found.verdict == "replicated" and "3 seeds" in found.why
    assert verdict(row, family(*agreeing[:2], run("ours", seed=2, mse=101), nearest)).verdict == "partly"


# ---- Holm's correction ----


def test_a_claim_that_holds_alone_may_not_hold_among_many(family):
    stored = family(*pair(wave(88, 20), 100), *pair(wave(101, 20), 100, actors=["ben"]))
    row = claim("ordering", id="tried", **PAIR, **PLACE)
    others = [claim("ordering", id=f"other {n}", **PAIR, **PLACE | {"actors": ["ben"]}) for n in range(11)]
    alone, among = (corrected_p_values(rows, {"made-up": stored})["tried"] for rows in ([row], [row, *others]))
    assert alone <= ALPHA < among == pytest.approx(12 * alone)
    assert judge([row], {"made-up": stored}).verdict["tried"] == "replicated"
    assert judge([row, *others], {"made-up": stored}).verdict["tried"] == "partly"
    elsewhere = [replace(other, family="another family") for other in others]
    assert judge([row, *elsewhere], {"made-up": stored}).verdict["tried"] == "replicated"


def test_a_sequence_enters_the_correction_with_its_least_certain_step(family):
    labels = ["1200 frames", "2000 frames", "3400 frames"]
    stored = family(*(run(label, mse=np.square(level)) for label, level in zip(labels, (185, wave(156, 20), 154))))
    row = claim("monotone", measure="mse", labels=labels, **PLACE)
    last = claim("ordering", **PAIR | {"a": labels[2], "b": labels[1]}, **PLACE)
    assert corrected_p_values([row], {"made-up": stored}) == corrected_p_values([last], {"made-up": stored})
    assert judge([row], {"made-up": stored}).verdict.tolist() == ["partly"]


def test_claims_without_a_test_or_without_data_do_not_count_in_the_correction(family):
    stored = family(*pair(80, 100))
    rows = [
        claim("ordering", id="a", **PAIR, **PLACE),
        claim("ratio", [12, 20], id="b", **PAIR, **PLACE, **TOLERANCES),
        claim("ordering", id="c", **PAIR | {"b": "CycleGAN"}, **PLACE),
    ]
    assert list(corrected_p_values(rows, {"made-up": stored})) == ["a"]


# ---- what carries no verdict ----


@pytest.mark.parametrize(
    "about, word",
    [
        ({"profile": "smoke"}, "smoke"),
        ({"profile": "quick"}, "quick"),
        ({"profile": "quick, with settings of its own"}, "quick"),
    ],
)
@pytest.mark.parametrize("kind", ["ratio", "ordering"])
def test_a_small_profile_shows_its_number_but_carries_no_verdict(family, kind, about, word):
    extra = TOLERANCES if kind == "ratio" else {}
    row = claim(kind, [12, 20], **PAIR, **PLACE, **extra)
    found = verdict(row, family(*pair(60, 100), **about))
    assert found.verdict == "not comparable" and word in found.why
    assert found.values[0] == pytest.approx(0.6, rel=HALF)
    assert verdict(row, family(*pair(60, 100))).verdict == "replicated"


def test_what_was_not_run_is_not_attempted(family):
    stored = family(*pair(60, 100))
    assert verdict(claim("ordering", **PAIR, **PLACE), None).verdict == "not attempted"
    for change in ({"b": "CycleGAN"}, {"measure": "warping"}, {"actors": ["ann", "ben"]}, {"split": "thirds"}):
        found = verdict(claim("less", **PAIR | PLACE | change), stored)
        assert found.verdict == "not attempted" and found.values == ()
        assert "is not in the family made-up" in found.why
    row = claim("timing", [45], label="ours", scalar="generator_ms", device="Titan Xp", **TOLERANCES)
    assert verdict(row, stored).verdict == "not attempted"


def test_the_table_shows_the_papers_numbers_beside_the_reference_with_its_interval(family):
    rows = [
        claim("ratio", [15.4, 26.4], id="a", **PAIR, **PLACE, **TOLERANCES),
        claim("less", id="b", **PAIR | {"measure": "warping"}, **PLACE),
        claim("monotone", [18.5, 16.7], id="c", measure="mse", labels=["pix2pix", "ours"], **PLACE),
        claim("absolute", [26.4], id="d", label="ours", measure="mse", **PLACE),
    ]
    table = judge(rows, {"made-up": family(*pair(60, 100))})
    assert table.columns.tolist() == ["claim", "where", "paper", "reference", "verdict", "why"]
    assert table.index.tolist() == ["a", "b", "c", "d"]
    assert table.paper.tolist() == ["15.4 / 26.4 = 0.583", "–", "18.5 → 16.7 RGB error", "26.4 RGB error"]
    assert table.reference.tolist() == ["0.6 [0.6, 0.6]", "–", "100 → 60", "60 [60, 60]"]
    assert table.verdict.tolist() == ["replicated", "not attempted", "replicated", "not comparable"]


# ---- stored families ----


def test_a_stored_family_comes_back_as_it_was_written(tmp_path):
    runs = [run("ours", seed=1, mse=wave(50, 5), pck=np.nan), run("nearest neighbour", seed=None, mse=100)]
    stored = load_family(store(tmp_path / "made-up", runs))
    assert [(r.label, r.seed) for r in stored.runs] == [("ours", 1), ("nearest neighbour", None)]
    assert stored.frames["ours-ann-1-chronological"]["mse"].tolist() == runs[0][1]["mse"].tolist()
    assert np.isnan(stored.frames["ours-ann-1-chronological"]["pck"]).all()
    rows = [claim("ordering", **PAIR, **PLACE), replace(claim("ordering", **PAIR, **PLACE), family="elsewhere")]
    assert list(load_references(tmp_path, rows)) == ["made-up"]


def damaged_record(change):
    def damage(folder):
        record = json.loads((folder / "record.json").read_text())
        change(record)
        (folder / "record.json").write_text(json.dumps(record))

    return damage


def other_arrays(**arrays):
    """frames.npz with other arrays, and a record whose hash is right: what an attacker, or a mistake, would write."""

    def damage(folder):
        np.savez(folder / "frames.npz", **{name.replace("__", "/"): array for name, array in arrays.items()})
        seal(folder, json.loads((folder / "record.json").read_text()))

    return damage


def flip_a_byte(folder):
    data = bytearray((folder / "frames.npz").read_bytes())
    data[len(data) // 2] ^= 255
    (folder / "frames.npz").write_bytes(data)


def name_a_file_elsewhere(folder):
    (folder.parent / "elsewhere").write_bytes(b"x")
    damaged_record(lambda record: record["files"].update({"../elsewhere": hashlib.sha256(b"x").hexdigest()}))(folder)


def claims_a_huge_array(folder):
    """A member whose header announces a terabyte."""
    header = b"{'descr': '<f2', 'fortran_order': False, 'shape': (250000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "frames.npz", "w") as archive:
        archive.writestr("run/mse.npy", b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(4000))
    seal(folder, json.loads((folder / "record.json").read_text()))


DAMAGES = {
    "no record": lambda folder: (folder / "record.json").unlink(),
    "half a record": lambda folder: (folder / "record.json").write_text((folder / "record.json").read_text()[:200]),
    "no frames": lambda folder: (folder / "frames.npz").unlink(),
    "a flipped byte": flip_a_byte,
    "not a zip": lambda folder: (
        (folder / "frames.npz").write_bytes(b"?"),
        seal(folder, json.loads((folder / "record.json").read_text())),
    ),
    "a huge array": claims_a_huge_array,
    "float64": other_arrays(run__mse=np.ones(FRAMES)),
    "two dimensions": other_arrays(run__mse=np.ones((2, FRAMES), np.float16)),
    "objects": other_arrays(run__mse=np.array([{}], object)),
    "infinite": other_arrays(run__mse=np.full(FRAMES, np.inf, np.float16)),
    "a negative squared error": other_arrays(run__mse=np.full(FRAMES, -1, np.float16)),
    "an unknown run": other_arrays(nobody__mse=np.ones(FRAMES, np.float16)),
    "an empty array": other_arrays(run__mse=np.ones(0, np.float16)),
    "other results": lambda folder: np.savez(folder / "frames.npz", **{"run/mse": np.ones(FRAMES, np.float16)}),
    "a file elsewhere": name_a_file_elsewhere,
    "a seed in words": damaged_record(lambda record: record["runs"][0].update(seed="zero")),
    "one run twice": damaged_record(lambda record: record["runs"].append(record["runs"][0])),
    "one label twice": damaged_record(lambda record: record["runs"].append(record["runs"][0] | {"id": "another"})),
    "another family's name": damaged_record(lambda record: record.update(family="other")),
    "runs in a dictionary": damaged_record(lambda record: record.update(runs={"a": 1})),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_family_is_refused_in_one_line(tmp_path, damage):
    record, arrays = run("ours", mse=1.0)
    folder = store(tmp_path / "made-up", [(record | {"id": "run"}, arrays)])
    load_family(folder)
    damage(folder)
    with pytest.raises(InputError) as error:
        load_family(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


# ---- the claims ----


@pytest.fixture(scope="module")
def claims():
    return load_claims(CLAIMS)


TABLE_1 = """
        nearest neighbour  CycleGAN  pix2pix  ours
    ann              26.4      28.4     20.8  15.4
    ben              29.4      27.2     24.8  16.9
    chi              28.4      32.9     19.9  16.3
"""


def test_the_twelve_cells_of_table_1_are_there(claims):
    rows = [re.split(r"\s{2,}", line.strip()) for line in TABLE_1.strip("\n").splitlines()[:-1]]
    labels, *cells = rows
    for actor, nearest, *others in cells:
        found = {c.rule.get("a", c.rule.get("label")): c for c in claims if c.kind in ("absolute", "ratio") and c.where == "Table 1"
                 and c.rule["actors"] == [actor]}  # fmt: skip
        assert list(found) == labels
        assert found["nearest neighbour"].paper == (float(nearest),)
        for label, number in zip(labels[1:], others):
            assert found[label].rule["b"] == "nearest neighbour"
            assert found[label].paper == (float(number), float(nearest))


def test_the_orderings_of_table_1_agree_with_its_numbers(claims):
    rows = [c for c in claims if c.kind == "ordering"]
    assert len(rows) == 15 and all(c.paper[0] < c.paper[1] for c in rows)
    cyclegan_wins = [c.rule["actors"] for c in rows if (c.rule["a"], c.rule["b"]) == ("CycleGAN", "nearest neighbour")]
    assert cyclegan_wins == [["ben"]]


def test_sequences_and_comparisons_with_numbers_agree_with_their_direction(claims):
    for c in claims:
        if c.paper is not None and c.kind == "monotone":
            assert len(c.paper) == len(c.rule["labels"]) and list(c.paper) == sorted(c.paper, reverse=True)
        if c.paper is not None and len(c.paper) == 2 and c.kind in ("less", "greater"):
            assert (c.paper[0] < c.paper[1]) == (c.kind == "less")


def test_the_tolerances_come_from_the_spread_of_the_papers_own_actors(claims):
    cells = [c for c in claims if c.where == "Table 1" and c.kind == "ratio"]
    by_method = [[c.paper[0] / c.paper[1] for c in cells if c.rule["a"] == a] for a in ("CycleGAN", "pix2pix", "ours")]
    spread = max(max(ratios) / min(ratios) for ratios in by_method)
    assert all((c.rule["close"], c.rule["far"]) == (pytest.approx(spread, abs=0.01), 1.6) for c in cells)
    small = [c for c in claims if c.kind in ("ratio", "mean_ratio") and c not in cells]
    for c in small:
        effect = max(c.paper[0] / c.paper[1], c.paper[1] / c.paper[0])
        assert c.rule["close"] == pytest.approx(np.sqrt(effect), abs=0.01)


def test_every_claim_has_a_place_and_comes_out_as_not_attempted_without_results(claims):
    for c in claims:
        assert re.match(r"(Table|Fig\.|Sec\.) \d", c.where), c.id
        assert re.fullmatch(r"\d\d-[a-z0-9-]+", c.chapter), c.id
    assert set(judge(claims, {}).verdict) == {"not attempted"}


def test_no_evaluation_claim_rests_on_the_development_actor_alone(claims):
    for c in claims:
        assert set(c.rule.get("actors", ["ann"])) - {"dee"}, c.id


def test_the_papers_numbers_stand_in_its_text(claims):
    """PERFCLONE_PAPER names a text of the paper, which is not passed on with this project."""
    if "PERFCLONE_PAPER" not in os.environ:
        pytest.skip("PERFCLONE_PAPER names no text of the paper")
    text = Path(os.environ["PERFCLONE_PAPER"]).read_text("utf-8")
    for c in claims:
        for number in c.paper or ():
            assert re.search(rf"(?<![\d.]){number:g}(?!\d|\.\d)", text), f"{c.id}: {number}"


def change(path, **fields):
    def apply(entries):
        target = entries[0]["rule"] if path == "rule" else entries[0]
        for name, content in fields.items():
            target.pop(name) if content is None else target.update({name: content})

    return apply


@pytest.mark.parametrize(
    "damage, word",
    [
        (change("", where=None), "fields"),
        (change("", note="new"), "fields"),
        (change("", claim=" "), "no text"),
        (change("", paper="15.4"), "list of positive numbers"),
        (change("", paper=[float("nan"), 1]), "list of positive numbers"),
        (change("", paper=[10**400, 1]), "list of positive numbers"),
        (change("", paper=[15.4]), "needs are 2"),
        (change("", unit=3), "unit"),
        (change("rule", kind="looks good"), "kind is one of"),
        (change("rule", b=None), "parameters"),
        (change("rule", note="new"), "parameters"),
        (change("rule", actors="ann"), "actors can't be"),
        (change("rule", actors=["ann", "ben"]), "one actor"),
        (change("rule", close=0.9), "close can't be"),
        (change("rule", close=2), "close can't be more"),
        (lambda entries: entries.append(entries[0]), "two claims with the id"),
        (lambda entries: entries.append("a claim"), "fields"),
    ],
)
def test_a_ledger_that_breaks_its_schema_is_refused(tmp_path, damage, word):
    entries = [e for e in json.loads(CLAIMS.read_text("utf-8")) if e["rule"]["kind"] == "ratio"][:1]
    damage(entries)
    (tmp_path / "claims.json").write_text(json.dumps(entries))
    with pytest.raises(InputError, match=word):
        load_claims(tmp_path / "claims.json")


@pytest.mark.parametrize("text", [None, "", "{}", "[{]", "null"])
def test_a_ledger_that_is_no_list_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "claims.json").write_text(text)
    with pytest.raises(InputError, match="claims.json"):
        load_claims(tmp_path / "claims.json")
