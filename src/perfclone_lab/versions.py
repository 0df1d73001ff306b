"""The versions of what decides a result's numbers: capture, method, measures. Each is an integer that is raised by hand.

A changed number without a raised version is noticed by `tests/lab/test_versions.py`, which trains for seconds, and by `perfclone-lab drift`,
which makes stored runs anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfclone.capture.settings import CAPTURE_VERSION
from perfclone.training.methods import METHODS, PAPER

MEASURES = 1
"""Of all that runs are measured with; raised whenever the same frames would give other numbers."""
OLD_NAMES = {"perfclone": PAPER}
"""What version 0.1 called methods."""
FIRST = {"capture": 1, "method": 1, "measures": 1}
"""What was stored before there were versions."""


def current_versions(method: str) -> dict[str, int]:
    """The present versions behind a run of a method; one that is not trained has version 1."""
    version = METHODS.find(method).version if method in METHODS.names() else 1
    return {"capture": CAPTURE_VERSION, "method": version, "measures": MEASURES}


def outdated(method: str, made: Mapping[str, int]) -> str | None:
    """In words, what of a stored run another version made; None if the present ones did."""
    now = current_versions(OLD_NAMES.get(method, method))
    other = [f"version {made.get(part)} of the {part}, which is now {version}" for part, version in now.items() if made.get(part) != version]
    return f"{method} was made with {' and '.join(other)}" if other else None
