"""Progress of long work: a bar on a terminal, sparse lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(iterable: Iterable | None = None, total: int | None = None, desc: str = "") -> tqdm:
    """A tqdm bar on stderr if that is a terminal; else a line on stdout at most every 15 seconds, and stderr stays empty."""
    if sys.stderr.isatty():
        return tqdm(iterable, total=total, desc=desc, dynamic_ncols=True)
    lines = {"file": _Lines(), "mininterval": 15, "delay": 15, "miniters": 1, "ncols": 100, "ascii": True, "leave": False}
    return tqdm(iterable, total=total, desc=desc, **lines)


class _Lines:
    """A text stream to stdout in which tqdm's carriage returns become line ends."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stdout.write(line + "\n")

    def flush(self) -> None:
        sys.stdout.flush()
