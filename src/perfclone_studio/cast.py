"""Who is who: the shipped actors and drivers, and any number of further people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import Shape
from .hair import Haircut
from .outfit import Bottom, Colour, Outfit, Pattern, Shoes, Top


@dataclass(frozen=True)
class Member:
    """One person of the cast."""

    name: str
    """As in the names of files."""
    shape: Shape
    """The body."""
    outfit: Outfit
    """The looks."""
    wall: Colour
    """The colour of the backdrop, sRGB in [0, 1]."""
    floor: Colour
    """The colour of the floor, sRGB in [0, 1]."""
    role: str
    """Either "target", who is cloned, or "driver", whose motion is."""


_MEMBERS = (
    Member(
        "ann",
        Shape(gender=0.0, muscle=0.45, weight=0.45, height=0.5),
        Outfit(
            skin=(0.88, 0.70, 0.60),
            hair=Haircut("long", (0.24, 0.14, 0.08), length=0.26, seed=1),
            eyes=(0.30, 0.42, 0.50),
            top=Top(
                Pattern("stripes", (0.92, 0.90, 0.86), (0.80, 0.13, 0.15), size=0.075),
                sleeve=0.6, hem=0.02, trim=(0.80, 0.13, 0.15), ease=0.25,
            ),
            bottom=Bottom(Pattern("denim", (0.13, 0.18, 0.33), (0.3, 0.36, 0.5)), ease=0.15),
            shoes=Shoes((0.92, 0.92, 0.90), (0.62, 0.62, 0.60)),
        ),
        wall=(0.70, 0.73, 0.74), floor=(0.52, 0.47, 0.42), role="target",
    ),
    Member(
        "ben",
        Shape(gender=1.0, muscle=0.65, weight=0.5, height=0.55, ethnicity=(("african", 1.0),)),
        Outfit(
            skin=(0.42, 0.27, 0.19),
            hair=Haircut("cropped", (0.07, 0.06, 0.05), seed=2),
            eyes=(0.16, 0.10, 0.07),
            stubble=0.5,
            top=Top(
                Pattern("logo", (0.92, 0.74, 0.13), (0.12, 0.12, 0.15), size=0.17, height=0.72),
                sleeve=0.82, hem=0.035, ease=0.6,
            ),
            bottom=Bottom(Pattern(ground=(0.21, 0.22, 0.24)), ease=0.55, stripe=(0.88, 0.88, 0.88)),
            shoes=Shoes((0.15, 0.35, 0.75), (0.90, 0.90, 0.90)),
        ),
        wall=(0.56, 0.62, 0.58), floor=(0.45, 0.44, 0.45), role="target",
    ),
    Member(
        "chi",
        Shape(gender=0.9, muscle=0.45, weight=0.62, height=0.42, ethnicity=(("asian", 1.0),)),
        Outfit(
            skin=(0.83, 0.66, 0.52),
            hair=Haircut("short", (0.06, 0.05, 0.055), volume=0.6, seed=3),
            eyes=(0.17, 0.11, 0.08),
            top=Top(
                Pattern("check", (0.10, 0.24, 0.22), (0.17, 0.44, 0.38), size=0.11),
                sleeve=1.92, hem=0.035, neckline="high", ease=0.55, cuffs=True,
            ),
            bottom=Bottom(Pattern(ground=(0.64, 0.56, 0.42)), ease=0.5),
            shoes=Shoes((0.33, 0.18, 0.10), (0.12, 0.08, 0.06)),
        ),
        wall=(0.80, 0.77, 0.71), floor=(0.40, 0.32, 0.26), role="target",
    ),
    Member(
        "dee",
        Shape(gender=0.0, muscle=0.6, weight=0.4, height=0.6, ethnicity=(("african", 0.5), ("caucasian", 0.5))),
        Outfit(
            skin=(0.66, 0.47, 0.36),
            hair=Haircut("curly", (0.13, 0.08, 0.055), volume=0.35, seed=4),
            eyes=(0.26, 0.16, 0.09),
            top=Top(
                Pattern("yoke", (0.10, 0.47, 0.64), (0.96, 0.56, 0.15), height=0.62),
                sleeve=0.34, hem=-0.005, neckline="v", ease=0.15,
            ),
            bottom=Bottom(Pattern(ground=(0.10, 0.10, 0.115)), ease=0.0),
            shoes=Shoes((0.86, 0.20, 0.42), (0.93, 0.93, 0.93)),
        ),
        wall=(0.60, 0.60, 0.68), floor=(0.56, 0.55, 0.54), role="target",
    ),
    Member(
        "eve",
        Shape(gender=0.0, muscle=0.5, weight=0.55, height=0.72, ethnicity=(("asian", 0.6), ("caucasian", 0.4))),
        Outfit(
            skin=(0.81, 0.62, 0.50),
            hair=Haircut("ponytail", (0.36, 0.22, 0.11), length=0.28, seed=5),
            eyes=(0.25, 0.17, 0.10),
            top=Top(
                Pattern("check", (0.86, 0.77, 0.86), (0.56, 0.22, 0.56), size=0.10, buttons=True),
                sleeve=1.62, neckline="collar", ease=0.35, tucked=True,
            ),
            bottom=Bottom(Pattern(ground=(0.30, 0.30, 0.32)), ease=0.25, belt=(0.28, 0.16, 0.09)),
            shoes=Shoes((0.15, 0.15, 0.16), (0.80, 0.80, 0.80)),
        ),
        wall=(0.72, 0.70, 0.66), floor=(0.36, 0.33, 0.30), role="driver",
    ),
    Member(
        "fin",
        Shape(gender=1.0, muscle=0.55, weight=0.75, height=0.38),
        Outfit(
            skin=(0.87, 0.68, 0.58),
            hair=Haircut("short", (0.50, 0.34, 0.17), volume=0.3, hairline=0.5, seed=6),
            eyes=(0.32, 0.40, 0.35),
            stubble=0.8,
            top=Top(Pattern("stripes", (0.82, 0.86, 0.90), (0.12, 0.30, 0.62), size=0.12), sleeve=0.8, hem=0.03, ease=0.6),
            bottom=Bottom(Pattern(ground=(0.42, 0.35, 0.26)), length=1.05, ease=0.6),
            shoes=Shoes((0.76, 0.28, 0.12), (0.88, 0.86, 0.82)),
        ),
        wall=(0.50, 0.56, 0.62), floor=(0.50, 0.48, 0.44), role="driver",
    ),
    Member(
        "gil",
        Shape(gender=0.8, age=10.5, muscle=0.5, weight=0.5, height=0.5, ethnicity=(("caucasian", 0.7), ("african", 0.3))),
        Outfit(
            skin=(0.80, 0.60, 0.47),
            hair=Haircut("short", (0.22, 0.14, 0.09), volume=0.9, seed=7),
            eyes=(0.22, 0.26, 0.18),
            top=Top(
                Pattern("stripes", (0.93, 0.93, 0.90), (0.20, 0.52, 0.36), size=0.16),
                sleeve=1.93, hem=0.04, ease=0.5, cuffs=True, trim=(0.16, 0.30, 0.36),
            ),
            bottom=Bottom(Pattern("denim", (0.30, 0.40, 0.56), (0.5, 0.58, 0.7)), ease=0.4),
            shoes=Shoes((0.85, 0.62, 0.16), (0.93, 0.93, 0.93)),
        ),
        wall=(0.66, 0.68, 0.60), floor=(0.42, 0.38, 0.36), role="driver",
    ),
)  # fmt: skip

CAST = {member.name: member for member in _MEMBERS}
"""The shipped performers by name, four targets and three drivers, of whom `gil` has a child's proportions."""


# ---- further people ----

_SKINS = (
    (0.90, 0.73, 0.64),
    (0.85, 0.66, 0.55),
    (0.78, 0.58, 0.46),
    (0.66, 0.47, 0.36),
    (0.52, 0.35, 0.26),
    (0.38, 0.25, 0.18),
)
"""From light to dark."""
_HAIRS = (
    (0.05, 0.045, 0.05),
    (0.11, 0.07, 0.05),
    (0.22, 0.13, 0.08),
    (0.36, 0.22, 0.12),
    (0.56, 0.38, 0.20),
    (0.72, 0.56, 0.34),
    (0.44, 0.17, 0.08),
)
_EYES = ((0.16, 0.10, 0.07), (0.28, 0.18, 0.10), (0.30, 0.40, 0.32), (0.34, 0.46, 0.56))
_CLOTHS = (
    (0.80, 0.13, 0.15), (0.92, 0.47, 0.14), (0.92, 0.76, 0.18), (0.45, 0.68, 0.22), (0.12, 0.42, 0.30), (0.14, 0.58, 0.62),
    (0.16, 0.34, 0.68), (0.13, 0.17, 0.33), (0.46, 0.24, 0.56), (0.86, 0.46, 0.60), (0.93, 0.92, 0.89), (0.56, 0.57, 0.58),
    (0.13, 0.13, 0.14), (0.44, 0.29, 0.19), (0.78, 0.68, 0.52),
)  # fmt: skip
_LEGS = (
    (0.13, 0.18, 0.33),
    (0.30, 0.38, 0.54),
    (0.10, 0.10, 0.11),
    (0.30, 0.30, 0.32),
    (0.62, 0.54, 0.41),
    (0.36, 0.37, 0.24),
    (0.34, 0.20, 0.15),
    (0.75, 0.74, 0.70),
)
_WALLS = (
    (0.70, 0.73, 0.74),
    (0.56, 0.62, 0.58),
    (0.80, 0.77, 0.71),
    (0.60, 0.60, 0.68),
    (0.50, 0.56, 0.62),
    (0.74, 0.66, 0.60),
)
_FLOORS = ((0.52, 0.47, 0.42), (0.45, 0.44, 0.45), (0.40, 0.32, 0.26), (0.56, 0.55, 0.54))


def draw_member(seed: int) -> Member:
    """A further target, drawn at random: body, skin, hair and clothes. The same number always gives the same person."""
    rng = np.random.default_rng([seed, 4])
    skin = int(rng.integers(len(_SKINS)))
    shape = _drawn_shape(rng, skin)
    top, bottom = _drawn_top(rng), _drawn_bottom(rng)
    outfit = Outfit(
        skin=_nearly(rng, _SKINS[skin]),
        hair=_drawn_hair(rng, shape, skin),
        eyes=_EYES[rng.integers(2 if skin > 2 else len(_EYES))],
        stubble=float(rng.choice([0, 0, 0.4, 0.9])) if shape.gender > 0.5 else 0.0,
        top=top,
        bottom=bottom,
        shoes=Shoes(
            _one(rng, _CLOTHS), _one(rng, ((0.9, 0.9, 0.9), (0.12, 0.1, 0.09), (0.7, 0.62, 0.5))), float(rng.uniform(0.3, 0.8))
        ),
    )
    return Member(f"cast-{seed}", shape, outfit, _one(rng, _WALLS), _one(rng, _FLOORS), "target")


def _drawn_shape(rng: np.random.Generator, skin: int) -> Shape:
    gender = float(rng.integers(2))
    likely = {0: ("caucasian",), 1: ("caucasian", "asian"), 2: ("asian", "caucasian")}.get(
        skin, ("african",) if skin > 3 else ("african", "asian")
    )
    first, second = rng.choice(likely), rng.choice(("african", "asian", "caucasian"))
    share = float(rng.uniform(0.6, 1))
    return Shape(
        gender=float(np.clip(abs(gender - rng.uniform(0, 0.15)), 0, 1)),
        age=float(rng.uniform(19, 62)),
        muscle=float(rng.uniform(0.3, 0.8)),
        weight=float(rng.beta(2.2, 2.2)),
        height=float(rng.uniform(0.3, 0.75)),
        proportions=float(rng.uniform(0.4, 0.8)),
        cup=float(rng.uniform(0.3, 0.6)),
        ethnicity=((str(first), 1.0),) if first == second else ((str(first), share), (str(second), 1 - share)),
    )


def _drawn_hair(rng: np.random.Generator, shape: Shape, skin: int) -> Haircut:
    styles = (
        ("cropped", "short", "short", "curly") if shape.gender > 0.5 else ("long", "long", "ponytail", "bun", "curly", "short")
    )
    colour = _HAIRS[rng.integers(3 if skin > 2 else len(_HAIRS))]
    grey = float(np.clip((shape.age - 45) / 20, 0, 1) * rng.uniform(0.2, 1))
    return Haircut(
        style=str(rng.choice(styles)),
        colour=tuple(float(c) for c in (1 - grey) * np.array(colour) + grey * 0.62),
        length=float(rng.uniform(0.12, 0.4)),
        volume=float(rng.uniform(0.2, 0.9)),
        hairline=float(rng.uniform(-0.5, 0.8)) if shape.gender > 0.5 else float(rng.uniform(-0.5, 0.3)),
        seed=int(rng.integers(1 << 30)),
    )


def _drawn_top(rng: np.random.Generator) -> Top:
    ground, figure = rng.choice(len(_CLOTHS), 2, replace=False)
    neckline = str(rng.choice(["crew", "crew", "v", "scoop", "collar", "high"]))
    kind = str(rng.choice(["plain", "stripes", "check", "plaid", "dots", "logo", "yoke"]))
    long = neckline == "high" or rng.random() < 0.4
    pattern = Pattern(
        kind,
        _CLOTHS[ground],
        _CLOTHS[figure],
        size=float({"stripes": rng.uniform(0.05, 0.16), "logo": rng.uniform(0.12, 0.2)}.get(kind, rng.uniform(0.06, 0.13))),
        height=float(rng.uniform(0.55, 0.75)),
        buttons=neckline == "collar",
    )
    return Top(
        pattern,
        sleeve=float(rng.uniform(1.85, 1.95) if long else rng.uniform(0.35, 1.0)),
        hem=float(rng.uniform(-0.01, 0.04)),
        neckline=neckline,
        ease=float(rng.uniform(0.1, 0.8)),
        trim=_CLOTHS[figure] if rng.random() < 0.4 else None,
        cuffs=bool(long and neckline != "collar" and rng.random() < 0.6),
        tucked=bool(rng.random() < 0.25),
    )


def _drawn_bottom(rng: np.random.Generator) -> Bottom:
    colour = _one(rng, _LEGS)
    denim = colour in _LEGS[:2]
    return Bottom(
        Pattern("denim", colour, tuple(min(1.0, c + 0.18) for c in colour)) if denim else Pattern(ground=_nearly(rng, colour)),
        length=float(rng.choice([2.0, 2.0, 2.0, 1.55, 1.05, 0.6])),
        ease=float(rng.uniform(0, 0.8)),
        belt=_one(rng, ((0.28, 0.16, 0.09), (0.10, 0.09, 0.09))),
        stripe=_one(rng, _CLOTHS) if not denim and rng.random() < 0.2 else None,
    )


def _one(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[rng.integers(len(colours))]


def _nearly(rng: np.random.Generator, colour: Colour) -> Colour:
    """A colour a little lighter or darker."""
    return tuple(float(c) for c in np.clip(np.array(colour) * rng.uniform(0.92, 1.08), 0, 1))
