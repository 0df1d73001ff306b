"""Where a result comes from: which source, which versions, which machine."""

from __future__ import annotations

import ast
import hashlib
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
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


@cache
def code_hash(*parts: str) -> str:
    """sha256 of what parts of this library do, such as `training` or `losses`: a result made by other code is another result."""
    library = Path(__file__).parent
    files = [file for part in parts for file in sorted(library.glob(f"{part}.py")) + sorted((library / part).rglob("*.py"))]
    return code_hash_of(file.read_text("utf-8") for file in files)


def code_hash_of(sources: Iterable[str]) -> str:
    """sha256 of Python sources, in which comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for source in sources:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(body := getattr(node, "body", None), list):
                node.body = [line for line in body if not _is_text(line)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
