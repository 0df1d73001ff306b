"""What a pose extractor is, and which of several people is followed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..registry import Registry
from ..skeleton import J

SAME_PERSON = 0.25
"""Two skeletons whose joints are this share of a body apart, on average, are one person found twice."""

LEAP = 0.5
"""How far a followed person may get between two frames, plus as much again for each second in between, in body sizes."""

LOST_S = 1.0
"""After so many seconds out of sight, whoever is most prominent is followed."""


@dataclass(frozen=True)
class Person:
    """One person in one frame.

    Attributes:
        joints: (18, 2) float32, continuous pixels of the frame given to the extractor, NaN where it reports nothing.
        confidence: (18,) float32 in [0, 1], 0 where it reports nothing.
        mask: (H, W) uint8, how sure the extractor is that a pixel shows this person (255: certain), or None.
    """

    joints: np.ndarray
    confidence: np.ndarray
    mask: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.joints.shape != (J, 2) or self.confidence.shape != (J,):
            raise ValueError(f"a person has {J} joints, not {self.joints.shape} with {self.confidence.shape}")

    @property
    def centre(self) -> np.ndarray:
        """(2,) mean of the known joints."""
        return np.nanmean(self.joints, 0)

    @property
    def size(self) -> float:
        """Diagonal of the box around the known joints, in pixels."""
        return float(np.hypot(*(np.nanmax(self.joints, 0) - np.nanmin(self.joints, 0))))

    def prominence(self, width: int, height: int) -> float:
        """Size, halved towards the frame's corners: the larger, more central person has more of it."""
        away = np.hypot(*(self.centre - (width / 2, height / 2))) / np.hypot(width / 2, height / 2)
        return self.size * (1 - 0.5 * min(float(away), 1.0))


EXTRACTORS: Registry[Callable[[bool], AbstractContextManager[Extractor]]] = Registry("pose extractor", "perfclone.extractors")
"""Each is called with whether it may track, which needs frames in order (`MediapipeExtractor`), and gives an extractor on entering.
`CaptureSettings.extractor` chooses."""


class Extractor(Protocol):
    """Finds people in frames. Every call stands alone, so that frames may come in any order."""

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """Everybody in frame number `index` of the video, (H, W, 3) uint8 RGB, with at least two joints each."""


def distinct(people: list[Person]) -> list[Person]:
    """The people without those found twice."""
    kept: list[Person] = []
    for person in people:
        gaps = [np.nanmean(np.linalg.norm(person.joints - other.joints, axis=-1)) / other.size for other in kept]
        if not any(gap < SAME_PERSON for gap in gaps):
            kept.append(person)
    return kept


class WithMasks:
    """Poses from one extractor, masks from another: each person gets the mask of the nearest one."""

    def __init__(self, poses: Extractor, masks: Extractor) -> None:
        self._poses, self._masks = poses, masks

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """See `Extractor`."""
        others = self._masks.people(index, frame)
        return [replace(person, mask=self._nearest(person, others)) for person in self._poses.people(index, frame)]

    @staticmethod
    def _nearest(person: Person, others: list[Person]) -> np.ndarray | None:
        def gap(other: Person) -> float:
            return float(np.hypot(*(other.centre - person.centre)))

        other = min(others, key=gap, default=None)
        return other.mask if other is not None and gap(other) < SAME_PERSON * person.size else None


class SecondLook:
    """An extractor that looks again at frames from which those it found are removed: detectors overlook the smaller of two.

    Args:
        extractor: gives masks too.
        plate: (H, W, 3) uint8, what is behind them.
    """

    def __init__(self, extractor: Extractor, plate: np.ndarray) -> None:
        self._extractor, self._plate = extractor, plate

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """See `Extractor`."""
        import cv2

        people = self._extractor.people(index, frame)
        masks = [person.mask for person in people if person.mask is not None]
        if not masks:
            return people
        covered = cv2.dilate(np.maximum.reduce(masks), np.ones((max(frame.shape) // 40 + 1,) * 2, np.uint8)) >= 26
        return distinct(people + self._extractor.people(index, np.where(covered[..., None], self._plate, frame)))


class Follower:
    """Follows one person through a video: the one most prominent in a survey of it, and nobody half as prominent."""

    def __init__(self, survey: list[list[Person]], width: int, height: int) -> None:
        self._frame = (width, height)
        best = [max(people, key=self._prominence) for people in survey if people]
        self._usual = float(np.median([self._prominence(person) for person in best])) if best else 0.0
        self._centre = np.median([person.centre for person in best], 0) if best else None
        self._size = float(np.median([person.size for person in best])) if best else 0.0
        self._seen_s: float | None = None

    def _prominence(self, person: Person) -> float:
        return person.prominence(*self._frame)

    def choose(self, people: list[Person], time_s: float) -> Person | None:
        """The followed person in the next frame, or None."""
        if not people:
            return None
        lost = self._seen_s is None or time_s - self._seen_s > LOST_S
        if lost:
            person = max(people, key=self._prominence)
            if self._prominence(person) < 0.5 * self._usual:
                return None
        else:
            person = min(people, key=lambda one: np.hypot(*(one.centre - self._centre)))
            if np.hypot(*(person.centre - self._centre)) > LEAP * (1 + time_s - self._seen_s) * self._size:
                return None
        self._centre, self._size, self._seen_s = person.centre, person.size, time_s
        return person
