"""A crowd: stills of many people, each in several poses, which is what pose-guided person generation learns from (`data/crowd`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from perfclone.capture import archive
from perfclone.capture.flow import resize_square
from perfclone.errors import InputError
from perfclone.files import replacing
from perfclone.skeleton import J

FORMAT = 1
"""Version of the folder's layout."""
INDEX = "crowd.json"
"""Names all of the folder, with hashes, so that its own hash stands for the whole."""
SIDE = 128
"""Side of a still in pixels."""
PEOPLE = 60
"""As many, from the first on, are there to train on; those after them never train, so that a method can be tested on strangers."""

_LOSSLESS = [cv2.IMWRITE_WEBP_QUALITY, 101]
_REMEDY = "fetch data/crowd again, or make it anew with perfclone-studio crowd 64 --pack"


@dataclass(frozen=True, eq=False)
class Crowd:
    """Several people, in equally many poses each.

    Attributes:
        stills: (P, K, 128, 128, 3) uint8 RGB on white, each person aligned as a video is (Sec. 3.1).
        joints: (P, K, 18, 2) float32, pixels of the aligned frame, the true ones.
        sha256: of the index of the crowd that these are the first P of.
    """

    stills: np.ndarray
    joints: np.ndarray
    sha256: str

    def __len__(self) -> int:
        return len(self.stills)

    def first(self, count: int) -> Crowd:
        """The first so many people. InputError if there are fewer."""
        if not 1 <= count <= len(self):
            raise InputError(f"{count} people are asked for and the crowd has {len(self)}: ask for 1 to {len(self)}")
        return replace(self, stills=self.stills[:count], joints=self.joints[:count])

    @property
    def source(self) -> dict:
        """What records say of it, in the form in which they name a video."""
        count = int(np.prod(self.joints.shape[:2]))
        return {"name": f"crowd-{len(self)}", "sha256": self.sha256, "key": self.sha256, "first": 0, "frames": count}

    def frames(self, size: int) -> np.ndarray:
        """(P, K, size, size, 3) uint8: averaged over areas, or beyond 128 enlarged, which adds no details."""
        flat = [resize_square(still, size) for still in self.stills.reshape(-1, SIDE, SIDE, 3)]
        return np.stack(flat).reshape(*self.stills.shape[:2], size, size, 3)


def load_crowd(folder: str | Path) -> Crowd:
    """Read what `write_crowd` wrote.

    Raises:
        InputError: it is missing, incomplete or damaged.
    """
    folder = Path(folder)
    with archive.damage(f"the crowd {folder}", _REMEDY):
        index = (folder / INDEX).read_bytes()
        about = archive.read_json(index)
        if about["format"] != FORMAT or not 0 < len(about["people"]) <= archive.MAX_FRAMES:
            raise ValueError("another format")
        joints = np.array([person["joints"] for person in about["people"]], np.float32)
        if joints.ndim != 4 or joints.shape[2:] != (J, 2) or not np.isfinite(joints).all():
            raise ValueError("joints of another form")
        strips = [_strip(folder, number, person["sha256"]) for number, person in enumerate(about["people"])]
        stills = np.stack(strips).reshape(len(strips), SIDE, -1, SIDE, 3).swapaxes(1, 2)
        if stills.shape[:2] != joints.shape[:2]:
            raise ValueError("not as many stills as poses")
        return Crowd(np.ascontiguousarray(stills), joints, hashlib.sha256(index).hexdigest())


def _strip(folder: Path, number: int, sha256: str) -> np.ndarray:
    """(128, K·128, 3) uint8 RGB; ValueError if it is not the file that the index means."""
    data = (folder / _name(number)).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("another picture than the index names")
    strip = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    if strip.shape[0] != SIDE:
        raise ValueError("a picture of another size")
    return strip


def _name(number: int) -> str:
    return f"person-{number:04d}.webp"


def write_crowd(folder: Path, people: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    """Write a folder of `person-NNNN.webp`, a strip of stills each, and `crowd.json`.

    The pictures are kept without loss: lossy WebP halves the resolution of colours, and JPEG that does not is as large.

    Args:
        folder: must not exist or be empty.
        people: of each (K, 128, 128, 3) uint8 RGB stills on white, and (K, 18, 2) joints in pixels of the aligned frame.

    Raises:
        InputError: the folder holds something, or can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and holds something; choose another --out")
    with replacing(folder, folder=True) as temporary:
        lines = []
        for number, (stills, joints) in enumerate(people):
            data = cv2.imencode(".webp", np.hstack(stills)[..., ::-1], _LOSSLESS)[1].tobytes()
            (temporary / _name(number)).write_bytes(data)
            person = {"sha256": hashlib.sha256(data).hexdigest(), "joints": np.round(joints, 2).tolist()}
            lines.append(json.dumps(person, separators=(",", ":")))
        text = f'{{"format": {FORMAT}, "people": [\n' + ",\n".join(lines) + "\n]}\n"  # a line a person
        (temporary / INDEX).write_text(text, "utf-8")
