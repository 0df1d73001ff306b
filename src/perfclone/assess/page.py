"""An assessment as a page: HTML that needs neither a network nor a script, for phone and desk."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..metrics import GAMMA
from . import report
from .concerns import clock, percent
from .coverage import CELL, ROWS
from .findings import Findings, LimbCover
from .report import CALLED, LENGTH, MISSING, THERE, UNKNOWN

_KINDS = {THERE: "there", LENGTH: "length", MISSING: "missing", UNKNOWN: "unknown"}
"""Classes of the style sheet."""

_SIDE_BY_SIDE = (0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11)
"""The order of the limbs in which each right one is beside its left."""


def document(a: Findings) -> str:
    """A whole page."""
    return _PAGES.get_template("report.html.j2").render(a=a, whole=True)


def fragment(a: Findings) -> str:
    """The same as a part of another page, such as a notebook."""
    return _PAGES.get_template("report.html.j2").render(a=a, whole=False)


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _shares(a: Findings) -> dict[str, float]:
    """Class → share of the driving frames."""
    return {"there": a.share, "length": a.share_alike - a.share, "missing": 1 - a.share_alike}


def _told_shares(a: Findings) -> dict[str, str]:
    """Class → what it means and its share, of those that there are."""
    told = zip(CALLED.values(), _shares(a).items())
    return {kind: f"{words} {percent(share)}" for words, (kind, share) in told if share}


def _told_row(marks: str) -> str:
    """A row of the timeline in words."""
    shares = {words: marks.count(mark) / len(marks) for mark, words in CALLED.items()}
    return ", ".join(f"{words} in {percent(share)}" for words, share in shares.items())


def _runs(marks: str) -> Iterator[tuple[str, int, int]]:
    """Class, start and length of each run of a row of the timeline, but for what is not known."""
    for run in re.finditer(r"(\S)\1*", marks):
        yield _KINDS[run[1]], run.start(), len(run[0])


def _maps(a: Findings) -> Iterator[tuple[LimbCover, float, float]]:
    """Each limb ever seen, its full length and how far its map reaches from the joint, in cells."""
    for limb in (a.limbs[k] for k in _SIDE_BY_SIDE):
        if limb.full_px:
            ring = limb.full_px / CELL
            ends = (abs(place) + 1 for cell in limb.reached + limb.lacking for place in cell)
            yield limb, ring, 1.1 * max([ring, *ends])


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_PAGES.filters |= {"clock": clock, "percent": percent, "data_uri": _data_uri}
_PAGES.globals |= {
    "GAMMA": GAMMA,
    "ROWS": ROWS,
    "called": {kind: CALLED[mark] for mark, kind in _KINDS.items()},
    "maps": _maps,
    "report": report,
    "runs": _runs,
    "shares": _shares,
    "told_row": _told_row,
    "told_shares": _told_shares,
}
