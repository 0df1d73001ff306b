"""Things that are chosen by name: methods, generators, discriminators, pose extractors, data sets.

A thing is registered when its module is imported, by a decorator. So adding one takes one file. Another package's file is found if the
package names it as an entry point, in the group of the registry::

    [project.entry-points."perfclone.generators"]
    mine = "my_package.my_generator"
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from .errors import InputError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names → things of one kind.

    Args:
        kind: in words, such as `generator`.
        group: of the entry points through which other packages bring theirs.
    """

    def __init__(self, kind: str, group: str) -> None:
        self._kind, self._group = kind, group
        self._things: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """What is decorated is the thing of that name.

        Raises:
            ValueError: another thing has this name.
        """

        def add(thing: T) -> T:
            if self._things.setdefault(name, thing) is not thing:
                raise ValueError(f"there is a {self._kind} {name!r} already")
            return thing

        return add

    def find(self, name: str) -> T:
        """The thing of that name. InputError, naming those that exist, if there is none."""
        if name not in self._things:
            self._load()
        if name not in self._things:
            raise InputError(f"unknown {self._kind} {name!r}: choose one of {', '.join(sorted(self._things))}")
        return self._things[name]

    def names(self) -> list[str]:
        """The names of all, sorted."""
        self._load()
        return sorted(self._things)

    def _load(self) -> None:
        """Import what installed packages bring. Never what a file names: a record is read, not run."""
        for entry in entry_points(group=self._group):
            with suppress(ModuleNotFoundError):  # what a package needs is not installed: it brings nothing
                entry.load()
