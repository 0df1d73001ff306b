"""An assessment as a page: HTML that needs neither a network nor a script, for a phone and a desk, by day and by night."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable
from html import escape

from ..metrics import GAMMA
from .concerns import clock, percent
from .coverage import CELL, ROWS
from .findings import Findings, LimbCover
from .report import (
    CALLED,
    FILMING,
    LENGTH,
    MISSING,
    THERE,
    UNKNOWN,
    UNTOLD,
    bottom_line,
    covered_share,
    limb_notes,
    limbs_of,
    rows_of_build,
    rows_of_facts,
    title,
    wish_note,
)
from .style import STYLE

_KINDS = {THERE: "there", LENGTH: "length", MISSING: "missing", UNKNOWN: "unknown"}
"""Classes of the style sheet."""


def document(a: Findings) -> str:
    """A whole page."""
    head = (
        '<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta name="color-scheme" content="light dark"/><title>{escape(title(a))}</title>'
        "<style>body { margin: 0; } @media (prefers-color-scheme: dark) { body { background: #14181c; } }</style>"
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{fragment(a)}</body></html>\n'


def fragment(a: Findings) -> str:
    """The same as a part of another page, such as a notebook."""
    sections = (
        _tag("h1", escape(title(a))), _subject(a), _answer(a), _wishes(a), _concerns(a), _timeline(a), _moments(a), _limbs(a), _videos(a),
        _tag("h2", "What this can't tell"), _soft(escape(UNTOLD)),
    )  # fmt: skip
    return f"<style>{STYLE}</style>\n" + _tag("div", *sections, class_="assessment")


def _tag(name: str, *content: str, **attributes: object) -> str:
    """An element of content that is HTML already and of attributes that are not; `class_` and `aria_label` for those names."""
    written = "".join(f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(content)}</{name}>" if content else f"<{name}{written}/>"


def _soft(*content: str) -> str:
    return _tag("p", *content, class_="soft")


def _keys(**words: str) -> str:
    """A legend: class of the style sheet → what its colour means."""
    return _tag(
        "div", *(_tag("span", _tag("i", "", class_=kind), escape(text)) for kind, text in words.items()), class_="keys soft"
    )


def _image(jpeg: bytes, alt: str) -> str:
    return _tag("img", src=f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}", alt=alt)


def _subject(a: Findings) -> str:
    actor, driver = (_tag("b", escape(video.name)) for video in (a.reference, a.driving))
    return _tag(
        "p", f"An actor trained on the video {actor}, the reference, would do what the driver does in the video {driver}."
    )


def _answer(a: Findings) -> str:
    first, *others = map(escape, bottom_line(a))
    shares = {"there": a.share, "length": a.share_alike - a.share, "missing": 1 - a.share_alike}
    called = {kind: f"{CALLED[mark]} {percent(shares[kind])}" for mark, kind in _KINDS.items() if shares.get(kind)}
    bar = [_tag("span", "", class_=kind, style=f"flex: {share:.4f}") for kind, share in shares.items()]
    label = f"Of {a.compared:,} driving frames: {', '.join(called.values())}"
    return _tag(
        "div",
        _tag("strong", first),
        _tag("div", *bar, class_="bar", role="img", aria_label=label),
        _keys(**called),
        _tag("p", " ".join(others)),
        class_="answer",
    )


def _wishes(a: Findings) -> str:
    if not a.wishes:
        return ""
    items = []
    for wish, picture in zip(a.wishes, a.wish_pictures):
        note = wish_note(wish, a)
        words = _tag("b", escape(f"{wish.film_s} s {wish.text}")), _tag("small", escape(f"{note[0].upper()}{note[1:]}."))
        alt = f"The driver at {clock(a.times[wish.example])}, the missing limbs in orange."
        items.append(_tag("li", _image(picture, alt), _tag("span", *words)))
    return (
        _tag("h2", "What to film for the reference")
        + _soft(f"{escape(FILMING)} The pictures show the driver.")
        + _tag("ol", *items, class_="wishes")
    )


def _concerns(a: Findings) -> str:
    if not a.concerns:
        return ""
    return _tag("h2", "What else to mind") + _tag("ul", *(_tag("li", escape(one)) for one in a.concerns), class_="concerns")


def _timeline(a: Findings) -> str:
    first, last = a.times[0], a.times[-1]
    span = max(last - first, 1e-9)
    marks = [
        _tag("span", _tag("b", str(number)), style=f"left: {100 * (moment.seconds - first) / span:.2f}%")
        for number, moment in enumerate(a.moments, 1)
    ]
    ticks = [
        _tag("span", clock(first), class_="first"),
        _tag("span", clock((first + last) / 2), style="left: 50%"),
        _tag("span", clock(last), class_="last"),
    ]
    rows = [
        _tag("span", row, class_="name") + _strip(row, a.timeline[row]) + _tag("span", percent(covered_share(a.timeline[row])))
        for row in ROWS
    ]
    return (
        _tag("h2", "When")
        + _soft("Along the driving video, with the share covered of what is known. Numbers are the worst moments, shown below.")
        + _keys(**{kind: CALLED[mark] for mark, kind in _KINDS.items()})
        + _tag("div", _tag("div", *marks, class_="axis"), *rows, _tag("div", *ticks, class_="axis soft"), class_="rows")
    )


def _strip(row: str, marks: str) -> str:
    """One row of the timeline, a unit wide for each frame."""
    parts, start = [], 0
    for mark, run in itertools.groupby(marks):
        length = len(list(run))
        if mark != UNKNOWN:
            parts.append(_tag("rect", class_=_KINDS[mark], x=start, width=length, height=1))
        start += length
    label = f"{row}: " + ", ".join(f"{CALLED[mark]} in {percent(marks.count(mark) / len(marks))}" for mark in _KINDS)
    view = {"viewBox": f"0 0 {len(marks)} 1", "preserveAspectRatio": "none"}
    return _tag("svg", *parts, "", **view, role="img", aria_label=label, shape_rendering="crispEdges")


def _moments(a: Findings) -> str:
    if not a.moments:
        return ""
    figures = []
    for number, moment in enumerate(a.moments, 1):
        at, near = clock(moment.seconds), moment.nearest_seconds
        alt = f"Left: the driver at {at}." + ("" if near is None else f" Right: the reference at {clock(near)}.")
        caption = _tag("b", f"{number}"), f" at {at}: ", escape(limbs_of(moment))
        figures.append(_tag("figure", _image(moment.picture, alt), _tag("figcaption", *caption)))
    return (
        _tag("h2", "Worst moments")
        + _soft(
            "Left the driver, right the moment of the reference that is nearest as a whole, where the actor's limbs are elsewhere."
            f" Orange: further than {GAMMA:g} pixels of 256, about a hand's breadth, from anything in the reference; how far is below."
        )
        + _tag("div", *figures, class_="moments")
    )


def _limbs(a: Findings) -> str:
    pairs = [limb for pair in zip(a.limbs[:3] + a.limbs[6:9], a.limbs[3:6] + a.limbs[9:]) for limb in pair]  # right and left
    return (
        _tag("h2", "Which limbs, which directions")
        + _soft(
            "Where each limb's end goes in the picture, seen from the joint it begins at (the dot). The ring is its full length."
        )
        + _keys(reached="the actor has been there", missing="only the driver goes there")
        + _tag("div", *(_map(limb) for limb in pairs if limb.full_px), class_="maps")
    )


def _map(limb: LimbCover) -> str:
    places = {"reached": limb.reached, "missing": limb.lacking}
    cells = [_tag("rect", class_=kind, x=x, y=y, width=1, height=1) for kind, of in places.items() for x, y in of]
    ring = limb.full_px / CELL
    reach = 1.1 * max(ring, *(abs(place) + 1 for of in places.values() for cell in of for place in cell))
    view = f"{-reach:.1f} {-reach:.1f} {2 * reach:.1f} {2 * reach:.1f}"
    signs = (
        _tag("circle", class_="ring", r=f"{ring:.1f}", stroke_width=f"{reach / 50:.2f}"),
        _tag("circle", class_="joint", r=f"{reach / 25:.2f}"),
    )
    note = limb_notes(limb)
    picture = _tag(
        "svg", *cells, *signs, viewBox=view, role="img", aria_label=f"{limb.name}: {note}", shape_rendering="crispEdges"
    )
    return _tag("figure", picture, _tag("figcaption", _tag("b", limb.name), "<br/>", escape(note)))


def _videos(a: Findings) -> str:
    return (
        _tag("h2", "The two videos")
        + _table(rows_of_facts(a))
        + _tag("h2", "Build")
        + _soft(
            "Lengths in pixels of 256, of parts that lie in the plane of the picture. Both videos are scaled so that the hips are"
            " equally wide on average."
        )
        + _table(rows_of_build(a))
    )


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    head = _tag("tr", *(_tag("th", name, scope="col") for name in ("", "reference", "driving")))
    body = [
        _tag("tr", _tag("th", escape(name), scope="row"), _tag("td", escape(one)), _tag("td", escape(two)))
        for name, one, two in rows
    ]
    return _tag("table", _tag("thead", head), _tag("tbody", *body))
