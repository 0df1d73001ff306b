"""The truth beside a rendered video: its joints, masks and segments, for measuring and never for training."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfclone.errors import InputError
from perfclone.files import replacing, write_json
from perfclone.provenance import made_by
from perfclone.skeleton import J

STEP = 1 / 64
"""Joints are kept in steps of this many pixels."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about every frame of a rendered video.

    Attributes:
        joints: (T, 18, 2) float32, pixels of the video; NaN where a joint is not known.
        visible: (T, 18) bool, whether nothing stands before the joint.
        mask: (T, H, ⌈W/8⌉) uint8, a bit a pixel, 1 where at least half of the pixel shows the performer.
        size: (width, height) of the video in pixels.
        about: further facts: camera, frame rate, segments of the motion, hashes.
    """

    joints: np.ndarray
    visible: np.ndarray
    mask: np.ndarray
    size: tuple[int, int]
    about: dict

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, frames: slice) -> Truth:
        return Truth(self.joints[frames], self.visible[frames], self.mask[frames], self.size, self.about)

    def masks(self) -> np.ndarray:
        """(T, H, W) bool."""
        return np.unpackbits(self.mask, axis=-1, count=self.size[0]).astype(bool)


def report(results: Iterable[dict], file: Path | None) -> None:
    """Print each measurement against a truth as a line of JSON; with a file, keep all of them and what they were made with."""
    record = made_by() | {"results": [], "files": {}}
    for result in results:
        print(json.dumps(result), flush=True)
        record["results"].append(result)
    if file:
        write_json(file, record)


def truth_path(video: str | Path) -> Path:
    """Where the truth of a video lies: `dee_truth.npz` beside `dee.mp4`."""
    video = Path(video)
    return video.with_name(f"{video.stem}_truth.npz")


def save_truth(video: str | Path, truth: Truth) -> None:
    """Write the truth beside its video: an npz file, whose arrays are compressed by LZMA."""
    arrays = {
        "joints": (np.round(truth.joints / STEP) * STEP).astype(np.float32),
        "visible": np.packbits(truth.visible, axis=-1),
        "mask": truth.mask,
        "size": np.array(truth.size),
        "about": np.frombuffer(json.dumps(truth.about, sort_keys=True).encode(), np.uint8),
    }
    with replacing(truth_path(video)) as temporary, zipfile.ZipFile(temporary, "w") as out:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # without a date: the same truth gives the same bytes
            member.compress_type = zipfile.ZIP_LZMA
            with out.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def load_truth(video: str | Path) -> Truth:
    """The truth of a rendered video.

    Raises:
        InputError: there is none beside it, or it is damaged.
    """
    path = truth_path(video)
    if not path.is_file():
        raise InputError(f"{path.name} is not beside {video}: only rendered videos have a truth")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        joints, mask = arrays["joints"], arrays["mask"]
        visible = np.unpackbits(arrays["visible"], axis=-1, count=J).astype(bool)
        width, height = arrays["size"].tolist()
        about = json.loads(arrays["about"].tobytes())
        if joints.shape != (len(mask), J, 2) or visible.shape != (len(mask), J) or mask.shape[1:] != (height, -(-width // 8)):
            raise ValueError("shapes")
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged: fetch it again") from error
    return Truth(joints, visible, mask, (width, height), about)
