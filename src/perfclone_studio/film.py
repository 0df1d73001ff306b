"""Films: somebody of the cast performs before a camera. The video, and the truth about each of its frames."""

from __future__ import annotations

import hashlib
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from perfclone.capture.alignment import fit_alignment
from perfclone.capture.flow import kitti_png
from perfclone.errors import InputError
from perfclone.files import replacing
from perfclone.progress import progress
from perfclone.skeleton import JOINTS
from perfclone.video import VideoWriter
from perfclone_lab.datasets.truth import Truth, save_truth

from .backdrop import Backdrop
from .body import Body, make_body
from .camera import Camera
from .cast import CAST, Member, draw_member
from .choreography import Segment, choreograph
from .motion import Motion, retarget
from .renderer import Renderer, Rendering
from .take import Dials, Take
from .truth import covering, flow, visible
from .wardrobe import dress

BONES = {
    "shoulder": "upperarm",
    "elbow": "lowerarm",
    "wrist": "hand",
    "hip": "thigh",
    "knee": "calf",
    "ankle": "foot",
}
"""The bone at whose head each joint of a limb is."""

COMPRESSION = 23
"""Constant rate factor of the videos, unless a dial says otherwise."""

MARGIN_M = 0.03
"""A joint is visible if no more than its own flesh and cloth lies over it (`Shooting.flesh_m`) and this much besides."""


@dataclass(frozen=True)
class Film:
    """Everything that a film depends on."""

    name: str
    """Of the files."""
    member: Member
    """Who is seen."""
    segments: tuple[Segment, ...]
    """What is performed, in this order."""
    seed: int
    """Of the motion."""
    fps: int = 30
    """Frames a second."""
    width: int = 320
    """Of the picture in pixels."""
    height: int = 320
    """Of the picture in pixels."""
    camera_height_m: float | None = None
    """The camera above the floor, in metres; by default two thirds of the person's height."""
    distance_m: float = 5.2
    """The camera's distance from the middle of the stage, in metres."""
    dials: Dials = Dials()
    """What is not perfect about the pictures."""
    framed_m: float | None = None
    """The height of the person whom the camera was set up for, in metres; by default the one who is seen."""
    filmed_s: float | None = None
    """Seconds after which the camera is switched off; by default it sees everything that is performed."""


PROTOCOL = (
    Segment("stretch", 32),
    Segment("box", 28),
    Segment("walk", 32),
    Segment("wave", 28),
    Segment("dance", 60),
)
"""What targets perform, two minutes of simple motions and then a minute of free-style dance (Sec. 5)."""

DANCE = (Segment("dance", 40),)
"""For drivers."""

KIT_POSES = {
    "vertical": ("left-arm-up", "right-arm-up", "both-arms-up", "both-arms-out"),
    "horizontal": ("left-arm-out", "right-arm-out", "both-arms-out", "both-arms-up"),
}
"""Poses (a)-(d) of Figure 5 and of its control, three that are like what was trained on and one that is not."""

FILMS = {
    film.name: film
    for film in (
        Film("ann", CAST["ann"], PROTOCOL, seed=11),
        Film("ben", CAST["ben"], PROTOCOL, seed=12),
        Film("chi", CAST["chi"], PROTOCOL, seed=13),
        Film("dee", CAST["dee"], PROTOCOL, seed=14),
        Film("eve", CAST["eve"], DANCE, seed=15, fps=25, camera_height_m=1.45, distance_m=4.3),
        Film("fin", CAST["fin"], DANCE, seed=16, width=288, height=400, camera_height_m=0.85, distance_m=6.0),
        Film("gil", CAST["gil"], DANCE, seed=17, camera_height_m=1.2, distance_m=4.8),
    )
}
"""The shipped films. The drivers' cameras differ from the targets' in height, distance, shape and frame rate."""

KITS = {
    film.name: film
    for film in (
        Film("vertical", CAST["ann"], (Segment("arm-vertical", 60),), seed=21),
        Film("vertical-poses", CAST["ann"], tuple(Segment(name, 1) for name in KIT_POSES["vertical"]), seed=21),
        Film("horizontal", CAST["ann"], (Segment("arm-horizontal", 60),), seed=21),
        Film("horizontal-poses", CAST["ann"], tuple(Segment(name, 1) for name in KIT_POSES["horizontal"]), seed=21),
    )
}
"""For Figure 5, a training set in which single arms move in one direction only and its four driving poses (a)-(d); and as a control
the same with the two directions exchanged."""


def across(driver: Film, target: Member, seconds: float | None = 10.0) -> Film:
    """The truth of cloning `driver` onto `target`: the beginning of the driver's motion on the target's body, by the driver's camera."""
    framed = driver.framed_m or make_body(driver.member.shape).height
    return replace(driver, name=f"{target.name}-as-{driver.name}", member=target, framed_m=framed, filmed_s=seconds)


def find_film(name: str) -> Film:
    """A film by name: one of `FILMS` or `KITS`, `cast-N` for the N-th further target, or `ann-as-eve` for `across`.

    Raises:
        InputError: there is none of that name.
    """
    target, _, driver = name.partition("-as-")
    if name in FILMS | KITS:
        return (FILMS | KITS)[name]
    if target in FILMS and driver in FILMS and FILMS[driver].member.role == "driver":
        return across(FILMS[driver], FILMS[target].member)
    if re.fullmatch(r"cast-[1-9]\d{0,3}", name):
        number = int(name.removeprefix("cast-"))
        return Film(name, draw_member(number), PROTOCOL, seed=100 + number)
    raise InputError(f"there is no film {name!r}: choose one of {', '.join(FILMS | KITS)}, cast-1, cast-2, …, or ann-as-eve")


def with_dials(film: Film, settings: Sequence[str]) -> Film:
    """The film with dials set, each by a text such as `sensor_noise=2.5`. InputError for what is no dial or no number."""
    values = {}
    for text in settings:
        name, _, value = text.partition("=")
        if name not in {field.name for field in fields(Dials)}:
            raise InputError(f"there is no dial {name!r}: choose one of {', '.join(field.name for field in fields(Dials))}")
        try:
            values[name] = int(value) if name == "compression" else float(value)
        except ValueError:
            values[name] = math.nan
        if not 0 <= values[name] < 52:
            raise InputError(f"the dial {name} is set to {value!r}: give a number from 0 to 51")
    return replace(film, dials=replace(film.dials, **values))


class Shooting:
    """A film being made: the motion on this body, the camera, and the pictures."""

    def __init__(self, film: Film) -> None:
        self.film = film
        self.body: Body = make_body(film.member.shape)
        self.motion: Motion = retarget(choreograph(film.segments, film.fps, film.seed), self.body)
        self.camera = Camera.framing(
            film.framed_m or self.body.height, film.width, film.height, film.camera_height_m, film.distance_m
        )

    @cached_property
    def renderer(self) -> Renderer:
        """Draws this member in this room."""
        room = Backdrop(self.film.member.wall, self.film.member.floor, seed=self.film.seed)
        return Renderer(dress(self.body, self.film.member.outfit), self.camera, room)

    def __len__(self) -> int:
        """Frames that are filmed; the motion may go on for longer."""
        seconds = self.film.filmed_s
        return len(self.motion) if seconds is None else min(len(self.motion), round(seconds * self.film.fps))

    def frame(self, number: int) -> Rendering:
        """The picture of a frame without what the dials add, which depends on nothing but the film and the number."""
        return self.renderer.render(self._posed(number))

    def frames(self) -> Iterator[Rendering]:
        """The film's pictures, from the first to the last."""
        take = Take(self.renderer, self.film.fps, self.film.dials, self.film.seed)
        for number in progress(range(len(self)), total=len(self), desc=f"filming {self.film.name}"):
            yield take.render(self._posed(number))

    def _posed(self, number: int) -> np.ndarray:
        return self.renderer.pose(self.motion.rotations[number], self.motion.positions[number])

    @cached_property
    def joints_m(self) -> np.ndarray:
        """The rig's joints, the neck midway between the shoulders, nose, eyes and ears on the head, as (T, 18, 3) float64 metres.

        T is the length of the whole motion.
        """
        return self._joints(self.motion.rotations, self.motion.positions)

    def _joints(self, rotations: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(T, 18, 3) metres, for (T, B, 3, 3) rotations and (T, B, 3) positions of the bones."""
        result = np.empty((len(positions), len(JOINTS), 3))
        index = {name: k for k, name in enumerate(JOINTS)}
        for side in ("left", "right"):
            for joint, bone in BONES.items():
                result[:, index[f"{side}_{joint}"]] = positions[:, self.body.skeleton.index(f"{bone}_{side[0]}")]
        result[:, index["neck"]] = result[:, [index["left_shoulder"], index["right_shoulder"]]].mean(1)
        for name, vertices in self.body.landmarks.items():
            local = self.body.vertices[vertices][:, None] - self.body.skeleton.head  # (n, B, 3)
            moved = np.einsum("tbij,nbj->tnbi", rotations.astype(np.float64), local) + positions[:, None]
            result[:, index[name]] = np.einsum("nb,tnbi->tni", self.body.weights[vertices], moved).mean(1)
        return result

    @cached_property
    def flesh_m(self) -> np.ndarray:
        """(18,) float64 metres of flesh and cloth over each joint, at rest, from the front or from behind, whichever is more.

        0 for nose, eyes and ears, which are on the skin.
        """
        found = np.zeros(len(JOINTS))
        for turned in (np.eye(3), np.diag((-1.0, 1.0, -1.0))):
            rotations = np.repeat(turned[None], len(self.body.skeleton.head), 0)
            positions = self.body.skeleton.head @ turned.T
            picture = self.renderer.render(self.renderer.pose(rotations.astype(np.float32), positions.astype(np.float32)))
            found = np.maximum(found, covering(picture, self._joints(rotations[None], positions[None])[0]))
        return np.where(np.isin(JOINTS, list(self.body.landmarks)), 0.0, found)

    def joints(self) -> np.ndarray:
        """(T, 18, 2) float64 pixels of the video, of the whole motion, as long as the camera does not shake."""
        return self.camera.project(self.joints_m)[..., :2]


def shoot(film: Film, folder: Path) -> dict:
    """Film it: `NAME.mp4` and `NAME_truth.npz` in `folder`.

    The same film gives the same frames, and on the same machine the same files.

    Returns:
        what the truth says about the film: camera, frame rate, segments, alignment, and the sha256 of the frames before they
        were encoded, by which a film that is drawn again can be told to be the same.
    """
    shooting = Shooting(film)
    digest, joints, seen, masks = hashlib.sha256(), [], [], []
    metadata = {"title": film.name, "comment": "Rendered by perfclone's studio from CC0 models. No real person is shown."}
    video = folder / f"{film.name}.mp4"
    crf = COMPRESSION if film.dials.compression is None else film.dials.compression
    with VideoWriter(video, film.width, film.height, metadata=metadata, crf=crf) as writer:
        for number, picture in enumerate(shooting.frames()):
            writer.write(picture.image, number / film.fps)
            digest.update(picture.image.tobytes())
            joints.append(picture.camera.project(shooting.joints_m[number])[:, :2])
            seen.append(visible(picture, shooting.joints_m[number], shooting.flesh_m + MARGIN_M))
            masks.append(np.packbits(picture.share >= 0.5, axis=-1))
    about = record(shooting) | {"frames_sha256": digest.hexdigest()}
    save_truth(video, Truth(np.stack(joints), np.stack(seen), np.stack(masks), (film.width, film.height), about))
    return about


def record(shooting: Shooting) -> dict:
    """What a truth keeps about its film, besides joints and masks."""
    film, end = shooting.film, len(shooting) - 1
    return {
        "member": film.member.name,
        "fps": film.fps,
        "seed": film.seed,
        "camera": shooting.camera.record(),
        "alignment": asdict(fit_alignment(shooting.joints(), "hip")),  # of the whole motion, as the driver's is
        "dials": asdict(film.dials),
        "segments": [[name, first, min(last, end)] for name, first, last in shooting.motion.segments if first <= end],
        "height_m": shooting.body.height,
    }


def write_flow(film: Film, folder: Path) -> str:
    """True optical flow of a film: `NAME_flow.zip`, with `forward/` and `backward/` in KITTI's PNG format (u, v, valid).

    `forward/000012.png` leads from frame 12 to frame 13, `backward/000012.png` from 13 to 12.

    Returns:
        the sha256 of the film's frames, to be compared with that in a truth.
    """
    shooting = Shooting(film)
    digest, before = hashlib.sha256(), None
    with replacing(folder / f"{film.name}_flow.zip") as temporary, zipfile.ZipFile(temporary, "w") as out:
        for number, after in enumerate(shooting.frames()):
            digest.update(after.image.tobytes())
            for name, pair in (("forward", (before, after)), ("backward", (after, before))) if before else ():
                out.writestr(zipfile.ZipInfo(f"{name}/{number - 1:06d}.png"), kitti_png(*flow(*pair)))
            before = after
    return digest.hexdigest()
