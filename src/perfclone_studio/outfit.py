"""What can be worn and how a person can look: settings only, which `wardrobe.dress` puts on a body.

Colours are sRGB in [0, 1], as one picks them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from .hair import Haircut

Colour = tuple[float, float, float]


class Material(IntEnum):
    """What a face of a `Model` is made of."""

    SKIN = 0
    SHIRT = 1
    TROUSERS = 2
    SHOE = 3
    HAIR = 4
    EYE = 5
    TRIM = 6
    """Collars, cuffs, belts and waistbands."""


@dataclass(frozen=True)
class Pattern:
    """How cloth is dyed, for all garments alike."""

    kind: str = "plain"
    """One of "plain", "stripes", "check", "plaid", "dots", "logo", "yoke" and "denim"."""
    ground: Colour = (0.8, 0.8, 0.8)
    """The colour of the cloth."""
    figure: Colour = (0.2, 0.2, 0.2)
    """The colour of what is on it."""
    size: float = 0.08
    """The period of what repeats, and the width of a logo, in metres."""
    height: float = 0.7
    """Where a logo sits or a yoke ends, from 0 at the hip joints to 1 at the neck."""
    buttons: bool = False
    """Whether it is closed in front with a row of buttons."""


@dataclass(frozen=True)
class Top:
    """A shirt, a pullover or the like."""

    pattern: Pattern = Pattern()
    """How it is dyed."""
    sleeve: float = 0.6
    """Where the sleeves end, with 0 at the shoulder, 1 at the elbow, 2 at the wrist."""
    hem: float = 0.03
    """How far below the hip joints it ends, in metres on a body of 1.7 m."""
    neckline: str = "crew"
    """One of "crew", "v", "scoop", "high" and "collar", a collar folded over."""
    ease: float = 0.4
    """From 0, tight, to 1, wide."""
    trim: Colour | None = None
    """The colour of the band at the neck and of knitted cuffs; as the cloth, but darker, if not given."""
    cuffs: bool = False
    """Whether sleeves and hem end in a knitted band."""
    tucked: bool = False
    """Whether it is worn inside the trousers."""


@dataclass(frozen=True)
class Bottom:
    """Trousers or shorts."""

    pattern: Pattern = Pattern(ground=(0.2, 0.22, 0.3))
    """How they are dyed."""
    length: float = 2.0
    """Where the legs end, with 0 at the hip joint, 1 at the knee, 2 at the ankle."""
    ease: float = 0.4
    """From 0, tight, to 1, wide."""
    belt: Colour | None = None
    """The colour of the belt, seen where the top is tucked in; as the cloth, but darker, if not given."""
    stripe: Colour | None = None
    """The colour of a stripe down the outer sides, if there is one."""


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes."""

    colour: Colour = (0.2, 0.2, 0.2)
    """The colour of the upper."""
    sole: Colour = (0.85, 0.85, 0.85)
    """The colour of the sole."""
    shaft: float = 0.35
    """How far up the ankle they reach, from 0 below its joint to 1, a hand's breadth higher."""
    socks: Colour = (0.85, 0.85, 0.85)
    """The colour of the socks."""


@dataclass(frozen=True)
class Outfit:
    """Everything about a person's looks but the shape."""

    skin: Colour = (0.84, 0.65, 0.55)
    """The colour of the skin."""
    hair: Haircut = Haircut()
    """Cut and colour of the hair."""
    eyes: Colour = (0.28, 0.18, 0.11)
    """The colour of the irises."""
    stubble: float = 0.0
    """From 0, shaved, to 1, a full short beard."""
    top: Top = field(default_factory=Top)
    """What is worn above."""
    bottom: Bottom = field(default_factory=Bottom)
    """What is worn below."""
    shoes: Shoes = Shoes()
    """What is worn on the feet."""


def linear(srgb: np.ndarray | Colour) -> np.ndarray:
    """sRGB in [0, 1] as linear light in [0, 1], float64 of the same shape."""
    srgb = np.asarray(srgb, float)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
