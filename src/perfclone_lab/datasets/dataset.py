"""A data set, described by data: a JSON file names its videos, what part each plays, and their hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfclone.capture import archive
from perfclone.errors import InputError
from perfclone.registry import Registry

DATASETS: Registry[Dataset] = Registry("data set", "perfclone.datasets")
"""`RunSpec.dataset` names the one that a run is made on. `rendered` is the one that this repository ships."""
SAFE = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_./-]*")
"""What a file may be called, relative to the data set's folder."""


@dataclass(frozen=True)
class Video:
    """One video of a data set.

    Attributes:
        file: relative to the data set's folder.
        sha256: of the file.
        frames: how many it has.
        roles: such as `target`, `evaluation`, `development`, `driver`, `kit`.
    """

    file: str
    sha256: str
    frames: int
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Videos with their parts in the experiments.

    Attributes:
        name: in the registry.
        videos: by name.
        clips: (actor, driver) → the film of the actor's own body in the driver's motion, the truth of cloning.
        crowd: the index of a crowd, whose hash stands for all its pictures; None if there is none.
        folder: where the files lie; None for the repository's `data`.
    """

    name: str
    videos: Mapping[str, Video]
    clips: Mapping[tuple[str, str], Video]
    crowd: str | None = None
    folder: Path | None = None

    def path(self, name: str, data: Path) -> Path:
        """Where the video of that name lies, or for a crowd's name, such as `crowd-60`, its index. InputError if there is none."""
        if crowd_size(name) and self.crowd:
            return self._root(data) / self.crowd
        if name not in self.videos:
            raise InputError(f"the data set {self.name} has no video {name!r}: choose of {', '.join(self.videos)}")
        return self._root(data) / self.videos[name].file

    def clip(self, actor: str, driver: str, data: Path) -> Path | None:
        """Where the film of an actor in a driver's motion lies; None if there is none."""
        found = self.clips.get((actor, driver))
        path = found and self._root(data) / found.file
        return path if path and path.exists() else None

    def with_role(self, role: str) -> tuple[str, ...]:
        """The names of the videos that play that part, in the order of the file."""
        return tuple(name for name, video in self.videos.items() if role in video.roles)

    def _root(self, data: Path) -> Path:
        return self.folder or data


def read_dataset(path: str | Path, folder: Path | None = None) -> Dataset:
    """Read a description: `name`, `videos`, `clips` and `crowd`, as `rendered.json` has them.

    Args:
        path: of the JSON file.
        folder: where the files lie; by default the repository's `data`.

    Raises:
        InputError: it is missing, or is not such a file.
    """
    with archive.damage(f"the data set {path}", "compare it with perfclone_lab/datasets/rendered.json"):
        found = archive.read_json(Path(path).read_bytes())
        videos = {name: _video(entry) for name, entry in found["videos"].items()}
        clips = {(entry["actor"], entry["driver"]): _video(entry) for entry in found.get("clips", [])}
        if not all(re.fullmatch(r"[a-z0-9-]+", name) for name in videos):
            raise ValueError("names are of small letters, digits and hyphens")
        return Dataset(str(found["name"]), videos, clips, found.get("crowd"), folder)


def _video(entry: Mapping) -> Video:
    video = Video(str(entry["file"]), str(entry["sha256"]), int(entry["frames"]), tuple(map(str, entry.get("roles", ()))))
    if not SAFE.fullmatch(video.file) or not re.fullmatch(r"[0-9a-f]{64}", video.sha256) or video.frames < 1:
        raise ValueError(f"{video}")
    return video


def crowd_size(name: str) -> int | None:
    """Of how many people a crowd is, by its name, such as `crowd-60`; None if it is no crowd's name."""
    found = re.fullmatch(r"crowd-([1-9][0-9]*)", name)
    return int(found[1]) if found else None
