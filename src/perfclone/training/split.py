"""Which part of a video trains and which tests (Sec. 5.2: "we use only two thirds of the video to train"; open point A16)."""

from __future__ import annotations


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
