"""An assessment in words: the bottom line, what its parts are called, and the report for a terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterable, Iterator

from ..training.batches import MINIMUM_FRAMES
from .concerns import clock, percent
from .coverage import ROWS
from .facts import VideoFacts
from .findings import Findings, LimbCover, Moment
from .wishes import Wish

THERE, LENGTH, MISSING, UNKNOWN = ".+# "
"""How a part of the body is covered in a frame. All of its limbs are in the reference, or would be if both were built alike; or one is
not; or none is known."""

CALLED = {THERE: "covered", LENGTH: "only of another length", MISSING: "missing", UNKNOWN: "not known"}
"""The same in words."""

MOST, HALF = 0.8, 0.5
"""Shares of the driving frames from which on most of it, or part of it, is called covered. They only choose the words, for nobody has
yet measured how much may be missing before it is seen."""

NOTABLE = 0.05
"""A share that is worth a sentence of its own."""

FILMING = (
    "Most useful first; left and right are the performer's own. Film slowly and to and fro, so that arms and legs pass through all"
    " that lies around. Shares count what is named up to there and no more: what else the actor does on the way is not foreseen."
)
"""How to read and use the list of what to film."""

UNTOLD = (
    "This tells which poses are covered, not how good the clone will look. With the book's rendered actors (chapter Pose metrics)"
    " frames at a larger distance had larger errors within one person's video, loosely; between two people no connection was found."
    " Clothes, hair, light and the accuracy of the poses count too. The measure does not ask how often the reference has a limb,"
    " which told more there, nor in which company: arms and legs may come from different moments."
)
"""What an assessment does not know."""


def bottom_line(a: Findings) -> Iterator[str]:
    """The answer in a few sentences, the first of them the shortest."""
    yield _verdict(a)
    yield (
        f"In {percent(a.share)} of the driving frames the reference has each limb that could be compared, in nearly the same direction"
        " and length."
    )
    if a.share_alike - a.share >= NOTABLE:
        more = percent(a.share_alike - a.share)
        yield f"In another {more} the poses are there and only lengths differ: the driver is built otherwise."
    if a.wishes:
        share = a.wishes[-1].share_after
        yield f"Filming what is listed would complete the poses of {'all' if share == 1 else f'{percent(share)} or more'} of the frames."
    elif a.share_alike < 1:
        yield "What is missing is too short and scattered to be worth filming."
    else:
        yield "No pose is missing, so there is nothing to film."
    if a.incomplete >= NOTABLE:
        some = ", ".join(f"{limb.name} in {percent(1 - limb.known)}" for limb in a.limbs if 1 - limb.known >= NOTABLE / 2)
        yield f"Some limb is hidden or cropped in {percent(a.incomplete)} of the frames and was left out there ({some})."


def _verdict(a: Findings) -> str:
    if a.reference.usable < MINIMUM_FRAMES:
        return "Not yet: the reference is too short to train on."
    if a.share == 1:
        return "All of the driving video is covered."
    if a.share >= MOST:
        return "Most of the driving video is covered."
    if a.share >= HALF:
        return "Part of the driving video is covered."
    return "Most of the driving video is not covered yet."


def title(a: Findings) -> str:
    """What is asked."""
    return f"{a.reference.name} in the motions of {a.driving.name}: will it work?"


def wish_note(wish: Wish, a: Findings) -> str:
    """Where in the driving video it is seen, for how long, and what filming it brings."""
    note = (
        f"missing for {wish.needed_s:.1f} s of the driving video, as at {clock(a.times[wish.example])};"
        f" with this, {percent(wish.share_after)} of its frames have all of their poses"
    )
    return note + ("; the reference has it with the other side already" if wish.mirrored else "")


def limb_notes(limb: LimbCover) -> str:
    """How far a limb is covered, and whether it is known throughout."""
    if limb.covered is None:
        return "never known in the driving video"
    note = "never in the reference" if limb.never else f"{percent(limb.covered)} covered"
    return note if limb.known == 1 else f"{note}, {percent(limb.known)} known"


def limbs_of(moment: Moment) -> str:
    """The limbs in question and how far each is from the nearest in the reference."""
    far = {name: "never shown" if px is None else f"{px:.0f}\N{NO-BREAK SPACE}px" for name, px in moment.limbs.items()}
    return ", ".join(f"{name} {distance}" for name, distance in far.items())


def rows_of_facts(a: Findings) -> Iterator[tuple[str, str, str]]:
    """What there is to compare: what it is, of the reference, of the driving video."""
    facts: dict[str, Callable[[VideoFacts], str]] = {
        "length": lambda v: f"{v.seconds:.1f} s, {v.frames:,} frames",
        "frames a second": lambda v: f"{v.fps:.3g}",
        "a person is found in": lambda v: percent(v.usable / v.frames),
        "picture, pixels": lambda v: f"{v.width}×{v.height}",
        "nose to ankles, pixels": lambda v: "unknown" if v.person_px is None else f"{v.person_px:.0f}",
        "enlarged to the working frame": lambda v: f"{v.enlarged:.2f} times",
        "fastest joint, pixels of 256 a frame": lambda v: "unknown" if v.step_px is None else f"{v.step_px:.1f}",
        "length of the legs, in trunks": lambda v: "unknown" if v.legs_to_trunk is None else f"{v.legs_to_trunk:.2f}",
        "nose and ankles, from the top": lambda v: " and ".join("unknown" if y is None else percent(y) for y in v.places),
        "at the picture's edge": lambda v: _each(v.at_edge),
        "not found": lambda v: _each(v.unseen),
        "outside the working frame": lambda v: percent(v.outside),
        "cuts": lambda v: ", ".join(map(clock, v.cuts)) or "none found",
    }
    return ((name, write(a.reference), write(a.driving)) for name, write in facts.items())


def rows_of_build(a: Findings) -> Iterator[tuple[str, str, str]]:
    """The same of the lengths of the parts of the body, in pixels of the aligned frame."""
    return ((p.part, f"{p.actor_px:.1f}", f"{p.driver_px:.1f} ({100 * (p.ratio - 1):+.0f}%)") for p in a.proportions)


def _each(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {percent(share)}" for name, share in shares.items() if share > 0) or "nothing"


def text(a: Findings, width: int) -> str:
    """The report for a terminal of `width` columns."""

    def wrapped(words: str, first: str = "") -> str:
        return textwrap.fill(words, width, initial_indent=first, subsequent_indent=" " * len(first))

    legend = ", ".join(f"{mark if mark.strip() else 'blank'} {word}" for mark, word in CALLED.items())
    filming = []
    for number, wish in enumerate(a.wishes, 1):
        filming += [wrapped(f"{wish.film_s} s {wish.text}", f"{number}. "), wrapped(f"({wish_note(wish, a)})", "   ")]
    sections = {
        title(a): [wrapped(" ".join(bottom_line(a)))],
        "WHAT TO FILM FOR THE REFERENCE": filming and [wrapped(FILMING), *filming],
        "WHAT ELSE TO MIND": [wrapped(concern, "- ") for concern in a.concerns],
        "WHEN": [wrapped(legend), *_timeline(a, width - 16)],
        "WORST MOMENTS, in pixels of 256 to the nearest limb": [
            wrapped(limbs_of(m), f"{clock(m.seconds)}  ") for m in a.moments
        ],
        "LIMBS": [f"{limb.name:22} {limb_notes(limb)}" for limb in a.limbs],
        "THE TWO VIDEOS": list(_table(rows_of_facts(a), width)),
        "BUILD, in pixels of 256": list(_table(rows_of_build(a), width)),
        "WHAT THIS CAN'T TELL": [wrapped(UNTOLD)],
    }
    return "\n\n".join("\n".join([heading, *lines]) for heading, lines in sections.items() if lines)


def _timeline(a: Findings, columns: int) -> Iterator[str]:
    """Each row as characters, for what most of the frames are that fall on one, and the share covered; then the time."""
    frames = len(a.times)
    columns = min(columns, frames)
    edges = [round(k * frames / columns) for k in range(columns + 1)]
    for row in ROWS:
        marks = a.timeline[row]
        most = "".join(max(CALLED, key=marks[i:j].count) for i, j in zip(edges, edges[1:]))
        yield f"{row:10} {most} {percent(covered_share(marks)):>4}"
    yield f"{'':10} {clock(a.times[0])}{clock(a.times[-1]):>{max(columns - 6, 7)}}"


def covered_share(marks: str) -> float:
    """Of a row of the timeline, the share that is covered of what is known; 0 if nothing is."""
    return marks.count(THERE) / max(1, len(marks) - marks.count(UNKNOWN))


def _table(rows: Iterable[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Three columns; what is too long for its own goes on below."""
    first = min(38, width * 2 // 5)
    sizes = first, (width - first) // 2, (width - first) // 2
    for row in [("", "reference", "driving"), *rows]:
        cells = [textwrap.wrap(value, size - 1) for value, size in zip(row, sizes)]
        for line in itertools.zip_longest(*cells, fillvalue=""):
            yield "".join(f"{part:{size}}" for part, size in zip(line, sizes)).rstrip()
