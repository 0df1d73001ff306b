"""What lies between two stages: a short queue that forgets the oldest, so that slowness costs frames and not time."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds the newest few items between one writer and one reader, each a thread of its own.

    Args:
        capacity: how many it holds. One more, and the oldest is dropped.

    Attributes:
        dropped: how many were.
    """

    def __init__(self, capacity: int) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Add the newest item; never waits."""
        with self._changed:
            if len(self._items) == self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> list[T]:
        """All items, oldest first, as soon as there is one. Empty: the box is closed and there will be none."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait(0.5)  # with no limit an interrupt from the keyboard would not get through everywhere
            items = list(self._items)
            self._items.clear()
            return items
