"""Which part of a video trains and which tests (Sec. 5.2: "we use only two thirds of the video to train"; open point A16)."""

from __future__ import annotations

import numpy as np

from ..errors import InputError

RUN = 40
"""Frames in a row where fewer than all are drawn, so that pairs of consecutive frames stay plentiful."""


def split(frames: int, kind: str = "chronological") -> tuple[list[slice], list[slice]]:
    """Ranges of frames for training and for the test.

    Args:
        frames: length of the video.
        kind: `chronological`: the first two thirds train and the last third tests. `thirds`: so within each third of the
            video, so that every kind of motion is in both; "dances in all thirds", as the text says.

    Returns:
        (train, test), each a list of disjoint slices; together they are all the frames.
    """
    if kind == "chronological":
        parts = [(0, frames)]
    elif kind == "thirds":
        parts = [(frames * k // 3, frames * (k + 1) // 3) for k in range(3)]
    else:
        raise ValueError(f"kind must be 'chronological' or 'thirds', not {kind!r}")
    cuts = [(start, start + (end - start) * 2 // 3, end) for start, end in parts]
    return [slice(start, cut) for start, cut, _ in cuts], [slice(cut, end) for _, cut, end in cuts]


def draw_frames(parts: list[slice], count: int) -> list[slice]:
    """Fewer frames to train on, in evenly spread runs of `RUN` consecutive ones, so that every kind of motion stays in.

    Args:
        parts: disjoint ranges of frames in order of time.
        count: how many of their frames to draw. If it is no multiple of `RUN` the last run is shorter.

    Returns:
        Disjoint ranges in order of time, of `count` frames in all. Runs that touch are one range, and a run that would
        reach from one part into the next is two.

    Raises:
        InputError: there are fewer than `count` frames.
    """
    available = np.concatenate([np.arange(part.start, part.stop) for part in parts])
    spare = len(available) - count
    if spare < 0:
        raise InputError(f"{count} frames are asked for and the training part has {len(available)}: ask for fewer")
    runs = -(-count // RUN)
    index = np.arange(count)
    drawn = available[index + spare * (2 * (index // RUN) + 1) // (2 * runs)]  # half a gap at each end, whole ones between
    cuts = np.flatnonzero(np.diff(drawn) > 1) + 1
    return [slice(int(run[0]), int(run[-1]) + 1) for run in np.split(drawn, cuts)]
