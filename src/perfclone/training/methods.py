"""The methods by name: what `train(method=...)` trains, and what `load_actor` can load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..registry import Registry

if TYPE_CHECKING:
    from .loop import Task

METHODS: Registry[type[Task]] = Registry("method", "perfclone.methods")
"""`paper` is the paper's. The rivals are in `perfclone_lab.baselines`."""
PAPER = "paper"
