"""The example on the book's first page (after Fig. 1): one clone, whole, as a video and as a sheet of moments, with its record.

`python -m perfclone_lab.experiments.example_clone data/actors/dee.mp4 data/actors/eve.mp4 data/reference/example-clone --profile home`
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from perfclone.capture import Performance, capture
from perfclone.cloning.offline import clone, provenance
from perfclone.files import write_bytes, write_json
from perfclone.training import Actor, train
from perfclone.video import VideoWriter, content_hash, read_frames
from perfclone.viz import contact_sheet, encode_png

MOMENTS = 6
"""Columns of the sheet, moments at equal distances in time, so that nobody has picked the good ones."""
CRF = 28
"""How much the film is compressed again, in x264's measure, to keep the repository light. `perfclone clone` itself loses less."""


def example_clone(actor: Actor, driving: Performance, folder: Path) -> dict:
    """Write `clone.mp4` (driver | pose | clone), `moments.png` and `record.json` into `folder`.

    Returns:
        The record, which is the actor's own with the driving video and the video's hash.
    """
    video = clone(actor, driving, folder / "clone.mp4", side_by_side=True)
    step = len(driving) // MOMENTS
    moments = [frame for _, frame in islice(read_frames(video), step // 2, step * MOMENTS, step)]
    write_bytes(folder / "moments.png", encode_png(sheet(moments)))
    compress(video, provenance(actor, driving.name, driving.sha256))
    record = actor.record | {
        "driving": {"name": driving.name, "sha256": driving.sha256, "frames": len(driving)},
        "files": {"clone.mp4": content_hash(video), "moments.png": content_hash(folder / "moments.png")},
    }
    write_json(folder / "record.json", record)
    return record


def compress(video: Path, metadata: dict[str, str]) -> None:
    """Write a film without sound anew, at the rate factor `CRF`."""
    height, width = next(read_frames(video))[1].shape[:2]
    with VideoWriter(video, width, height, metadata=metadata, crf=CRF) as writer:
        for time, frame in read_frames(video):
            writer.write(frame, time)


def sheet(moments: list[np.ndarray]) -> np.ndarray:
    """K side-by-side frames, (H, 3·H, 3) uint8 each → K columns of three panels, the empty margin of each panel cut off."""
    side = moments[0].shape[0]
    panels = [[moment[:, k * side : (k + 1) * side] for moment in moments] for k in range(3)]
    margin = side // 6
    return contact_sheet([panel[:, margin : side - margin] for row in panels for panel in row], len(moments))


def store_example_clone(data: Path, device: str = "auto") -> None:
    """Train `dee` at the profile `home`, clone `eve`'s motion and store it in `data/reference/example-clone`."""
    reference, driving = (capture(data / "actors" / f"{name}.mp4") for name in ("dee", "eve"))
    actor = train(reference, [driving], profile="home", device=device)
    example_clone(actor, driving, data / "reference" / "example-clone")
