"""Poses as they come: found in one frame after another, in the aligned frame, from nothing but the past."""

from __future__ import annotations

import numpy as np

from ...capture.alignment import Alignment, body_size
from ...capture.extraction import at_working_size
from ...capture.extractor import Extractor
from ...capture.settings import CaptureSettings
from ...errors import InputError
from ...skeleton import FRAME, J, trunk

LEARN_S = 3.0
"""For so many seconds, from when somebody is first seen, the alignment is learnt. Then it is held."""

LEARN_FRAMES = 10
"""From fewer frames than this it is not learnt, however long they take to come."""


class Tracker:
    """A driver's poses in the aligned frame, each from its frame and those before.

    `capture` fits the alignment to a whole video, which is not there yet. Here it is learnt from the first seconds: the driver's
    mean torso gets the length that the actor's has in the reference video, and the mean body centre comes to the frame's centre. The
    torso is taken since in a few seconds, with a turn or without, the distance of the hips says little.

    Jitter is taken off by the extractor's own filter, which looks only backwards (`MediapipeExtractor` with `tracking`). A joint
    that is missing stays where it was for `CaptureSettings.max_gap_s`.

    Args:
        extractor: finds people in frames that come in order.
        torso_px: mean length of the actor's torso in aligned pixels, see `actor_torso`.

    Attributes:
        alignment: from the frames' pixels at working size to the aligned frame; None until it is learnt.
    """

    def __init__(self, extractor: Extractor, torso_px: float) -> None:
        self._extractor, self._torso_px, self._settings = extractor, torso_px, CaptureSettings()
        self._joints, self._seen_s = np.full((J, 2), np.nan), np.full(J, -np.inf)
        self._first_s: float | None = None
        self._learnt_from: list[np.ndarray] = []
        self._count = 0
        self.alignment: Alignment | None = None

    def pose(self, time_s: float, image: np.ndarray) -> np.ndarray | None:
        """The pose in the next frame.

        Args:
            time_s: of the frame, in seconds from anywhere; increasing.
            image: (H, W, 3) uint8 RGB, always of one size.

        Returns:
            (18, 2) float32 aligned pixels, NaN where a joint is missing; None while nobody is seen or the alignment is not learnt.
        """
        joints = self._held(self._found(at_working_size(image)), time_s)
        neck, middle = trunk(joints)
        if np.isnan(neck).any() or np.isnan(middle).any():
            return None
        if self.alignment is None:
            self._learn(joints, time_s)
            return None
        return self.alignment.points(joints).astype(np.float32)

    def _found(self, image: np.ndarray) -> np.ndarray:
        people = self._extractor.people(self._count, image)
        self._count += 1
        if not people:
            return np.full((J, 2), np.nan)
        person = max(people, key=lambda one: one.prominence(image.shape[1], image.shape[0]))
        return np.where((person.confidence >= self._settings.min_confidence)[:, None], person.joints, np.nan)

    def _held(self, joints: np.ndarray, time_s: float) -> np.ndarray:
        known = ~np.isnan(joints).any(-1)
        self._joints[known], self._seen_s[known] = joints[known], time_s
        fresh = time_s - self._seen_s <= self._settings.max_gap_s
        return np.where(fresh[:, None], self._joints, np.nan)

    def _learn(self, joints: np.ndarray, time_s: float) -> None:
        self._first_s = time_s if self._first_s is None else self._first_s
        self._learnt_from.append(joints)
        if time_s - self._first_s >= LEARN_S and len(self._learnt_from) >= LEARN_FRAMES:
            self.alignment = learnt_alignment(np.stack(self._learnt_from), self._torso_px)
            self._learnt_from.clear()


def learnt_alignment(joints: np.ndarray, torso_px: float) -> Alignment:
    """The alignment of (T, 18, 2) source pixels by which the mean torso becomes `torso_px` long and its mean centre the frame's."""
    neck, middle = trunk(joints)
    scale = torso_px / body_size(joints, "torso")
    x, y = FRAME / 2 - scale * np.nanmean((neck + middle) / 2, 0)
    return Alignment(float(scale), float(x), float(y))


def actor_torso(joints: np.ndarray) -> float:
    """Mean length of the torso in the (T, 18, 2) reference poses of an actor. InputError if it is never seen."""
    length = body_size(joints, "torso")
    if not length > 0:
        raise InputError("the actor's reference poses never show the torso; train the actor again")
    return length
