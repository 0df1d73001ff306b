"""`RunSpec`: one training of an experiment, as a value. What it names, which frames train and which test, and its hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from perfclone import video
from perfclone.capture import Performance, capture
from perfclone.errors import InputError
from perfclone.training import TrainSettings, split
from perfclone.training.methods import PAPER
from perfclone.training.settings import find_profile, stored_settings
from perfclone.training.split import draw_frames

from ..baselines import cyclegan_settings, load_crowd, pg2, pg2_settings, pix2pix_settings
from ..datasets import DATASETS
from ..datasets.crowd import PEOPLE, Crowd
from ..datasets.dataset import crowd_size
from ..datasets.truth import truth_path
from ..versions import OLD_NAMES, current_versions
from .advice import ADVISED, advised_split
from .evaluation import CONTROLS

BASELINES: Mapping[str, Callable[[TrainSettings], TrainSettings]] = {"pix2pix": pix2pix_settings, "CycleGAN": cyclegan_settings}
"""Methods that the paper compares with, and which settings they have at a budget."""
PG2 = (pg2.METHOD, pg2.FINE_TUNED)
"""The method of Fig. 8, trained on a crowd alone, and going on with the training part. Among the unpaired videos of a spec stands the
crowd's name, such as `crowd-60` for its first 60 people."""
TRAINED = (PAPER, *BASELINES, *PG2)
"""Methods that learn from the training part."""
METHODS = (*TRAINED, *CONTROLS)
"""All methods. Those that are not trained take of the settings only the size."""
NEAREST = "nearest neighbour"
"""The one method that is not trained and has a frame for any pose, so that others can drive it."""
SPLITS = ("chronological", "thirds", "whole", *ADVISED)
"""The two of `training.split`, and `whole`, which trains on all of the video and has no test part. A run with this one is measured
against the truth of cloning across actors (`cross_actor`), for each of `RunSpec.others` in whose motion the actor was rendered too.
Those of `advice` train on an opening and 20 seconds more, and test as `chronological` does."""
OWN, TEST = "self", "test"
"""Special names among the unpaired videos, the training part itself and the poses of the test part (A18)."""
FORMAT = 1
"""Raised whenever runs are stored in another way."""


@dataclass(frozen=True)
class Material:
    """The performances that a spec names.

    Attributes:
        train: parts of the actor's video that train.
        test: parts of it that test; none where the split is `whole`.
        unpaired: whose poses and flow feed the unpaired branch.
    """

    train: list[Performance]
    test: list[Performance]
    unpaired: list[Performance]


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One training: all that its result depends on but the videos' content, the library's versions.

    Raises:
        InputError: a field is impossible.
    """

    method: str = PAPER
    """One of `METHODS`."""
    dataset: str = "rendered"
    """Which of `datasets.DATASETS` the videos belong to."""
    actor: str
    """Name of a video, such as `ann`."""
    unpaired: tuple[str, ...] = ()
    """Names of shipped videos of others, or `self` or `test`; the videos' poses and flow feed the unpaired branch. With the split
    `whole`, the others are the drivers too. A method without an unpaired branch takes them for nothing else, but for CycleGAN,
    which then translates from their frames (Fig. 7) and not from drawings of poses. That of PG² names a crowd too, see `PG2`."""
    split: str = "chronological"
    """One of `SPLITS`; which part of the actor's video trains, and which tests (A16)."""
    frames: int | None = None
    """How many frames of the training part are used, see `draw_frames`; None takes all (Fig. 10)."""
    settings: TrainSettings
    profile: str
    """Name of the budget. It says how much of each video is used; the settings are free to differ from its own."""
    seed: int = 0
    """Of the weights and the batches, 0 to 2³¹ − 1."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"unknown method {self.method!r}: choose one of {', '.join(METHODS)}")
        if self.split not in SPLITS:
            raise InputError(f"unknown split {self.split!r}: choose one of {', '.join(SPLITS)}")
        if unfit := [name for name in (self.actor, *self.unpaired) if not re.fullmatch(r"[a-z0-9-]+", name)]:
            raise InputError(f"{unfit[0]!r} is not the name of a shipped video: give one such as ann")
        if self.actor in self.unpaired:
            raise InputError(f"the whole of {self.actor} holds the test part: name {OWN} for the training part's poses (A18)")
        if len(set(self.unpaired)) < len(self.unpaired):
            raise InputError("an unpaired video is named twice: name each once")
        if self.split == "whole" and TEST in self.unpaired:
            raise InputError(f"the split whole has no {TEST} part: choose another split, or name other videos")
        driven = self.split == "whole" and self.others and self.others == list(self.unpaired)
        if not self.trained and not (driven and self.method == NEAREST) and (self.split == "whole" or self.unpaired):
            raise InputError(f"{self.method} is not trained: leave out unpaired, and take a split with a test part")
        if not self.trained and self.frames is not None:
            raise InputError(f"{self.method} is not trained: leave out frames")
        if self.method in BASELINES and self.unpaired and not driven:
            raise InputError(f"{self.method} has no unpaired branch: leave out unpaired, or name drivers with the split whole")
        if self.method in BASELINES and self.settings != BASELINES[self.method](self.settings):
            raise InputError(
                f"these are not the settings of {self.method}: give what baselines.{self.method.lower()}_settings makes of them"
            )
        DATASETS.find(self.dataset)
        self._check_crowd()
        if self.frames is not None and self.frames < 1:
            raise InputError(f"frames is {self.frames}: give at least 1")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed is {self.seed}: give a number from 0 to 2³¹ − 1")
        find_profile(self.profile)

    def _check_crowd(self) -> None:
        """InputError unless PG² has a crowd and its own settings, and other methods have no crowd."""
        if self.method not in PG2:
            if any(map(crowd_size, self.unpaired)):
                raise InputError(f"{self.method} does not learn from a crowd: leave it out of unpaired")
            return
        sizes, drivers = list(filter(None, map(crowd_size, self.unpaired))), self.others if self.split == "whole" else []
        if len(sizes) != 1 or sizes[0] > PEOPLE or len(sizes) + len(drivers) < len(self.unpaired):
            raise InputError(
                f"{self.method} learns from a crowd: give one of crowd-1 to crowd-{PEOPLE} as unpaired, and with the split whole drivers"
            )
        if self.settings != pg2_settings(self.settings):
            raise InputError("these are not the settings of PG2: give what baselines.pg2_settings makes of them")

    @property
    def others(self) -> list[str]:
        """The unpaired videos of other performers."""
        return [name for name in self.unpaired if name not in (OWN, TEST) and not crowd_size(name)]

    @property
    def sources(self) -> list[str]:
        """Names of all that is learned from or measured with, for `path`."""
        return [self.actor, *(name for name in self.unpaired if name not in (OWN, TEST))]

    def crowd(self, data: Path) -> Crowd:
        """The people that PG² learns from. InputError if the crowd is missing or damaged."""
        (size,) = filter(None, map(crowd_size, self.unpaired))
        return load_crowd(self.path(f"crowd-{size}", data).parent).first(size)

    def path(self, name: str, data: Path) -> Path:
        """Where a video of the data set lies. InputError if it has none of that name."""
        return DATASETS.find(self.dataset).path(name, data)

    @property
    def trained(self) -> bool:
        """Whether the method learns."""
        return self.method in TRAINED

    def as_dict(self) -> dict:
        """The spec as JSON takes it. Equal specs give equal JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"unpaired": list(self.unpaired), "settings": _typed(_plain(asdict(self.settings)), _SETTINGS)}

    @classmethod
    def from_dict(cls, found: dict) -> RunSpec:
        """The spec that `as_dict` gave. A setting that it does not name has its default, since it may be younger than the spec.

        Raises:
            InputError: a field is missing, unknown, of another type or impossible.
        """
        try:
            values = _typed({"dataset": "rendered"} | found | {"method": OLD_NAMES.get(found.get("method"), found.get("method"))}, _FIELDS)
            defaults = _plain(asdict(TrainSettings()))
            settings = stored_settings(_typed(defaults | values["settings"], _SETTINGS))
            return cls(**values | {"settings": settings, "unpaired": tuple(values["unpaired"])})
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"this is not the spec of a run: {error}") from error

    def identity(self, data: Path) -> dict:
        """All that the result depends on but the machine, as JSON takes it.

        Args:
            data: the repository's `data` folder.

        Raises:
            InputError: a video is missing.
        """
        truth = self.truth_files(data)
        return {
            "format": FORMAT,
            "spec": self.as_dict(),
            "versions": current_versions(self.method),
            "videos": {name: video.content_hash(self.path(name, data)) for name in self.sources},
        } | ({"truth": {name: video.content_hash(data / name) for name in truth}} if truth else {})

    def content_hash(self, data: Path) -> str:
        """sha256 of the `identity`, in hexadecimal. It names the run."""
        return identity_hash(self.identity(data))

    def clips(self, data: Path) -> dict[str, Path]:
        """Driver → the film of the actor's own body in this driver's motion, for all that there are; none with a test part."""
        drivers = self.others if self.split == "whole" else []
        paths = {name: DATASETS.find(self.dataset).clip(self.actor, name, data) for name in drivers}
        return {name: path for name, path in paths.items() if path}

    def truth_files(self, data: Path) -> list[str]:
        """All that a run is measured against across actors, relative to `data`: the `clips` and the true joints."""
        clips = self.clips(data)
        films = [*clips.values(), *(self.path(name, data) for name in [*clips, *([self.actor] if clips else [])])]
        return [path.relative_to(data).as_posix() for path in [*clips.values(), *map(truth_path, films)]]

    def material(self, data: Path) -> Material:
        """Capture the videos and cut them as the spec says.

        Raises:
            InputError: a video is missing, or has fewer frames to train on than `frames`.
        """
        cut = find_profile(self.profile).max_frames
        whole = capture(self.path(self.actor, data), max_frames=cut)
        train, test = self._ranges(whole)
        if self.frames is not None:
            train = draw_frames(train, self.frames)
        parts = {OWN: [whole[part] for part in train], TEST: [whole[part] for part in test]}
        parts |= {name: [capture(self.path(name, data), max_frames=cut)] for name in self.others}
        return Material(parts[OWN], parts[TEST], [part for name in self.unpaired if name in parts for part in parts[name]])

    def _ranges(self, whole: Performance) -> tuple[list[slice], list[slice]]:
        if self.split == "whole":
            return [slice(0, len(whole))], []
        return advised_split(self.split, whole.poses.joints) if self.split in ADVISED else split(len(whole), self.split)


_FIELDS = {
    "method": (str,), "dataset": (str,), "actor": (str,), "unpaired": (list,), "split": (str,), "frames": (int, type(None)),
    "settings": (dict,), "profile": (str,), "seed": (int,),
}  # fmt: skip
_SETTINGS = {field.name: (list if field.name == "discriminators" else type(field.default),) for field in fields(TrainSettings)}


def _plain(settings: dict) -> dict:
    """As JSON takes them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _typed(found: dict, kinds: dict[str, tuple[type, ...]]) -> dict:
    """The same values, a float's written as one. InputError unless there are just these names, of these types."""
    if odd := sorted(found.keys() ^ kinds.keys()):
        raise InputError(f"{', '.join(odd)} missing or unknown")
    values = {}
    for name, allowed in kinds.items():
        value = float(found[name]) if allowed == (float,) and type(found[name]) is int else found[name]
        if type(value) not in allowed:
            raise InputError(f"{name} is {value!r} and should be of type {allowed[0].__name__}")
        values[name] = value
    return values


def identity_hash(identity: dict) -> str:
    """sha256 of an identity's JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
