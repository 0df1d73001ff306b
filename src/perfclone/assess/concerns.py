"""What stands in the way of a good clone, in sentences that say what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..training.batches import MINIMUM_FRAMES
from .coverage import RARE_S, Proportion
from .facts import VideoFacts

TYPICAL_FRAMES = 3000
"""What a training takes in the paper (Sec. 3.2)."""

SOME = 0.05
"""Share of the frames from which on it is worth a word that somebody or something is out of the picture."""

OFTEN = 0.2
"""The same, for limbs that are not found (arms are hidden behind a body now and then) and for what is rare."""

OTHER_BUILD_PX = 4.0
"""Pixels of the aligned frame that a limb is longer or shorter, half of γ, so that little is left for differences of pose."""

OTHER_VIEW = 0.12
"""Relative difference of legs to trunk, as much as between grown-ups of rather different build."""

QUICK = 2.0
"""A driver whose joints move so many times further between frames moves as the actor never did."""

FEW_FPS = 12
"""At fewer frames a second the poses of fast motion are uncertain; see `capture.extraction.TRACKING_FPS`."""


def concerns(reference: VideoFacts, driving: VideoFacts, proportions: Sequence[Proportion], rare: float) -> tuple[str, ...]:
    """All that a user should know, most grave first.

    Args:
        reference, driving: the two videos.
        proportions: of the two performers.
        rare: share of the well covered frames that rest on less than `RARE_S` of the reference.
    """
    found = [*_length(reference), *_build(reference, driving, proportions)]
    for video, whose in ((reference, "reference"), (driving, "driving video")):
        found += [f"The {whose}: {text}" for text in _picture(video)]
    if (reference.step_px and driving.step_px) and driving.step_px > QUICK * reference.step_px:
        found.append(
            f"From one frame to the next the driver's joints move up to {driving.step_px:.0f} pixels of 256, the actor's"
            f" {reference.step_px:.0f}. The network draws successive frames together and has not seen such quick ones."
            " Let the actor move as fast, or take a driving video with more frames a second."
        )
    if rare > OFTEN:
        found.append(
            f"In {percent(rare)} of the well covered frames some limb has been in that place for less than {RARE_S:g} s of the"
            " reference. The metric does not ask how often. Film these motions more than once."
        )
    return tuple(found)


def _length(reference: VideoFacts) -> Iterator[str]:
    if reference.usable < MINIMUM_FRAMES:
        yield (
            f"The reference has {reference.usable} usable frames and a training needs {MINIMUM_FRAMES} at the very least."
            " Film two to three minutes."
        )
    elif reference.usable < TYPICAL_FRAMES:
        yield (
            f"The reference has {reference.usable:,} usable frames; about {TYPICAL_FRAMES:,} are typical in the paper."
            " A longer one makes a better actor."
        )


def _build(reference: VideoFacts, driving: VideoFacts, proportions: Sequence[Proportion]) -> Iterator[str]:
    odd = [one for one in proportions if abs(one.driver_px - one.actor_px) >= OTHER_BUILD_PX]
    if odd:
        differences = ", ".join(f"{p.part} {percent(abs(p.ratio - 1))} {'longer' if p.ratio > 1 else 'shorter'}" for p in odd)
        yield (
            f"At equal width of the hips the driver's proportions are other than the actor's: {differences}. No filming brings these"
            " together, and the clone gets the driver's. A driver of a more similar build helps."
        )
    legs = (reference.legs_to_trunk, driving.legs_to_trunk)
    if all(legs) and abs(legs[1] / legs[0] - 1) > OTHER_VIEW:
        yield (
            f"In the picture the driver's legs measure {legs[1]:.2f} trunks and the actor's {legs[0]:.2f}. That may be the build, or"
            " a camera at another height or distance: a picture can't tell. If you film again, put the camera where the other one was."
        )
    if driving.fps < FEW_FPS:
        yield (
            f"The driving video has {driving.fps:.3g} frames a second, and so will the clone. Poses of quick motion are uncertain at"
            f" fewer than {FEW_FPS}."
        )


def _picture(video: VideoFacts) -> Iterator[str]:
    """What is wrong with one of the videos."""
    yield from (f"{notice}." for notice in video.notices)
    nobody = 1 - video.usable / video.frames
    if nobody > SOME:
        yield f"nobody is found in {percent(nobody)} of the frames. Cut them away, or film in better light."
    cropped = {name: share for name, share in video.at_edge.items() if share > SOME}
    if cropped:
        yield f"parts of the body are at the picture's edge or beyond it, {_shares(cropped)}. Step back, with room all around."
    hidden = {name: share for name, share in video.unseen.items() if share > OFTEN and name not in cropped}
    if hidden:
        yield (
            f"parts of the body are not found, {_shares(hidden)}: cropped, or hidden by others. What isn't found can't be compared."
        )
    if video.outside > SOME:
        yield (
            f"the performer reaches out of the working frame of 256×256 pixels in {percent(video.outside)} of the frames, and what"
            " is outside is lost. Stay nearer to one spot."
        )
    if video.enlarged > 1:
        size = f"is {video.person_px:.0f} pixels tall and" if video.person_px else "is small and"
        yield f"the performer {size} has to be enlarged {video.enlarged:.1f} times, which blurs. Film from nearer, or larger."
    if video.cuts:
        places = ", ".join(clock(at) for at in video.cuts[:5]) + (", …" if len(video.cuts) > 5 else "")
        yield f"cuts, at {places}. One take is needed, since one scale and place are found for the whole video."


def _shares(shares: dict[str, float]) -> str:
    """Such as `the left hand in 12% of the frames, the head in 7%`."""
    first, *others = (f"the {name} in {percent(share)}" for name, share in shares.items())
    return ", ".join([f"{first} of the frames", *others])


def clock(seconds: float) -> str:
    """Minutes and seconds, such as `1:03.4`."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def percent(share: float) -> str:
    """Such as `46%`; 0 and 100 are said only of none and all."""
    return f"{min(99, max(1, round(100 * share))) if 0 < share < 1 else round(100 * share)}%"
