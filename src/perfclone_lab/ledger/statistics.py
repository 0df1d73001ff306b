"""How sure a number is: a bootstrap over actors, trainings and stretches of video, and Holm's correction for many claims.

Per-frame errors of one video resemble their neighbours', those of one actor resemble each other, and so do those of one
training. Frames drawn one by one as if they were independent would give intervals far too narrow. What is drawn here with
replacement is therefore whole actors, within each of them whole trainings, and from its video contiguous blocks of frames
(the circular block bootstrap of Politis and Romano 1992). Methods that are compared see the same frames, so they get the
same blocks; trainings with the same seeds get the same draw of seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from perfclone.errors import InputError

BLOCK = 60
"""Frames that stay together in a draw, two seconds at 30 frames a second."""
DRAWS = 2_000
LEVEL = 0.95

Measures = Mapping[str, Mapping[int | None, np.ndarray]]
"""One measure of one method, by actor and seed, (T,) floats each and NaN where a frame was not measured.

A method that is not trained, such as the nearest neighbour, has the one seed None.
"""
Statistic = Callable[[np.ndarray], np.ndarray]
"""What is estimated from (methods, ..., actors) values, such as `ratio`."""


def value(values: np.ndarray) -> np.ndarray:
    """The first method's mean over actors: (methods, ..., actors) → (...)."""
    return values[0].mean(-1)


def ratio(values: np.ndarray) -> np.ndarray:
    """The first method's mean over actors divided by the second's: (2, ..., actors) → (...)."""
    return values[0].mean(-1) / values[1].mean(-1)


def difference(values: np.ndarray) -> np.ndarray:
    """The first method's mean over actors minus the second's: (2, ..., actors) → (...)."""
    return values[0].mean(-1) - values[1].mean(-1)


def correlation(values: np.ndarray) -> np.ndarray:
    """The mean over actors of a correlation, from the five moments of `rank_moments`: (5, ..., actors) → (...), −1..1."""
    x, y, xx, yy, xy = values
    return ((xy - x * y) / np.sqrt((xx - x**2) * (yy - y**2))).mean(-1)


def below(x: Measures, y: Measures) -> Measures:
    """Frame by frame 1 where one method's measure is less than another's, 0 where not, NaN where either was not measured.

    Its mean is the share of frames that the first method wins, if less is better. Trainings meet those of the same seed, and
    a method that is not trained meets all.
    """
    return {
        actor: {seed: _below(_of(runs, seed), _of(y[actor], seed)) for seed in (runs if None in y[actor] else y[actor])}
        for actor, runs in x.items()
    }


def _of(runs: Mapping[int | None, np.ndarray], seed: int | None) -> np.ndarray:
    return runs[None] if None in runs else runs[seed]


def _below(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite([x, y]).all(0), x < y, np.nan)


def power_law(sizes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit `values ≈ b · sizes^−c`, by least squares of the logarithms.

    There is no floor that the values approach: a handful of sizes can't tell it from the other two parameters. So the fit
    describes the range of the sizes and nothing beyond it.

    Args:
        sizes: (S,) positive numbers, of which two at least differ.
        values: (S, ...) positive floats.

    Returns:
        b and c, (...) float64 each. c is above 0 where the values fall.
    """
    x, y = np.log(sizes), np.log(values)
    slope = np.tensordot(x - x.mean(), y, 1) / ((x - x.mean()) ** 2).sum()
    return np.exp(y.mean(0) - slope * x.mean()), -slope


def rank_moments(x: Measures, y: Measures) -> list[Measures]:
    """What Spearman's rank correlation of two measures of the same runs is made of, frame by frame, for `bootstrap`.

    Ranks are taken once, over all frames that both have measured, and not anew in each draw.

    Returns:
        Standardised ranks u of x and v of y, then u², v² and u·v.
    """
    return [
        {actor: {seed: moment(*_ranks(run, y[actor][seed])) for seed, run in runs.items()} for actor, runs in x.items()}
        for moment in (lambda u, v: u, lambda u, v: v, lambda u, v: u * u, lambda u, v: v * v, lambda u, v: u * v)
    ]


def _ranks(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    ranks = rankdata(np.where(np.isfinite([x, y]).all(0), [x, y], np.nan), axis=1, nan_policy="omit")
    return (ranks - np.nanmean(ranks, 1, keepdims=True)) / np.nanstd(ranks, 1, keepdims=True)


class TooFewMeasured(InputError):
    """So few frames of an actor have what is compared that nothing can be said about how sure it is."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the range that it is known to, by percentiles of the bootstrap.

    With few trainings or actors it is too narrow, because no draw leaves the range of what was seen: three trainings have the
    median training between them only three times in four. `seeds` and `actors` are there to be shown with it.

    Attributes:
        estimate: from all the data, as they are.
        low: the lower end.
        high: the upper end.
        level: the share of repetitions that such an interval is meant to hold the truth in, 0..1.
        seeds: trainings of each actor, of the method that has the fewest; with 1 the interval covers frames (and actors) only.
        actors: with 1 the interval says nothing about other actors.
        frames: measured frames, over all actors.
    """

    estimate: float
    low: float
    high: float
    level: float
    seeds: int
    actors: int
    frames: int


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What `bootstrap` gives.

    Attributes:
        estimate: from all the data, as they are.
        draws: (D,) float64, the same from each draw.
        seeds: see `Interval`.
        actors: see `Interval`.
        frames: see `Interval`.
    """

    estimate: float
    draws: np.ndarray
    seeds: int
    actors: int
    frames: int

    def interval(self, level: float = LEVEL) -> Interval:
        """The range between the percentiles that leave out half of 1 − `level` on either side."""
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2])
        return Interval(self.estimate, float(low), float(high), level, self.seeds, self.actors, self.frames)

    def p_value(self, side: Literal["below", "above"], bound: float) -> float:
        """One-sided p-value of the claim that what is estimated lies on one side of `bound`: the share of draws that do not.

        One is added to both counts (Davison and Hinkley 1997), so that it is never zero.
        """
        holds = self.draws < bound if side == "below" else self.draws > bound
        return float(((~holds).sum() + 1) / (len(holds) + 1))


def bootstrap(
    methods: Sequence[Measures],
    statistic: Statistic,
    *,
    root: bool = False,
    block: int = BLOCK,
    draws: int = DRAWS,
    seed: int = 0,
) -> Bootstrap:
    """Resample actors, seeds within actors, and blocks of frames, and look how a statistic varies.

    A run's value is the mean over frames, an actor's value the mean over its seeds' values.

    Args:
        methods: all with the same actors and frames. A frame counts if every run of the actor has measured it.
        statistic: of the actors' values.
        root: whether a run's value is the root of the mean over frames: a root mean square error from squared errors.
        block: frames that stay together.
        draws: how many.
        seed: of the draws, not of a training.

    Raises:
        InputError: the methods have different actors or frames, or (`TooFewMeasured`) too few frames were measured.
    """
    actors = [_Actor.of(name, methods, block) for name in _shared_actors(methods)]
    rng = np.random.default_rng(seed)
    values = np.empty((len(methods), draws, len(actors)))
    for slot in range(len(actors)):
        drawn = rng.integers(len(actors), size=draws)
        for index, actor in enumerate(actors):
            here = np.flatnonzero(drawn == index)
            values[:, here, slot] = actor.resampled(len(here), block, root, rng)
    return Bootstrap(
        estimate=float(statistic(np.stack([actor.observed(root) for actor in actors], -1))),
        draws=statistic(values),
        seeds=min(actor.trainings for actor in actors),
        actors=len(actors),
        frames=int(sum(actor.rows[-1].sum() for actor in actors)),
    )


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's (1979) step-down correction: (M,) p-values of M claims → (M,) adjusted ones, 0..1, in the order given.

    Taking the claims whose adjusted p-value is at most α keeps the chance of even one false one among them below α.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def _shared_actors(methods: Sequence[Measures]) -> list[str]:
    actors = sorted(methods[0])
    if not actors or any(sorted(method) != actors for method in methods):
        raise InputError(f"methods can be compared on the same actors only, and these have {[sorted(m) for m in methods]}")
    return actors


@dataclass(frozen=True, eq=False)
class _Actor:
    """One actor's runs.

    Attributes:
        seeds: of each method.
        rows: (R + 1, T), the runs of the first method, then of the second, …; zero where a frame does not count; and in the
            last row 1 where it does.
    """

    seeds: tuple[tuple[int | None, ...], ...]
    rows: np.ndarray

    @classmethod
    def of(cls, name: str, methods: Sequence[Measures], block: int) -> _Actor:
        seeds = tuple(tuple(sorted(method[name], key=str)) for method in methods)
        runs = [np.asarray(method[name][seed], float) for method, own in zip(methods, seeds) for seed in own]
        if len({run.shape for run in runs}) != 1:
            raise InputError(f"the runs of {name} have different numbers of frames: they were not measured on the same ones")
        if runs[0].size < 2 * block:
            raise InputError(f"{name} has {runs[0].size} frames: at least two blocks of {block} are needed to resample them")
        counts = np.isfinite(runs).all(0)
        if not counts.any():
            raise TooFewMeasured(f"no frame of {name} was measured in all runs that are compared")
        return cls(seeds, np.where(counts, np.vstack([runs, counts]), 0))

    @property
    def trainings(self) -> int:
        return min((len(seeds) for seeds in self.seeds if seeds != (None,)), default=1)

    def observed(self, root: bool) -> np.ndarray:
        """(methods,) values, from the frames and seeds as they are."""
        runs = self._runs(self.rows.sum(1, keepdims=True), root)
        return np.array([group.mean() for group in self._by_method(runs)])

    def resampled(self, draws: int, block: int, root: bool, rng: np.random.Generator) -> np.ndarray:
        """(methods, draws) values."""
        frames = self.rows.shape[1]
        starts = rng.integers(frames, size=(draws, round(frames / block)))
        sums = np.cumsum(np.pad(np.hstack([self.rows, self.rows[:, :block]]), ((0, 0), (1, 0))), axis=1)
        runs = self._runs((sums[:, starts + block] - sums[:, starts]).sum(-1), root)
        picked = {own: rng.integers(len(own), size=(len(own), draws)) for own in dict.fromkeys(self.seeds)}
        groups = zip(self._by_method(runs), self.seeds)
        return np.stack([np.take_along_axis(group, picked[own], 0).mean(0) for group, own in groups])

    def _runs(self, sums: np.ndarray, root: bool) -> np.ndarray:
        if (sums[-1] == 0).any():
            raise TooFewMeasured("a measure has so few measured frames that a draw can miss all of them")
        means = sums[:-1] / sums[-1]
        return np.sqrt(means) if root else means

    def _by_method(self, runs: np.ndarray) -> list[np.ndarray]:
        return np.split(runs, np.cumsum([len(own) for own in self.seeds])[:-1])
