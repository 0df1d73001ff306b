"""Work in stages, each in threads of its own, and how long each of them works."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Any

import numpy as np


def in_order(
    jobs: Iterable[tuple[float, np.ndarray]], work: Callable[[np.ndarray], Any], workers: int
) -> Iterator[tuple[float, Any]]:
    """The work on each frame, several at a time, in the order in which they came and with few of them waiting."""
    waiting: deque[tuple[float, Future]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for time_s, frame in jobs:
            waiting.append((time_s, pool.submit(work, frame)))
            if len(waiting) > 2 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for time_s, future in waiting:
            yield time_s, future.result()


def ahead(items: Iterable, depth: int) -> Iterator:
    """The items, made by a thread of their own at most `depth` ahead of who takes them. What fails there is raised here."""
    box: Queue[tuple[bool, Any]] = Queue(depth)
    stop = threading.Event()

    def put(thing: tuple[bool, Any]) -> None:
        while not stop.is_set():
            try:
                return box.put(thing, timeout=0.2)
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if stop.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            there, thing = _taken(box)
            if there:
                yield thing
            elif thing is None:
                return
            else:
                raise thing
    finally:
        stop.set()
        worker.join()


def _taken(box: Queue) -> tuple:
    while True:
        try:
            return box.get(timeout=0.5)  # with no limit an interrupt from the keyboard would not get through everywhere
        except Empty:
            continue


class StageWatch:
    """Adds up the time that stages work, each in threads of its own.

    Attributes:
        busy_s: stage → seconds.
    """

    def __init__(self) -> None:
        self.busy_s: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def timed(self, stage: str, work: Callable[..., Any], *arguments: object) -> Any:
        """What the work gives; its time is the stage's."""
        began = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self.busy_s[stage] += time.perf_counter() - began

    def each(self, stage: str, items: Iterator[Any]) -> Iterator[Any]:
        """The items; the time that each takes to come is the stage's."""
        end = object()
        while (item := self.timed(stage, next, items, end)) is not end:
            yield item
