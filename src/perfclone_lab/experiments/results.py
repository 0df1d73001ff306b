"""What chapters show of a family: this run's numbers and pictures, the stored reference's, and the paper's, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from perfclone.capture.archive import read_json
from perfclone.errors import InputError

from ..ledger.judging import SHARED, SQUARED, VERDICTS, Family, NotMeasured, judge, load_claims, load_family, load_references
from ..ledger.statistics import (
    BLOCK,
    Bootstrap,
    Interval,
    Measures,
    Statistic,
    TooFewMeasured,
    below,
    bootstrap,
    correlation,
    power_law,
    rank_moments,
    ratio,
    value,
)
from ..notebook import REFERENCE, Shown
from .cross_actor import DRIVER
from .families import JOINTS, Entry, Plan, as_family, run_family
from .spec import NEAREST, RunSpec
from .store import FILM, SAMPLES, Run, Store, read_film, read_samples, sample_indices

NOTHING = "–"
"""Stands in a table where there is no number."""


@dataclass(frozen=True)
class Row:
    """One number of a comparison.

    Attributes:
        name: of the row.
        paper: the paper's number or what it says, as text.
        label: of the runs.
        measure: of frames, such as `mse`, which is shown as its root.
        actors: over whom it is the mean.
        over: label of the runs by whose value it is divided; None divides by no other runs.
        split: see `RunSpec`.
        share: whether it is not the ratio to `over`, but the share of frames in which the value is less than that of `over`.
        per: measure by whose value it is divided, such as `true_warping`; None divides by no other measure.
    """

    name: str
    paper: str
    label: str
    measure: str
    actors: tuple[str, ...]
    over: str | None = None
    split: str = "chronological"
    share: bool = False
    per: str | None = None

    @property
    def divided(self) -> bool:
        """Whether it is a value divided by another."""
        return self.over is not None or self.per is not None


@dataclass(frozen=True)
class Files:
    """What can be shown of a run.

    Attributes:
        spec: what was run.
        provenance: what made it, see `store.Run.provenance`.
        videos: those that it was made from, name → sha256.
        pictures: its samples.webp.
        film: its film.mp4. A stored reference has some films only.
        log: its losses as CSV, if it was trained.
    """

    spec: RunSpec
    provenance: Mapping
    videos: Mapping[str, str]
    pictures: Path
    film: Path
    log: Path


@dataclass(frozen=True, eq=False)
class Results:
    """A family's results, from this run or stored.

    Attributes:
        family: its runs and the measures of their frames.
        files: run id → what can be shown of it.
    """

    family: Family
    files: Mapping[str, Files]

    def value(self, row: Row) -> Bootstrap:
        """The number of a row, resampled. NotMeasured if an actor has no such run."""
        wanted = [(row.label, row.measure), (row.over or row.label, row.per or row.measure)][: 1 + row.divided]
        methods = [self.family.measures(label, measure, row.actors, row.split) for label, measure in wanted]
        if row.share:
            return _resampled([below(*methods)], value)
        return _resampled(methods, ratio if row.divided else value, row.measure in SQUARED)

    def power_law(self, sizes: Mapping[str, int], measure: str, actors: tuple[str, ...]) -> tuple[Bootstrap, Bootstrap]:
        """b and c of `b · n^−c`, fitted to the values of runs with n training frames (Fig. 10; see `statistics.power_law`).

        Args:
            sizes: label of the runs → n.
            measure, actors: see `Row`.

        Returns:
            Both are resampled alike: equal places in their draws belong to one fit. NotMeasured if an actor has no such run.
        """
        methods = [self.family.measures(label, measure, actors, "chronological") for label in sizes]
        n, root = np.array(list(sizes.values())), measure in SQUARED
        b, c = (_resampled(methods, lambda values, k=k: power_law(n, values.mean(-1))[k], root) for k in (0, 1))
        return b, c

    def correlation(
        self,
        x: str,
        y: str,
        actors: tuple[str, ...],
        split: str = "chronological",
        label: str = "ours",
        over: str | None = None,
    ) -> Bootstrap:
        """Spearman's rank correlation of two measures of the same runs, the mean over actors.

        Args:
            x, y: measures.
            actors, split, label: see `Row`.
            over: another measure, whose correlation with y on the same frames is taken off; None takes off nothing.

        Returns:
            −1..1, or a difference of two such. NotMeasured if an actor has no such run, or its measures do not vary.
        """
        named = {name: self.family.measures(label, name, actors, split) for name in (x, y, over) if name}
        if any(not np.nanstd(run) > 0 for runs in named.values() for own in runs.values() for run in own.values()):
            raise NotMeasured(f"measures of {label!r} that do not vary are not correlated")
        if over is None:
            return _resampled(rank_moments(named[x], named[y]), correlation)
        moments = [*rank_moments(named[x], named[y]), *rank_moments(named[over], named[y])]
        return _resampled(moments, lambda values: correlation(values[:5]) - correlation(values[5:]))

    def seams(self, label: str, actors: tuple[str, ...]) -> Bootstrap:
        """By how much windows of N = 2 show: the flicker where two of them meet over that within them.

        A pair of frames is set beside the one before it, which is of the other kind, so that both are resampled together.
        1 where no seams show, whatever the motion. NotMeasured if an actor has no such run, or one with another N.
        """
        kinds = ("flicker_within", "flicker_between")
        within, between = (self.family.measures(label, kind, actors, "chronological") for kind in kinds)
        before = {actor: {seed: np.roll(run, -1) for seed, run in runs.items()} for actor, runs in between.items()}
        for actor, runs in within.items():
            if any(not np.isfinite(run + before[actor][seed]).any() for seed, run in runs.items()):
                raise NotMeasured(f"{label!r} on {actor} is not generated in windows of two")
        return _resampled([before, within], ratio)

    @property
    def actors(self) -> list[str]:
        """Who is in the family, in alphabetical order."""
        return sorted({run.actor for run in self.family.runs})

    def samples(self, label: str, actor: str, split: str = "chronological") -> np.ndarray:
        """(2, 8, size, size, 3) uint8, true and generated frames of eight moments, of the first seed. NotMeasured if there is none."""
        return read_samples(self._first(label, actor, split).pictures)

    def film(self, label: str, actor: str, frames: Sequence[int], split: str = "chronological") -> np.ndarray:
        """(2, K, size, size, 3) uint8, true and generated frames with these numbers, of the first seed, after compression.

        NotMeasured if there is no such run, InputError if its film is not there.
        """
        return read_film(self._first(label, actor, split).film, frames)

    def log(self, label: str, actor: str, split: str = "chronological") -> pd.DataFrame:
        """The losses of the first seed's training, a row each hundredth of it, by `step`. NotMeasured if there is no such run."""
        return pd.read_csv(self._first(label, actor, split).log, index_col="step")

    def spec(self, label: str, actor: str, split: str = "chronological") -> RunSpec:
        """What the first seed's run was asked for. NotMeasured if there is no such run."""
        return self._first(label, actor, split).spec

    def provenance(self, label: str, actor: str, split: str = "chronological") -> Mapping:
        """What made the first seed's run, see `store.Run.provenance`. NotMeasured if there is no such run."""
        return self._first(label, actor, split).provenance

    def _first(self, label: str, actor: str, split: str) -> Files:
        wanted = (label, actor, split)
        found = [run for run in self.family.runs if (run.label, run.actor, run.split) == wanted and run.id in self.files]
        if not found:
            raise NotMeasured(f"{label!r} on {actor} is not in the family {self.family.name}")
        return self.files[min(found, key=lambda run: run.seed or 0).id]


def find(name: str, profile: str, seed: int, data: Path, device: str = "auto") -> tuple[Results, Results | None]:
    """What a chapter shows of a family: this run's results, and the stored reference if there is one.

    Args:
        name: of `families.FAMILIES`.
        profile: one of `PROFILES`, at which whatever is missing is run now; or `reference`, at which nothing is trained and the
            stored reference is in both places.
        seed, device: of the trainings.
        data: the repository's `data` folder.

    Raises:
        InputError: as `run_family`, or the stored reference is damaged or, at `reference`, not there.
    """
    reference = stored(name, data)
    if profile != REFERENCE:
        plan = Plan(profile, (seed,))
        return this_run(name, plan, run_family(name, plan, Store(data), device)), reference
    if reference is None:
        raise InputError(f"there is no stored reference of {name} to show: take another profile, such as quick")
    return reference, reference


def this_run(name: str, plan: Plan, runs: Sequence[tuple[Entry, Run]]) -> Results:
    """The results of runs that were just made."""
    files = {run.id: _files(entry.spec, run) for entry, run in runs}
    return Results(as_family(name, plan, runs), files)


def _files(spec: RunSpec, run: Run) -> Files:
    return Files(spec, run.provenance, run.identity["videos"], run.folder / SAMPLES, run.folder / FILM, run.log)


def stored(name: str, data: Path) -> Results | None:
    """The stored reference of a family; None if there is none yet.

    Args:
        data: the repository's `data` folder.

    Raises:
        InputError: it is damaged.
    """
    folder = data / "reference" / name
    if not (folder / "record.json").is_file():
        return None
    family = load_family(folder)
    files = {}
    for run in read_json((folder / "record.json").read_bytes())["runs"]:
        if "spec" in run:
            kept = (folder.parent / SHARED / f"{run['id']}.{kind}" for kind in ("webp", "mp4", "csv"))
            files[run["id"]] = Files(RunSpec.from_dict(run["spec"]), run["provenance"], run["videos"], *kept)
    return Results(family, files)


def compare(rows: Sequence[Row], reference: Results | None, this: Results) -> pd.DataFrame:
    """The columns of every table: what the paper has, what the stored reference has, and what this run found.

    Returns:
        A row each, with texts in the columns `paper`, `reference` and `this run`: the number, in brackets the 95 % interval. At the
        profile `reference`, where this run is the reference, there is no third column.
    """
    found = {"reference": reference} | ({} if this is reference else {"this run": this})
    texts = {row.name: (row.paper, *(_text(one, row) for one in found.values())) for row in rows}
    table = pd.DataFrame.from_dict(texts, orient="index", columns=["paper", *found])
    return table.rename_axis("quantity")


def interval(results: Results | None, row: Row) -> Interval | None:
    """A row's number with the range that it is known to; None if the results are not there or do not have (enough of) it."""
    try:
        return None if results is None else results.value(row).interval()
    except (NotMeasured, TooFewMeasured):
        return None


def told(results: Results | None, row: Row) -> str:
    """Whether a ratio is less or more than 1, with its number and the 95 % interval; `NOTHING` where it can't be had."""
    found = interval(results, row)
    if found is None:
        return NOTHING
    word = "less" if found.high < 1 else "more" if found.low > 1 else "not to be told apart"
    return f"{word} ({found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}])"


def ranked(
    results: Results, x: str, y: str, actors: tuple[str, ...], split: str = "chronological", over: str | None = None
) -> str:
    """A correlation (`Results.correlation`) as text, in brackets the 95 % interval; `NOTHING` where it can't be had."""
    try:
        found = results.correlation(x, y, actors, split, over=over).interval()
    except (NotMeasured, TooFewMeasured):
        return NOTHING
    return f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"


def bars(intervals: Sequence[Interval]) -> tuple[np.ndarray, np.ndarray]:
    """Estimates, (K,), and how far below and above them the intervals end, (2, K): points and bars of `Axes.errorbar`."""
    low, middle, high = np.array([(one.low, one.estimate, one.high) for one in intervals]).T
    return middle, np.array([middle - low, high - middle])


def split_table(results: Results, drivers: Sequence[str]) -> pd.DataFrame:
    """Errors across actors, by the joints that drove the clones, and the nearest neighbour's beside them.

    Args:
        drivers: the dances, in the order of the rows.

    Returns:
        A row for each actor and driver, with texts in the columns `families.JOINTS` and `nearest neighbour`: the foreground
        RMSE, in brackets the 95 % interval.
    """
    labels = {joints: f"ours: {{}}, {joints}" for joints in JOINTS.values()}
    labels |= {NEAREST: f"{NEAREST}: {{}}, {JOINTS['extracted']}"}
    rows = {
        f"{actor} as {driver}": [
            _text(results, Row("", "", label.format(driver), "foreground_mse", (actor,), split="whole"))
            for label in labels.values()
        ]
        for actor in results.actors
        for driver in drivers
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(labels)).rename_axis("dance")


def middles(results: Results, actor: str, drivers: Sequence[str]) -> list[tuple[str, int, int]]:
    """Of each dance the middle one of those moments that the samples of a run across actors show.

    Args:
        drivers: the dances, in the order in which they were measured.

    Returns:
        Driver, which of the samples it is, and the number of the frame in the dance.
    """
    dance = next(iter(results.family.measures("ours", DRIVER, [actor], "whole")[actor].values()))
    kept = sample_indices(len(dance))
    found = []
    for number, driver in enumerate(drivers):
        own = np.flatnonzero(dance[kept] == number)
        sample = int(own[len(own) // 2])
        found.append((driver, sample, int(kept[sample] - np.argmax(dance == number))))
    return found


def ledger_rows(chapter: str, data: Path) -> pd.DataFrame:
    """What the claim ledger says of the claims that a chapter is about, judged on the stored references alone.

    Args:
        chapter: such as `08-self-reenactment`.
        data: the repository's `data` folder.

    Returns:
        A row a claim, by id, with the texts `claim`, `paper`, `reference`, `verdict`, `why`: see `ledger.judge`.

    Raises:
        InputError: no claim is of that chapter, or the claims or a reference are damaged.
    """
    claims = load_claims(data / "claims.json")
    own = [claim.id for claim in claims if claim.chapter == chapter]
    if not own:
        raise InputError(f"no claim in {data / 'claims.json'} is of the chapter {chapter}")
    table = judge(claims, load_references(data / "reference", claims))  # all of them, since Holm's correction counts them
    return table.loc[own, ["claim", "paper", "reference", "verdict", "why"]].rename_axis(None)


def ledger_overview(data: Path) -> pd.DataFrame:
    """The claim ledger at a glance: for each place in the paper, how many of its claims got which verdict.

    Args:
        data: the repository's `data` folder.

    Returns:
        A row for each place, in the ledger's order, by `where`; a column for each verdict that occurs, and `chapter`, as text.
    """
    claims = load_claims(data / "claims.json")
    table = judge(claims, load_references(data / "reference", claims))
    counts = pd.crosstab(table["where"], table["verdict"]).reindex(table["where"].unique())
    chapters = {claim.where: claim.chapter for claim in claims if (data.parent / "book" / f"{claim.chapter}.ipynb").is_file()}
    links = [f"{{doc}}`{chapters[where]}`" if where in chapters else "to come" for where in counts.index]
    present = [verdict for verdict in VERDICTS if verdict in counts]
    return counts[present].assign(chapter=links).rename_axis("in the paper")


def origin(results: Results | None) -> str:
    """In words, what the numbers of a column were made with."""
    if results is None:
        return "there is no stored reference yet"
    family = results.family
    seeds = {run.seed for run in family.runs} - {None}
    facts = [f"profile {family.profile}", family.device, f"{len(seeds)} seed" + "s" * (len(seeds) != 1)]
    shortest = min((len(run) for measures in family.frames.values() for run in measures.values()), default=0)
    if _block(shortest) < BLOCK:
        facts.append(
            f"intervals over blocks of {_block(shortest)} frames instead of {BLOCK}, since some videos are as short as that"
        )
    return ", ".join(facts) + (f"; no verdict: {family.no_verdict}" if family.no_verdict else "")


def sources(reference: Results | None, this: Results) -> Shown:
    """Where the numbers of a page come from, in a line for each column; and folded away, every run with what made it."""
    if this is reference:
        columns = {"Stored results, nothing was trained here": reference}
    else:
        columns = {"Reference": reference, "This run": this}
    line = " ".join(f"{name}: {origin(found)}." for name, found in columns.items())
    title = "What made these numbers: command, commit, seed, data, device"
    there = {name: found for name, found in columns.items() if found is not None}
    folded = "\n\n".join(f"**{name}**: {_made_from(found)}\n\n{_as_markdown(_records(found))}" for name, found in there.items())
    page = "".join(f"<p>{name}: {_made_from(found)}</p>{_records(found).to_html()}" for name, found in there.items())
    markdown = f"{line}\n\n::::{{dropdown}} {title}\n{folded}\n::::"
    return Shown(markdown, f"<p>{line}</p><details><summary>{title}</summary>{page}</details>")


def _made_from(results: Results) -> str:
    videos = {name: sha256 for files in results.files.values() for name, sha256 in files.videos.items()}
    listed = ", ".join(f"{name} {sha256[:12]}" for name, sha256 in sorted(videos.items()))
    return f"`{results.family.command}`. Videos, by the first digits of their sha256: {listed}."


def _records(results: Results) -> pd.DataFrame:
    rows = {run.id: run for run in results.family.runs}
    return pd.DataFrame([
        {
            "run": id,
            "label": rows[id].label,
            "actor": files.spec.actor,
            "unpaired": " ".join(files.spec.unpaired) or NOTHING,
            "split": files.spec.split,
            "seed": files.spec.seed if files.spec.trained else NOTHING,
            "steps": files.spec.settings.steps if files.spec.trained else NOTHING,
            "commit": files.provenance["commit"] or "unknown",
            "device": ", ".join(filter(None, map(files.provenance.get, ("device", "precision")))),
            "started (UTC)": files.provenance["started"][:16].replace("T", " "),
            "seconds": round(sum(files.provenance["seconds"].values())),
        }
        for id, files in results.files.items()
    ])  # fmt: skip


def _as_markdown(rows: pd.DataFrame) -> str:
    lines = [rows.columns, ["---"] * len(rows.columns), *rows.itertuples(index=False)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _resampled(methods: Sequence[Measures], statistic: Statistic, root: bool = False) -> Bootstrap:
    count = min(len(run) for method in methods for runs in method.values() for run in runs.values())
    return bootstrap(methods, statistic, root=root, block=_block(count))


def _block(frames: int) -> int:
    """How many frames are resampled together; fewer than usual where there are few, as in a smoke run, which has 50."""
    return max(1, min(BLOCK, frames // 4))


def _text(results: Results | None, row: Row) -> str:
    found = interval(results, row)
    if found is None:
        return NOTHING
    if row.share:
        return f"{found.estimate:.0%} [{found.low:.0%}, {found.high:.0%}]"
    digits = 2 if row.divided else 1 if row.measure in SQUARED else 3
    return f"{found.estimate:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
