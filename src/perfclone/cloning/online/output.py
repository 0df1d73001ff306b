"""Where an online performance goes: a file with the frames' own times, a window, or both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from ...errors import InputError
from ...skeleton import FRAME
from ...video import VideoWriter

TITLE = "perfclone (q ends)"


class Output(Protocol):
    """Where pictures go."""

    def put(self, picture: np.ndarray, time_s: float) -> bool:
        """Take a (256, 256, 3) uint8 RGB picture of `time_s` seconds from the first. False: the viewer wants no more."""


class _Outputs:
    def __init__(self, writer: VideoWriter | None, window: bool) -> None:
        self._writer, self._window = writer, window

    def put(self, picture: np.ndarray, time_s: float) -> bool:
        if self._writer is not None:
            self._writer.write(picture, time_s)
        return not self._window or _show(picture)


@contextmanager
def open_output(out: str | Path | None, show: bool, metadata: dict[str, str]) -> Iterator[Output]:
    """A file, a window, both or neither. InputError if the file can't be written, or there is no display for the window."""
    if show:
        check_display()
    with ExitStack() as stack:
        writer = stack.enter_context(VideoWriter(out, FRAME, FRAME, metadata=metadata)) if out is not None else None
        if show:
            stack.callback(_close_window)
        yield _Outputs(writer, show)


def check_display() -> None:
    """InputError if no window can be opened here. Asked of another process, which OpenCV ends when there is no display."""
    ask = [sys.executable, "-c", f"import cv2; cv2.namedWindow({TITLE!r}); cv2.destroyAllWindows()"]
    if subprocess.run(ask, capture_output=True, check=False).returncode:
        raise InputError("no window can be opened here; leave out --show and write a file with --out OUT.mp4")


def _show(picture: np.ndarray) -> bool:
    import cv2

    cv2.imshow(TITLE, picture[..., ::-1])
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)


def _close_window() -> None:
    import cv2

    cv2.destroyAllWindows()
