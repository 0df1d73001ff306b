"""The API reference: a page a package, with every module, written when the book is made."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from perfclone.files import write_bytes

PACKAGES = {"perfclone": "The method", "perfclone_lab": "The lab", "perfclone_studio": "The studio"}
"""Package → title of its page, `api/NAME`."""
LARGE = {
    "perfclone.capture.extractor": ("EXTRACTORS",),
    "perfclone.fast": ("TWINS",),
    "perfclone.nets.generators": ("GENERATORS",),
    "perfclone.nets.vgg": ("SHA256",),
    "perfclone.training.discriminators": ("DISCRIMINATORS",),
    "perfclone.training.methods": ("METHODS",),
    "perfclone.training.settings": ("PROFILES",),
    "perfclone_lab.book.api": ("LARGE",),
    "perfclone_lab.datasets.dataset": ("DATASETS", "SAFE"),
    "perfclone_lab.experiments.fingerprint": ("SPECS",),
    "perfclone_studio.film": ("FILMS", "KITS"),
    "perfclone_studio.cast": ("CAST",),
}
"""Values that are not printed on a page, being too long or only an address in memory, by module."""


def modules(package: str) -> Iterator[str]:
    """The names of a package and of all modules in it."""
    yield package
    for found in walk_packages(import_module(package).__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            yield found.name


def write_api(pages: Path) -> None:
    """Write `api/NAME.md` for each package into a folder of pages."""
    for package, title in PACKAGES.items():
        sections = [section(name, inside=package != name) for name in modules(package)]
        write_bytes(pages / "api" / f"{package}.md", "\n".join([f"# {title}", "", *sections]).encode())


def section(module: str, inside: bool) -> str:
    """What Sphinx is to make of one module, with a heading if it is `inside` a package."""
    large = LARGE.get(module, ())
    lines = [f"## {module.partition('.')[2]}", ""] if inside else []
    lines += ["```{eval-rst}", f".. automodule:: {module}"]
    if hasattr(import_module(module), "__path__"):  # a package: what it gives is described where it is defined
        lines += ["   :no-members:"]
    lines += [f"   :exclude-members: {', '.join(large)}"] if large else []
    lines += [line for name in large for line in ("", f".. autodata:: {module}.{name}", "   :no-value:")]
    return "\n".join([*lines, "```", ""])
