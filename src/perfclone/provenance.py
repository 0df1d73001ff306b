"""Where a result comes from: which source, which versions, which machine."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from . import __version__

PACKAGES = ("torch", "numpy", "opencv-contrib-python", "mediapipe")
"""Those whose version may change a number."""


def versions() -> dict[str, str]:
    """Name → version of Python, perfclone and the `PACKAGES` that are installed."""
    found = {"perfclone": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The commit of the checkout that this library runs from, such as `1a2b3c4d5e`, or `1a2b3c4d5e + changes`.

    None where it does not run from a checkout of its own, or git is not there.
    """
    here = Path(__file__).parents[2]  # the repository's root, when src/perfclone is run in place
    if not (here / ".git").exists():
        return None
    ask = ["git", "-C", str(here)]
    try:
        head = subprocess.run([*ask, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        state = subprocess.run([*ask, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + (" + changes" if state.stdout.strip() else "")


def made_by() -> dict:
    """When, from which commit and with which versions something is being made, for its record."""
    return {"started": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "versions": versions()}
