"""A crowd: stills of many people in many poses, the same person several times, to train pose-guided person generation on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from perfclone.capture.alignment import Alignment, fit_alignment
from perfclone.capture.flow import resize_square
from perfclone.errors import InputError
from perfclone.files import replacing
from perfclone.progress import progress
from perfclone.viz import encode_png
from perfclone_lab.datasets.crowd import SIDE, write_crowd

from .cast import draw_member
from .choreography import Segment
from .film import Film, Shooting

FIRST_SEED = 1000
"""Number of the first person, and the seed that draws them."""

MOMENTS = (Segment("stretch", 12), Segment("walk", 12), Segment("wave", 12), Segment("dance", 12))
"""What poses are taken from."""


def stills(number: int, poses: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One person of the crowd, cut out on white and aligned as the method aligns a video (Sec. 3.1).

    Args:
        number: of the person, from 0.
        poses: how many stills, at random moments.

    Yields:
        (256, 256, 3) uint8 RGB, (256, 256) uint8 mask, (18, 2) float64 joints in pixels of the aligned frame.
    """
    seed = FIRST_SEED + number
    shooting = Shooting(Film(f"person-{number:04d}", draw_member(seed), MOMENTS, seed))
    joints = shooting.joints()
    alignment: Alignment = fit_alignment(joints, "hip")
    for index in np.random.default_rng(seed).choice(len(shooting), poses, replace=False):
        picture = shooting.frame(int(index))
        share = picture.share[..., None]
        on_white = np.rint(picture.image * share + 255 * (1 - share)).astype(np.uint8)
        mask = alignment.image(np.rint(picture.share * 255).astype(np.uint8))
        yield alignment.image(on_white), mask, alignment.points(joints[int(index)])


def make_crowd(count: int, poses: int, folder: Path) -> None:
    """Write `person-NNNN/K.png`, `K-mask.png` and `joints.json` into `folder`, which must not exist or be empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and holds something; choose another --out")
    with replacing(folder, folder=True) as temporary:
        table = {}
        for number in progress(range(count), total=count, desc="the crowd"):
            person = temporary / f"person-{number:04d}"
            person.mkdir()
            for k, (image, mask, joints) in enumerate(stills(number, poses)):
                (person / f"{k}.png").write_bytes(encode_png(image))
                (person / f"{k}-mask.png").write_bytes(encode_png(np.repeat(mask[..., None], 3, 2)))
                table[f"{person.name}/{k}.png"] = np.round(joints, 2).tolist()
        (temporary / "joints.json").write_text(json.dumps(table), "utf-8")


def make_pack(count: int, poses: int, folder: Path) -> None:
    """Write a crowd as training takes it (`baselines.crowd`), like the shipped one. `folder` must not exist or be empty."""
    write_crowd(folder, (_small(number, poses) for number in progress(range(count), total=count, desc="the crowd")))


def _small(number: int, poses: int) -> tuple[np.ndarray, np.ndarray]:
    """(K, 128, 128, 3) uint8 stills and (K, 18, 2) joints of a person."""
    images, _, joints = zip(*stills(number, poses))
    return np.stack([resize_square(image, SIDE) for image in images]), np.stack(joints)
