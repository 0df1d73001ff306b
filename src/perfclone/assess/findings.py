"""What an assessment finds out, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .coverage import Proportion
from .facts import VideoFacts
from .wishes import Wish


@dataclass(frozen=True)
class LimbCover:
    """One of the 12 limbs.

    Attributes:
        name: such as `left forearm`.
        known: share of the driving frames in which it is known; in the others it could not be compared.
        covered: share of these in which the reference has it within γ; None if it is never known.
        covered_alike: the same if both were built alike.
        distance_px: mean distance to the nearest in the reference, aligned pixels; None if it can't be compared.
        never: the reference never has it.
        full_px: its full length in the driving video, aligned pixels; None if never seen.
        reached: cells of `coverage.CELL` pixels, (x, y) from the joint that it begins at, in which the actor's limb ends.
        lacking: those in which the driver's limb ends and is missing, and in which none of the actor's does.
    """

    name: str
    known: float
    covered: float | None
    covered_alike: float | None
    distance_px: float | None
    never: bool
    full_px: float | None
    reached: tuple[tuple[int, int], ...]
    lacking: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Moment:
    """A moment of the driving video, beside the pose of the reference that is nearest as a whole (Eq. 7).

    Attributes:
        seconds: in the driving video.
        distance_px: of its pose from the reference (Eq. 8), aligned pixels; None where nothing can be compared.
        limbs: those that are missing or of another length → distance to the nearest in the reference, aligned pixels; None where the
            reference never has it.
        nearest_seconds: in the reference; None if nothing can be compared.
        picture: JPEG, driver and actor side by side, the limbs in question marked.
    """

    seconds: float
    distance_px: float | None
    limbs: dict[str, float | None]
    nearest_seconds: float | None
    picture: bytes


@dataclass(frozen=True)
class Findings:
    """What to expect of an actor trained on one video and driven by another.

    Attributes:
        reference: the video that the actor would be trained on.
        driving: the video whose motion would be performed.
        compared: driving frames in which at least one limb is known; the shares are of these.
        share: in which the reference has each known limb within γ = 8 aligned pixels (Eq. 8), and which so are well covered.
        share_alike: in which it would, had the driver's limbs the lengths of the actor's; so much is a matter of poses.
        incomplete: in which some limb is not known, so that less than all could be compared.
        rare: share of the well covered in which some limb is in its place for less than `coverage.RARE_S` of the reference.
        limbs: each of the 12.
        wishes: what to film, most useful first.
        wish_pictures: JPEG, the driver in the example of each wish.
        moments: the worst, in order of time.
        proportions: of the parts of the body.
        concerns: what stands in the way besides, in sentences.
        times: seconds of each driving frame.
        distance_px: Eq. (8) of each driving frame, aligned pixels; None where nothing can be compared.
        timeline: row, such as `left arm` → a character a driving frame: `.` there, `+` of another length, `#` missing, blank unknown.
    """

    reference: VideoFacts
    driving: VideoFacts
    compared: int
    share: float
    share_alike: float
    incomplete: float
    rare: float
    limbs: tuple[LimbCover, ...]
    wishes: tuple[Wish, ...]
    wish_pictures: tuple[bytes, ...]
    moments: tuple[Moment, ...]
    proportions: tuple[Proportion, ...]
    concerns: tuple[str, ...]
    times: tuple[float, ...]
    distance_px: tuple[float | None, ...]
    timeline: dict[str, str]
