"""The claim ledger: every claim of the paper in a row, and a verdict on it computed from stored results.

A row of `data/claims.json` names what the paper says, where, and the rule that judges it. `load_family` reads the results of a
family of trainings from `data/reference/`, and `judge` holds the rows against them. Nothing else makes a verdict: not a
run of today, which may be small, and nobody's eye.

The paper's videos are not public, so an absolute error can't agree or disagree with the paper's: ratios and orderings are judged,
on rendered actors. `ann`, `ben` and `chi` stand for the paper's three actors in this order; nothing else links them. The
table's "mean square error" reads like its root (A12), so that roots are taken of squared errors before they are divided.

What the rules ask for:

- `ratio`, of one method's error to another's on one actor, and `mean_ratio`, of their means over actors. Replicated: on the
  paper's side of 1, and within the factor `close` of the paper's ratio. Partly: on its side, and within `far`.
- `ordering`, of two methods' errors on one actor as a ratio; `less` and `greater`, of any measure's mean over actors as a
  difference; `monotone`, the errors of several trainings falling from each to the next; `rank_correlation` above zero.
  Replicated: the interval lies wholly on the claimed side, and `ALPHA` holds after Holm's correction over all such claims of the
  family. Partly: the estimate lies there. A sequence stands with its least certain step.
- `in_every_seed`, of a number of two runs' summaries on one actor, for what is measured on a few frames that no resampling makes
  more: the first less than the second. Replicated: in each of at least `SEEDS` trainings. Partly: on average.
- `absolute`: the number, beside the paper's. Never comparable.
- `timing`: not comparable unless measured on the paper's device; there, replicated within `close`, partly within `far`.

The tolerances stand in the rows, and were fixed before the trainings that they judge. `close` is 1.25 because the paper's
own actors lie that far apart under one method (CycleGAN, 0.93 and 1.16 of the nearest neighbour's error), and more agreement than among
them can't be asked of other actors. `far` is 1.6, twice that in logarithms. Where a claim is that a ratio differs from 1 by
little, in Fig. 10 and Sec. 5.2, `close` is the square root of the paper's ratio, so that at least half of the effect has to be there.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from perfclone.capture.archive import MAX_FRAMES, MAX_JSON_BYTES, damage, read_arrays, read_json
from perfclone.errors import InputError
from perfclone.video import content_hash

from ..versions import FIRST, outdated
from .statistics import (
    LEVEL,
    Bootstrap,
    Interval,
    Measures,
    TooFewMeasured,
    bootstrap,
    correlation,
    difference,
    holm,
    rank_moments,
    ratio,
    value,
)

REPLICATED, PARTLY, NOT = "replicated", "partly", "not"
NOT_COMPARABLE, NOT_ATTEMPTED = "not comparable", "not attempted"
VERDICTS = (REPLICATED, PARTLY, NOT, NOT_COMPARABLE, NOT_ATTEMPTED)
"""All verdicts, the most favourable to the paper first."""

ALPHA = (1 - LEVEL) / 2
"""Bound of a corrected one-sided p-value, the share that the interval leaves out on that side."""
SQUARED = {"mse": "RMSE", "foreground_mse": "foreground RMSE"}
"""Measures that are shown as roots of their means over frames, and what the root is called."""
SMALL_PROFILES = ("smoke", "quick")
"""Profiles whose results never carry a verdict."""
SEEDS = 3
"""Trainings that have to agree where nothing but trainings can be counted."""
ABOUT = ("profile", "device", "commit", "command")
"""What `record.json` says of a family in words."""
SHARED = "runs"
"""Folder beside the families' for the pictures, films and logs of runs, `<run id>.webp`, `.mp4`, `.csv`."""
MAX_ARRAY_BYTES = 200_000_000


# ---- the claims ----


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        id: unique.
        where: in the paper, such as `Table 1`.
        claim: in a short sentence.
        paper: the paper's numbers as printed, in the order of the rule's labels; None if it gives none.
        unit: of these numbers, in words; None without.
        family: of trainings that can tell.
        rule: `kind` and its parameters, see `RULES`.
        chapter: of the book, such as `08-self-reenactment`.
    """

    id: str
    where: str
    claim: str
    paper: tuple[float, ...] | None
    unit: str | None
    family: str
    rule: Mapping
    chapter: str

    @property
    def kind(self) -> str:
        """The rule's."""
        return self.rule["kind"]


RULES: Mapping[str, tuple[str, ...]] = {
    "ratio": ("measure", "a", "b", "actors", "split", "close", "far"),
    "mean_ratio": ("measure", "a", "b", "actors", "split", "close", "far"),
    "ordering": ("measure", "a", "b", "actors", "split"),
    "less": ("measure", "a", "b", "actors", "split"),
    "greater": ("measure", "a", "b", "actors", "split"),
    "monotone": ("measure", "labels", "actors", "split"),
    "rank_correlation": ("label", "x", "y", "actors", "split"),
    "in_every_seed": ("scalar", "a", "b", "actors", "split"),
    "absolute": ("label", "measure", "actors", "split"),
    "timing": ("label", "scalar", "device", "close", "far"),
}
"""Kind of rule → its parameters.

`a`, `b` and `label` are labels of runs; `labels` go from the largest value to the least; `measure`, `x` and `y` are measures of
frames as in `frames.npz`; `scalar` is a number of a run's summary; `actors` and `split` say on which runs.
"""
COMPARISONS = ("ordering", "less", "greater", "monotone", "rank_correlation")
"""Kinds of rules that take a test, which Holm's correction counts."""
_ONE_ACTOR = ("ratio", "ordering", "in_every_seed")
_NUMBERS = {"ratio": 2, "mean_ratio": 2, "absolute": 1, "timing": 1}
"""How many of the paper's numbers a rule can't do without."""


def load_claims(path: str | Path) -> list[Claim]:
    """Read `claims.json`.

    Raises:
        InputError: it is not a list of claims with exactly the fields of `Claim`, an id comes twice, or a rule is unknown or has
            other parameters than `RULES` says.
    """
    with damage(path, "it has to be a JSON list of claims"):
        entries = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(entries, list):
            raise ValueError("not a list")
    claims = [_claim(path, entry) for entry in entries]
    ids = [claim.id for claim in claims]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise InputError(f"{path} has two claims with the id {twice[0]!r}; give one of them another")
    return claims


def _claim(path: str | Path, entry: object) -> Claim:
    names = {field.name for field in fields(Claim)}
    if not isinstance(entry, dict) or set(entry) != names:
        shown = entry.get("id") if isinstance(entry, dict) else entry
        raise InputError(f"{path}: a claim needs the fields {', '.join(sorted(names))} and no others, unlike {shown!r}")
    where = f"{path}: claim {entry['id']!r}"
    for name in ("id", "where", "claim", "family", "chapter"):
        if not _is_text(entry[name]):
            raise InputError(f"{where} has no text as its {name}")
    paper, unit = entry["paper"], entry["unit"]
    if paper is not None and not (isinstance(paper, list) and paper and all(_is_number(x) and x > 0 for x in paper)):
        raise InputError(f"{where}: paper has to be a list of positive numbers, or null")
    if (paper is None) != (unit is None) or not (unit is None or _is_text(unit)):
        raise InputError(f"{where}: numbers need a unit in words, and without numbers the unit is null")
    claim = Claim(**entry | {"paper": None if paper is None else tuple(map(float, paper))})
    if trouble := _rule_trouble(claim):
        raise InputError(f"{where}: {trouble}")
    return claim


def _rule_trouble(claim: Claim) -> str | None:
    rule = claim.rule
    if not isinstance(rule, dict) or rule.get("kind") not in RULES:
        return f"its rule has to be an object whose kind is one of {', '.join(RULES)}"
    kind, parameters = rule["kind"], RULES[rule["kind"]]
    if set(rule) != {"kind", *parameters}:
        return f"a rule of kind {kind} has the parameters {', '.join(parameters)} and no others"
    if wrong := [name for name in parameters if not _CHECKS.get(name, _is_text)(rule[name])]:
        return f"{wrong[0]} can't be {rule[wrong[0]]!r}"
    if kind in _ONE_ACTOR and len(rule["actors"]) > 1:
        return f"a rule of kind {kind} is about one actor"
    if "close" in rule and rule["close"] > rule["far"]:
        return "close can't be more than far"
    if kind in _NUMBERS and len(claim.paper or ()) != _NUMBERS[kind]:
        return f"the paper's numbers that a rule of kind {kind} needs are {_NUMBERS[kind]}"
    return None


def _is_text(found: object) -> bool:
    return isinstance(found, str) and bool(found.strip())


def _is_number(found: object) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool) and -1e300 < found < 1e300


def _is_factor(found: object) -> bool:
    return _is_number(found) and found > 1


def _are_names(found: object) -> bool:
    return isinstance(found, list) and bool(found) and all(map(_is_text, found)) and len(set(found)) == len(found)


def _is_sequence(found: object) -> bool:
    return _are_names(found) and len(found) > 1


_CHECKS = {"actors": _are_names, "labels": _is_sequence, "close": _is_factor, "far": _is_factor}
"""What a rule's parameter has to be, if not a text."""


# ---- the references ----


class NotMeasured(LookupError):
    """A family does not have what a claim asks for."""


@dataclass(frozen=True)
class StoredRun:
    """A training of a stored family, or a method without one.

    Attributes:
        id: of the run, as in `frames.npz`.
        label: such as `ours`; the same for all actors and seeds of one kind of training.
        actor: name of the shipped video.
        seed: None for a method that is not trained.
        split: how the video was split into training and test part.
        summary: name → number.
    """

    id: str
    label: str
    actor: str
    seed: int | None
    split: str
    summary: Mapping


@dataclass(frozen=True, eq=False)
class Family:
    """A stored reference family.

    Attributes:
        name: such as `self-reenactment`.
        profile: what it was trained with.
        device: in words.
        commit: of the library that made it.
        command: that makes it again.
        outdated: in words, what of it was made by other versions than the present ones; None if nothing was.
        runs: all of them.
        frames: run id → measure → (T,) float32, rounded to half precision as they are stored; NaN where a frame was not measured.
    """

    name: str
    profile: str
    device: str
    commit: str
    command: str
    outdated: str | None
    runs: tuple[StoredRun, ...]
    frames: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def no_verdict(self) -> str | None:
        """Why no verdict may rest on this family; None if one may."""
        if self.outdated:
            return f"{self.outdated}, and is to be made anew"
        if self.profile.split(",")[0] in SMALL_PROFILES:
            return f"it was trained with the profile {self.profile}, which is too small to tell"
        return None

    def measures(self, label: str, measure: str, actors: Sequence[str], split: str) -> Measures:
        """One measure of the runs with a label, by actor and seed. NotMeasured if an actor has no such run."""
        found: dict[str, dict[int | None, np.ndarray]] = {actor: {} for actor in actors}
        for run in self.runs:
            if (run.label, run.split) == (label, split) and run.actor in found and measure in self.frames.get(run.id, {}):
                found[run.actor][run.seed] = self.frames[run.id][measure]
        if missing := [actor for actor, runs in found.items() if not runs]:
            raise NotMeasured(f"{measure} of {label!r} on {' and '.join(missing)} is not in the family {self.name}")
        return found

    def scalars(self, label: str, name: str) -> list[float]:
        """A number of the summary of all runs with a label. NotMeasured if none has it."""
        found = [run.summary[name] for run in self.runs if run.label == label and _is_number(run.summary.get(name))]
        if not found:
            raise NotMeasured(f"{name} of {label!r} is not in the family {self.name}")
        return found


def load_references(folder: str | Path, claims: Iterable[Claim]) -> dict[str, Family]:
    """Those families that the claims name and the folder holds, by name. InputError as `load_family`."""
    names = sorted({claim.family for claim in claims})
    return {name: load_family(Path(folder) / name) for name in names if (Path(folder) / name / "record.json").exists()}


def load_family(folder: str | Path) -> Family:
    """Read a stored family: `record.json` and the per-frame measures in `frames.npz`.

    Raises:
        InputError: something is missing, or is not what `record.json` says by its hash, or of another size, shape or type.
    """
    folder = Path(folder)
    with damage(f"the stored family {folder}", "fetch it again"):
        if (folder / "record.json").stat().st_size > MAX_JSON_BYTES:
            raise ValueError("record.json is too large")
        record = read_json((folder / "record.json").read_bytes())
        _check_files(folder, record["files"])
        runs = tuple(_stored_run(entry) for entry in record["runs"])
        if len({run.id for run in runs}) < len(runs):
            raise ValueError("two runs with one id")
        if len({(run.label, run.actor, run.seed, run.split) for run in runs}) < len(runs):
            raise InputError(f"{folder}: two runs have the same label, actor, seed and split; give them different labels")
        if record["family"] != folder.resolve().name or not all(_is_text(record[name]) for name in ABOUT):
            raise ValueError(f"family, {', '.join(ABOUT)}")
        frames = _read_frames(folder / "frames.npz", {run.id for run in runs}) if "frames.npz" in record["files"] else {}
    return Family(record["family"], *(record[name] for name in ABOUT), _outdated(record["runs"]), runs, frames)


def _outdated(entries: Sequence[Mapping]) -> str | None:
    made = [(str(entry["spec"]["method"]), entry.get("versions", FIRST)) for entry in entries if "spec" in entry]
    return next(filter(None, (outdated(method, versions) for method, versions in made)), None)


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, sha256 in files.items():
        if Path(name).name != name.removeprefix(f"../{SHARED}/"):
            raise ValueError(f"{name} is neither a file of this folder nor of {SHARED}")
        if content_hash(folder / name) != sha256:
            raise InputError(f"{folder / name} is not the file that record.json describes (another sha256); fetch it again")


def _stored_run(entry: Mapping) -> StoredRun:
    run = StoredRun(**{field.name: entry[field.name] for field in fields(StoredRun)})
    texts = all(map(_is_text, (run.id, run.label, run.actor, run.split)))
    if not texts or not (run.seed is None or type(run.seed) is int) or not isinstance(run.summary, dict):
        raise ValueError(f"run {run.id}")
    return run


def _read_frames(path: Path, ids: set[str]) -> dict[str, dict[str, np.ndarray]]:
    """Arrays named `<run id>/<measure>`; ValueError unless each is (T,) float16 of a known run, with no value out of range."""
    header = 128  # bytes that numpy writes before a short array's values
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    expected = {m.filename.removesuffix(".npy"): (((m.file_size - header) // 2,), "float16") for m in members}
    if len(expected) < len(members) or sum(m.file_size for m in members) > MAX_ARRAY_BYTES:
        raise ValueError("a name comes twice, or the arrays are too large")
    if any(not 0 < count <= MAX_FRAMES for (count,), _ in expected.values()):
        raise ValueError("an array is too short or too long")
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in read_arrays(path, expected).items():
        run, _, measure = name.rpartition("/")
        if run not in ids or np.isinf(array).any() or (measure in SQUARED and (array < 0).any()):
            raise ValueError(f"{name} belongs to no run, or has values out of range")
        found.setdefault(run, {})[measure] = array.astype(np.float32)
    return found


# ---- the verdicts ----


@dataclass(frozen=True)
class Verdict:
    """What became of a claim.

    Attributes:
        values: of the reference; empty if it has none.
        interval: of the value that decided; None if there is none.
        verdict: `replicated`, `partly`, `not`, `not comparable` or `not attempted`.
        why: in a sentence, from the numbers.
    """

    values: tuple[float, ...]
    interval: Interval | None
    verdict: str
    why: str


def judge(claims: Sequence[Claim], references: Mapping[str, Family]) -> pd.DataFrame:
    """The whole ledger.

    Holm's correction counts the claims that are given, so give all of them and choose rows afterwards.

    Returns:
        A row a claim, by id, with the texts `claim`, `where`, `paper`, `reference` (the value with its interval), `verdict`, `why`.

    Raises:
        InputError: runs that a claim compares were not measured on the same frames.
    """
    corrected = corrected_p_values(claims, references)
    rows = {}
    for claim in claims:
        found = verdict(claim, references.get(claim.family), corrected.get(claim.id))
        rows[claim.id] = (claim.claim, claim.where, _paper_text(claim), _text(found), found.verdict, found.why)
    columns = ["claim", "where", "paper", "reference", "verdict", "why"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("id")


def verdict(claim: Claim, family: Family | None, corrected_p: float | None = None) -> Verdict:
    """Judge one claim by its rule.

    Args:
        family: stored results; None if there are none.
        corrected_p: the claim's p-value after Holm's correction (`corrected_p_values`); None judges it as if it stood alone.
            Only comparisons have one.
    """
    if family is None:
        return Verdict((), None, NOT_ATTEMPTED, f"No results of the family {claim.family} are stored.")
    try:
        if claim.kind in COMPARISONS:
            found = _comparison(claim, family, corrected_p)
        else:
            others = {"absolute": _absolute, "timing": _timing, "in_every_seed": _in_every_seed}
            found = others.get(claim.kind, _ratio)(claim, family)
    except (NotMeasured, TooFewMeasured) as gap:
        return Verdict((), None, NOT_ATTEMPTED, _sentence(str(gap)))
    if family.no_verdict and claim.kind != "timing":  # which φ it was, and how long it learned, does not matter to a time
        return replace(found, verdict=NOT_COMPARABLE, why=f"No verdict rests on this family: {family.no_verdict}.")
    return found


def corrected_p_values(claims: Sequence[Claim], references: Mapping[str, Family]) -> dict[str, float]:
    """Claim id → p-value, corrected by Holm's method over all claims of its family that compare and were measured."""
    alone: dict[str, dict[str, float]] = {}
    for claim in claims:
        family = references.get(claim.family)
        if family is None or family.no_verdict or claim.kind not in COMPARISONS:
            continue
        try:
            tests = _TESTS[claim.kind](claim.rule, family)
        except (NotMeasured, TooFewMeasured):
            continue
        alone.setdefault(claim.family, {})[claim.id] = max(test.p_value for test in tests)
    return {name: float(p) for own in alone.values() for name, p in zip(own, holm(list(own.values())))}


# ---- ratios, numbers and times ----


def _measured(rule: Mapping, family: Family, *labels: str) -> list[Measures]:
    return [family.measures(label, rule["measure"], rule["actors"], rule["split"]) for label in labels]


def _ratio(claim: Claim, family: Family) -> Verdict:
    rule, (a, b) = claim.rule, claim.paper
    pair = _measured(rule, family, rule["a"], rule["b"])
    interval = bootstrap(pair, ratio, root=rule["measure"] in SQUARED).interval()
    decided, agreement = _agreement(interval.estimate, a / b, rule)
    if (interval.estimate < 1) != (a < b):
        decided, agreement = NOT, f"lies on the other side of 1 than the paper's {_number(a / b)}"
    what = f"The {_called(rule['measure'])} of {rule['a']} over that of {rule['b']}"
    why = f"{what}, {_range(interval)}, {agreement} ({_scope(rule, interval)})."
    return Verdict((interval.estimate,), interval, decided, why)


def _agreement(found: float, paper: float, rule: Mapping) -> tuple[str, str]:
    apart = max(found / paper, paper / found)
    if apart <= rule["close"]:
        return REPLICATED, f"is within a factor of {rule['close']} of the paper's {_number(paper)}"
    if apart <= rule["far"]:
        return PARTLY, f"is within a factor of {rule['far']}, but not of {rule['close']}, of the paper's {_number(paper)}"
    return NOT, f"differs by more than a factor of {rule['far']} from the paper's {_number(paper)}"


def _absolute(claim: Claim, family: Family) -> Verdict:
    rule = claim.rule
    measured = _measured(rule, family, rule["label"])
    interval = bootstrap(measured, value, root=rule["measure"] in SQUARED).interval()
    why = f"{_range(interval)} here and {_number(claim.paper[0])} in the paper: absolute numbers depend on the video."
    return Verdict((interval.estimate,), interval, NOT_COMPARABLE, why)


def _timing(claim: Claim, family: Family) -> Verdict:
    rule, (paper,) = claim.rule, claim.paper
    found = float(np.mean(family.scalars(rule["label"], rule["scalar"])))
    if rule["device"].lower() not in family.device.lower():
        why = f"{_number(found)} on {family.device} and {_number(paper)} on the paper's {rule['device']}: another device."
        return Verdict((found,), None, NOT_COMPARABLE, why)
    decided, agreement = _agreement(found, paper, rule)
    return Verdict((found,), None, decided, f"{_number(found)} on {family.device} {agreement}.")


def _in_every_seed(claim: Claim, family: Family) -> Verdict:
    rule = claim.rule
    a, b = (_by_seed(rule, family, rule[name]) for name in ("a", "b"))
    seeds = sorted(a.keys() & b.keys())
    if not seeds:
        raise NotMeasured(f"{rule['a']!r} and {rule['b']!r} have no seed in common in the family {family.name}")
    held = sum(a[seed] < b[seed] for seed in seeds)
    ratio = float(np.mean([a[seed] for seed in seeds]) / np.mean([b[seed] for seed in seeds]))
    decided = REPLICATED if held == len(seeds) >= SEEDS else PARTLY if ratio < 1 else NOT
    what = f"The {rule['scalar']} of {rule['a']} over that of {rule['b']} is {_number(ratio)}"
    why = f"{what}, and the first is the lesser in {held} of {len(seeds)} trainings (rendered actor {rule['actors'][0]})."
    return Verdict((ratio,), None, decided, why)


def _by_seed(rule: Mapping, family: Family, label: str) -> dict[int | None, float]:
    (actor,), name = rule["actors"], rule["scalar"]
    runs = [run for run in family.runs if (run.label, run.actor, run.split) == (label, actor, rule["split"])]
    found = {run.seed: run.summary[name] for run in runs if _is_number(run.summary.get(name))}
    if not found:
        raise NotMeasured(f"{name} of {label!r} on {actor} is not in the family {family.name}")
    return found


# ---- comparisons ----


@dataclass(frozen=True, eq=False)
class _Test:
    """Whether what was estimated lies on one side of a bound."""

    what: str
    found: Bootstrap
    side: Literal["below", "above"]
    bound: float

    @property
    def p_value(self) -> float:
        return self.found.p_value(self.side, self.bound)

    def beyond(self, number: float) -> bool:
        return number < self.bound if self.side == "below" else number > self.bound


def _ordered(rule: Mapping, family: Family) -> list[_Test]:
    pair = _measured(rule, family, rule["a"], rule["b"])
    what = f"The {_called(rule['measure'])} of {rule['a']} over that of {rule['b']}"
    return [_Test(what, bootstrap(pair, ratio, root=rule["measure"] in SQUARED), "below", 1)]


def _differ(rule: Mapping, family: Family) -> list[_Test]:
    pair = _measured(rule, family, rule["a"], rule["b"])
    what = f"The {_called(rule['measure'])} of {rule['a']} minus that of {rule['b']}"
    side = "below" if rule["kind"] == "less" else "above"
    return [_Test(what, bootstrap(pair, difference, root=rule["measure"] in SQUARED), side, 0)]


def _falling(rule: Mapping, family: Family) -> list[_Test]:
    steps = zip(rule["labels"][1:], rule["labels"])
    return [test for a, b in steps for test in _ordered({**rule, "a": a, "b": b}, family)]


def _correlated(rule: Mapping, family: Family) -> list[_Test]:
    x, y = (family.measures(rule["label"], rule[name], rule["actors"], rule["split"]) for name in ("x", "y"))
    what = f"The rank correlation of {rule['x']} and {rule['y']}"
    return [_Test(what, bootstrap(rank_moments(x, y), correlation), "above", 0)]


_TESTS = {
    "ordering": _ordered,
    "less": _differ,
    "greater": _differ,
    "monotone": _falling,
    "rank_correlation": _correlated,
}


def _comparison(claim: Claim, family: Family, corrected_p: float | None) -> Verdict:
    """All steps of a sequence have to hold, so that its p-value is the largest of theirs (an intersection-union test)."""
    rule = claim.rule
    tests = _TESTS[claim.kind](rule, family)
    weakest = max(tests, key=lambda test: test.p_value)
    p = weakest.p_value if corrected_p is None else corrected_p
    shown = f"p = {_number(p)}" + (" after Holm's correction" if corrected_p is not None else "")
    side = f"{weakest.side} {weakest.bound:g}"
    if p <= ALPHA:  # then so few draws are on the other side that the interval is wholly on this one
        decided, how = REPLICATED, f"lies wholly {side}, {shown}"
    elif all(test.beyond(test.found.estimate) for test in tests):
        decided, how = PARTLY, f"is {side}, but chance is not ruled out, {shown}"
    else:
        decided, how = NOT, f"is not {side}"
    interval = weakest.found.interval()
    why = f"{weakest.what}, {_range(interval)}, {how} ({_scope(rule, interval)})."
    values = _sequence(rule, family) if claim.kind == "monotone" else (interval.estimate,)
    return Verdict(values, interval, decided, why)


def _sequence(rule: Mapping, family: Family) -> tuple[float, ...]:
    root = rule["measure"] in SQUARED
    return tuple(bootstrap([own], value, root=root).estimate for own in _measured(rule, family, *rule["labels"]))


# ---- in words ----


def _called(measure: str) -> str:
    return SQUARED.get(measure, measure)


def _number(number: float) -> str:
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"


def _range(interval: Interval) -> str:
    return f"{_number(interval.estimate)} [{_number(interval.low)}, {_number(interval.high)}]"


def _scope(rule: Mapping, interval: Interval) -> str:
    *first, last = rule["actors"]
    actors = f"actors {', '.join(first)} and {last}" if first else f"actor {last}"
    seeds = f"{interval.seeds} seeds" if interval.seeds > 1 else "one seed, so the interval does not cover training again"
    return f"rendered {actors}, {seeds}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _text(found: Verdict) -> str:
    if len(found.values) == 1 and found.interval is not None:
        return _range(found.interval)
    return " → ".join(map(_number, found.values)) or "–"


def _paper_text(claim: Claim) -> str:
    if claim.paper is None:
        return "–"
    numbers = [f"{number:g}" for number in claim.paper]
    if claim.kind in ("ratio", "mean_ratio"):
        return f"{' / '.join(numbers)} = {_number(claim.paper[0] / claim.paper[1])}"
    joint = {"ordering": " < ", "less": " < ", "greater": " > "}.get(claim.kind, " → ")
    return f"{joint.join(numbers)} {claim.unit}"
