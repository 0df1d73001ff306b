"""`Assessment`: the findings, with the ways to show them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ..metrics import GAMMA
from . import page, report
from .findings import Findings


@dataclass(frozen=True)
class Assessment(Findings):
    """The `Findings`, as text, as a page and as JSON. It displays itself in a notebook."""

    @property
    def bottom_line(self) -> tuple[str, ...]:
        """Will it work? A few sentences, the shortest first."""
        return tuple(report.bottom_line(self))

    def as_dict(self) -> dict:
        """All but the pictures, as JSON takes it: numbers rounded to three decimals, None for what is not known."""
        found = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "wish_pictures"}
        return _plain({"bottom_line": self.bottom_line, "gamma_px": GAMMA} | found)

    def text(self, width: int = 100) -> str:
        """The report for a terminal of that many columns."""
        return report.text(self, width)

    def html(self) -> str:
        """The report as a whole HTML page, which needs no other file, no script and no network."""
        return page.document(self)

    def _repr_html_(self) -> str:
        return page.fragment(self)


def _plain(value: object) -> object:
    """Dataclasses as dictionaries, without bytes; floats rounded, None for what is no number."""
    if hasattr(value, "__dataclass_fields__"):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if not isinstance(one, bytes)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value
