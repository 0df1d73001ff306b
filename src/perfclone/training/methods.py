"""The methods by name: what `train(method=...)` trains, and what `load_actor` can load."""

from __future__ import annotations

from ..registry import Registry

METHODS: Registry[type] = Registry("method", "perfclone.methods")
"""Subclasses of `loop.Task`. `paper` is the paper's; the rivals are in `perfclone_lab.baselines`."""
PAPER = "paper"
"""The paper's method."""
