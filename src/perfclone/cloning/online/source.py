"""Where the frames come from while they come: a camera, or a file played at its own rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...errors import InputError
from ...video import content_hash, probe, read_frames

TOO_LATE_S = 0.1
"""A file's frame that is decoded so many seconds after its time is left out, since the file can't be read at its own rate."""


@dataclass(frozen=True)
class Arrival:
    """A frame that has come.

    Attributes:
        due_s: when, in seconds of `time.perf_counter`. A file's frame comes at its own time, however long decoding took.
        image: (H, W, 3) uint8 RGB.
    """

    due_s: float
    image: np.ndarray


class Source(Protocol):
    """Something that frames come from.

    Attributes:
        name: of the performance, for the metadata of what is made from it.
        sha256: of the video; None for a camera.
        late: frames that it has left out because they were ready too late.
    """

    name: str
    sha256: str | None
    late: int

    def arrivals(self, stop: threading.Event) -> Iterator[Arrival]:
        """Frames in order as they come, until there are no more or `stop` is set."""


class FileSource:
    """A video file, each frame at its own time, as if it were being filmed. InputError if it is not a usable one."""

    def __init__(self, path: str | Path) -> None:
        probe(path)
        self.path, self.late = path, 0
        self.name, self.sha256 = Path(path).stem, content_hash(path)

    def arrivals(self, stop: threading.Event) -> Iterator[Arrival]:
        """See `Source`."""
        start = None
        for time_s, image in read_frames(self.path):
            now = time.perf_counter()
            start = now if start is None else start
            due = start + time_s
            if stop.wait(max(0.0, due - now)):
                return
            if now - due > TOO_LATE_S:
                self.late += 1
            else:
                yield Arrival(due, image)


class CameraSource:
    """A camera by its number, through OpenCV. See `camera`."""

    def __init__(self, capture, number: int) -> None:
        self._capture, self.name, self.sha256, self.late = capture, f"camera {number}", None, 0

    def arrivals(self, stop: threading.Event) -> Iterator[Arrival]:
        """See `Source`. A camera that stops giving frames ends it."""
        while not stop.is_set():
            there, image = self._capture.read()
            if not there:
                return
            yield Arrival(time.perf_counter(), np.ascontiguousarray(image[..., ::-1]))


@contextmanager
def camera(number: int) -> Iterator[CameraSource]:
    """An open camera. InputError if there is none of that number, or it gives no picture."""
    import cv2

    cv2.setLogLevel(0)  # it would say in several lines what is said below
    capture = cv2.VideoCapture(number)
    try:
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # else drivers hand out frames that have waited
        if not capture.isOpened() or not capture.read()[0]:
            raise InputError(f"camera {number} gives no picture; give another number, or a video file as --source")
        yield CameraSource(capture, number)
    finally:
        capture.release()


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """A camera if `name` is a whole number, else a video file. InputError if it can't be used."""
    if name.isdecimal():
        with camera(int(name)) as source:
            yield source
    else:
        yield FileSource(name)
