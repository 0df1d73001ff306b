"""`Performance`: one captured video, aligned to the common frame, and its folder on disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import replacing
from ..progress import progress
from ..skeleton import FRAME, J, PoseTrack
from . import archive, flow
from .alignment import Alignment

FORMAT = 1
"""Version of the folder's layout."""

_REMEDY = "delete the folder and capture the video again"
AUDIO = "audio.mka"

_THREADS = 4
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Performance:
    """One performer in one video, or a part of it: `performance[100:200]`.

    Attributes:
        name: of the video, without its ending.
        sha256: of the video's bytes.
        poses: in aligned pixels, gaps filled, smoothed; NaN where a joint is missing.
        alignment: from the video's pixels to the aligned frame.
        notices: sentences that the user should read, such as that a second person was seen.
        fps: average frames a second.
        folder: where the capture lies.
        plate: (256, 256, 3) uint8 RGB, the clean background in the aligned frame.
        key: names all that the capture depends on: the video's content, the settings, how much of it was used.
        flow_estimator: `dis` or `raft`, see `flow.estimator`.
        first: number of the part's first frame in the video.
    """

    name: str
    sha256: str
    poses: PoseTrack
    alignment: Alignment
    notices: tuple[str, ...]
    fps: float
    folder: Path
    plate: np.ndarray
    key: str
    flow_estimator: str
    first: int = 0

    def __len__(self) -> int:
        return len(self.poses)

    def __getitem__(self, frames: slice) -> Performance:
        start, stop, step = frames.indices(len(self))
        if step != 1:
            raise ValueError("a part of a performance is unbroken: give a slice without a step")
        return replace(self, poses=self.poses[start : max(start, stop)], first=self.first + start)

    def frames(self, size: int = FRAME) -> np.ndarray:
        """(T, size, size, 3) uint8 RGB cut-outs on white, averaged over areas from the 256×256 of the capture."""

        def convert(png: bytes) -> np.ndarray:
            return flow.resize_square(on_white(_cutout(png)), size)

        return self._read("cutouts.zip", len(self), convert, (size, size, 3), np.uint8)

    def masks(self, size: int = FRAME) -> np.ndarray:
        """(T, size, size) uint8, the performer's share of each pixel (255: all of it)."""

        def convert(png: bytes) -> np.ndarray:
            return flow.resize_square(np.ascontiguousarray(_cutout(png)[..., 3]), size)

        return self._read("cutouts.zip", len(self), convert, (size, size), np.uint8)

    def frames_and_masks(self, size: int = FRAME) -> tuple[np.ndarray, np.ndarray]:
        """What `frames` and `masks` give, decoded once for both."""

        def convert(png: bytes) -> np.ndarray:
            cutout = _cutout(png)
            mask = flow.resize_square(np.ascontiguousarray(cutout[..., 3]), size)
            return np.dstack((flow.resize_square(on_white(cutout), size), mask))

        both = self._read("cutouts.zip", len(self), convert, (size, size, 4), np.uint8)
        return np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3])

    def scenes(self) -> np.ndarray:
        """(T, 256, 256, 3) uint8 RGB, the cut-outs before the clean plate: what the camera saw, but for shadows."""
        cutouts = self._read("cutouts.zip", len(self), _cutout, (FRAME, FRAME, 4), np.uint8)
        alpha = cutouts[..., 3:].astype(np.uint16)
        return ((cutouts[..., :3] * alpha + self.plate * (255 - alpha) + 127) // 255).astype(np.uint8)

    @property
    def audio(self) -> Path | None:
        """The video's sound, beginning at its first frame; None if it has none."""
        path = self.folder / AUDIO
        return path if path.is_file() else None

    def flow(self, size: int = FRAME) -> np.ndarray:
        """(T − 1, size, size, 2) float16 backward flow in pixels of `size`, x first.

        Content at p of frame i + 1 was at p + flow[i](p) in frame i. Found on first demand, for the whole video, and kept in
        the folder at half the aligned resolution.
        """
        if not (self.folder / "flow.zip").exists():
            _write_flow(load_performance(self.folder))

        def convert(png: bytes) -> np.ndarray:
            return flow.decode(archive.check_png(png, FRAME // 2, FRAME // 2, "RGB 16 bit"), size)

        return self._read("flow.zip", max(0, len(self) - 1), convert, (size, size, 2), np.float16)

    def _read(self, name: str, count: int, convert: Callable, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """(count, *shape): one of the folder's zips from this part's first frame on, decoded by several threads."""
        result = np.empty((count, *shape), dtype)
        with archive.damage(self.folder, _REMEDY), zipfile.ZipFile(self.folder / name) as source:

            def fill(start: int) -> None:
                for index in range(start, min(start + _BLOCK, count)):
                    result[index] = convert(source.read(archive.frame_name(self.first + index)))

            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(fill, range(0, count, _BLOCK)))
        return result


def on_white(cutout: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 RGBA → (H, W, 3) uint8 RGB on white."""
    import cv2

    red, green, blue, alpha = cv2.split(cutout)
    opacity = cv2.merge([alpha, alpha, alpha])
    return cv2.add(cv2.multiply(cv2.merge([red, green, blue]), opacity, scale=1 / 255), 255 - opacity)


def load_performance(folder: str | Path) -> Performance:
    """Open the folder of a capture.

    Raises:
        InputError: there is none, or it is incomplete or damaged.
    """
    folder = Path(folder)
    if not (folder / "capture.json").is_file():
        raise InputError(f"{folder} is not the folder of a capture; make one with: perfclone capture VIDEO --out {folder}")
    with archive.damage(folder, _REMEDY):
        about = archive.read_json((folder / "capture.json").read_bytes())
        if about["format"] != FORMAT:
            raise InputError(f"{folder} was written by another version of perfclone; {_REMEDY}")
        count = int(about["frames"])
        if not 0 < count <= archive.MAX_FRAMES:
            raise ValueError("frames out of range")
        shapes = {"joints": ((count, J, 2), "<f4"), "confidence": ((count, J), "<f4"), "times": ((count,), "<f8")}
        poses = PoseTrack(**archive.read_arrays(folder / "poses.npz", shapes))
        with zipfile.ZipFile(folder / "cutouts.zip") as source:
            archive.check_frames(source, count)
        return Performance(
            name=str(about["name"]),
            sha256=str(about["sha256"]),
            poses=poses,
            alignment=Alignment(**{key: float(about["alignment"][key]) for key in ("scale", "x", "y")}),
            notices=tuple(map(str, about["notices"])),
            fps=float(about["fps"]),
            folder=folder,
            plate=_plate((folder / "plate.png").read_bytes()),
            key=str(about["key"]),
            flow_estimator={"dis": "dis", "raft": "raft"}[about["settings"]["flow"]],
        )


def save_performance(folder: Path, performance: Performance, cutouts: Iterable[bytes], provenance: dict[str, object]) -> None:
    """Write the folder of a capture: `capture.json`, `poses.npz`, `plate.png` and `cutouts.zip` (RGBA PNG files)."""
    import cv2

    poses = performance.poses
    with zipfile.ZipFile(folder / "cutouts.zip", "w") as out:
        archive.write_frames(out, cutouts)
    np.savez_compressed(folder / "poses.npz", joints=poses.joints, confidence=poses.confidence, times=poses.times)
    (folder / "plate.png").write_bytes(cv2.imencode(".png", performance.plate[..., ::-1])[1].tobytes())
    about = {
        "format": FORMAT,
        "name": performance.name,
        "sha256": performance.sha256,
        "frames": len(performance),
        "fps": performance.fps,
        "key": performance.key,
        "alignment": asdict(performance.alignment),
        "notices": performance.notices,
        **provenance,
    }
    (folder / "capture.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def encode_cutout(cutout: np.ndarray) -> bytes:
    """(256, 256, 4) uint8 RGBA → PNG. What nobody sees is black, so that it takes no room.

    Runs of equal bytes are all that is compressed: no larger than by zlib's sixth level, since most of it is black, in half the time.
    """
    import cv2

    shown = cv2.bitwise_and(cutout, cutout, mask=np.ascontiguousarray(cutout[..., 3]))
    how = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    return cv2.imencode(".png", cv2.cvtColor(shown, cv2.COLOR_RGBA2BGRA), how)[1].tobytes()


def _cutout(png: bytes) -> np.ndarray:
    import cv2

    archive.check_png(png, FRAME, FRAME, "RGBA")
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("a frame can't be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)


def _plate(png: bytes) -> np.ndarray:
    import cv2

    archive.check_png(png, FRAME, FRAME, "RGB")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()


def _write_flow(whole: Performance) -> None:
    """Find the flow of all frames, a block at a time, and put `flow.zip` beside the cut-outs.

    Two processes at once do the same work twice, and either result is whole.
    """
    with replacing(whole.folder / "flow.zip") as temporary, zipfile.ZipFile(temporary, "w") as out:
        archive.write_frames(out, _flows(whole))


def _flows(whole: Performance) -> Iterator[bytes]:
    estimate = flow.estimator(whole.flow_estimator)
    bar = progress(None, len(whole) - 1, f"flow of {whole.name}")
    for start in range(0, len(whole) - 1, _BLOCK):
        block = whole[start : start + _BLOCK + 1]
        frames, masks = block.frames(), block.masks()
        for index in range(len(block) - 1):
            yield flow.encode(flow.backward_flow(frames[index], frames[index + 1], masks[index], masks[index + 1], estimate))
            bar.update()
    bar.close()
