"""The training data on the device, and the batch of each step.

Frames stay uint8 and poses stay keypoints: a three-minute video at 256×256 is 1 GB, its confidence maps would be 50 GB.
The batch of a step depends on the seed and the step alone, so a resumed training draws what an uninterrupted one would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..capture import Performance
from ..errors import InputError
from ..skeleton import FRAME

MINIMUM_FRAMES = 32
"""Fewer usable frames than this can't train anything."""


def _windows(seen: np.ndarray, length: int) -> Tensor:
    """First frames of the windows of `length` consecutive frames in which somebody is seen throughout."""
    count = np.convolve(seen.astype(int), np.ones(length, int), "valid") if len(seen) >= length else np.zeros(0, int)
    return torch.from_numpy(np.flatnonzero(count == length))


@dataclass(frozen=True, eq=False)
class PairedData:
    """The reference video: frames x and their poses P(x), as windows of N consecutive frames (Sec. 3.1)."""

    frames: Tensor
    """(T, 3, size, size) uint8, the performer on white."""
    joints: Tensor
    """(T, 18, 2) float32, pixels of the aligned frame, NaN where missing."""
    starts: Tensor
    """(K,) int64, first frames of the windows."""
    window: int

    @classmethod
    def of(cls, performances: Sequence[Performance], size: int, window: int, device: torch.device) -> PairedData:
        """Windows never reach from one performance into the next. InputError if too few frames are usable."""
        usable = sum(int(p.poses.seen.sum()) for p in performances)
        starts, offset = [], 0
        for p in performances:
            starts.append(_windows(p.poses.seen, window) + offset)
            offset += len(p)
        if usable < MINIMUM_FRAMES or not sum(map(len, starts)):
            name = performances[0].name
            raise InputError(
                f"{name} has {usable} usable frames and training needs {MINIMUM_FRAMES}: film longer, with the whole body in view"
            )
        frames = np.concatenate([p.frames(size) for p in performances])
        joints = np.concatenate([p.poses.joints for p in performances])
        return cls(
            torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous().to(device),
            torch.from_numpy(joints).to(device),
            torch.cat(starts).to(device),
            window,
        )

    def sample(self, count: int, draw: torch.Generator, shift: float = 0.0) -> tuple[Tensor, Tensor | None]:
        """Which windows, drawn with replacement, and by what each is moved: (count,) first frames and (count, 2), see `jitter`."""
        at = self.starts[torch.randint(len(self.starts), (count,), generator=draw).to(self.starts.device)]
        by = drawn_shifts(count, self.frames.shape[-1], draw, shift)
        return at, by if by is None else by.to(at.device)

    def windows(self, at: Tensor, by: Tensor | None, shift: float = 0.0, crop: bool = False) -> tuple[Tensor, Tensor]:
        """Poses (count, N, 18, 2) and frames (count, 3·N, size, size) in [−1, 1] of windows that were drawn.

        Each window, poses and frames alike, is moved by its whole number of pixels, up to `shift` of the side each way;
        with `crop` it is enlarged about its centre first, just so that nothing comes in from outside.
        """
        at = at[:, None] + torch.arange(self.window, device=at.device)
        joints, frames = self.joints[at], self.frames[at].flatten(1, 2)
        size = frames.shape[-1]
        if by is not None:
            frames = moved(frames, by, shift, crop)
            if crop:
                joints = (joints - FRAME / 2) * (1 + 2 * reach(shift, size) / size) + FRAME / 2
            joints = joints + by[:, None, None] * (FRAME / size)
        return joints, frames.float() / 127.5 - 1

    def batch(self, count: int, draw: torch.Generator, shift: float = 0.0, crop: bool = False) -> tuple[Tensor, Tensor]:
        """The `windows` that `sample` draws."""
        return self.windows(*self.sample(count, draw, shift), shift, crop)


def reach(shift: float, size: int) -> int:
    """By how many pixels of `size` something is moved at most."""
    return round(shift * size)


def jitter(frames: Tensor, draw: torch.Generator, shift: float, crop: bool = False) -> tuple[Tensor, Tensor | None]:
    """Move each of (B, C, size, size) uint8 by a whole number of pixels of its own, up to `shift` of the side each way.

    Args:
        frames: what is moved.
        draw: by how much.
        shift: share of the side.
        crop: enlarge first by twice as much, bicubically about the centre, as pix2pix makes 286 of 256 pixels and takes 256
            of them. Else white comes in.

    Returns:
        The frames, uint8 or with `crop` float in 0..255, and (B, 2) by what they were moved, x first; None where nothing can move.
    """
    by = drawn_shifts(len(frames), frames.shape[-1], draw, shift)
    return (frames, None) if by is None else (moved(frames, by.to(frames.device), shift, crop), by.to(frames.device))


def drawn_shifts(count: int, size: int, draw: torch.Generator, shift: float) -> Tensor | None:
    """(count, 2) whole pixels of `size`, x first, at most `reach` each way; None where nothing can move."""
    most = reach(shift, size)
    return torch.randint(-most, most + 1, (count, 2), generator=draw) if most else None


def moved(frames: Tensor, by: Tensor, shift: float, crop: bool = False) -> Tensor:
    """What `jitter` makes of (B, C, size, size) uint8 frames, by (B, 2) whole pixels that were drawn."""
    if not crop:
        return _shifted(frames, by)
    size, most = frames.shape[-1], reach(shift, frames.shape[-1])
    large = F.interpolate(frames.float(), size=(size + 2 * most,) * 2, mode="bicubic", antialias=True).clamp(0, 255)
    corners = (most - by).tolist()
    return torch.stack([one[:, y : y + size, x : x + size] for one, (x, y) in zip(large, corners, strict=True)])


def _shifted(frames: Tensor, by: Tensor) -> Tensor:
    """(B, C, size, size) uint8 moved by (B, 2) whole pixels, x first; what comes in is white."""
    side = torch.arange(frames.shape[-1], device=frames.device)
    x, y = side - by[:, :1], side - by[:, 1:]  # (B, size): where each column and row comes from
    inside = ((x >= 0) & (x < len(side)))[:, None, :] & ((y >= 0) & (y < len(side)))[:, :, None]
    x, y = x.clamp(0, len(side) - 1)[:, None, :], y.clamp(0, len(side) - 1)[:, :, None]
    sample = torch.arange(len(frames), device=frames.device)[:, None, None]
    return torch.where(inside[:, None], frames[sample, :, y, x].permute(0, 3, 1, 2), 255)


@dataclass(frozen=True, eq=False)
class UnpairedData:
    """The driving videos: consecutive poses y and the optical flow f between the frames that they came from (Sec. 3.1)."""

    joints: Tensor
    """(T, 18, 2) float32."""
    flow: Tensor
    """(T, 2, size, size) float16 pixels, from frame i+1 back to frame i; the last row of each video is unused."""
    starts: Tensor
    """(K,) int64."""
    length: int
    """Poses of a sample, N but at least two, since Eq. (4) compares consecutive frames."""

    @classmethod
    def of(cls, performances: Sequence[Performance], size: int, window: int, device: torch.device) -> UnpairedData:
        """InputError if no two consecutive frames of any video show somebody."""
        length = max(window, 2)
        joints, flows, starts, offset = [], [], [], 0
        for p in performances:
            starts.append(_windows(p.poses.seen, length) + offset)
            joints.append(p.poses.joints)
            flow = p.flow(size)
            flows.append(
                np.concatenate([flow, np.zeros_like(flow[:1] if len(flow) else np.zeros((1, size, size, 2), np.float16))])
            )
            offset += len(p)
        if not sum(map(len, starts)):
            raise InputError("the unpaired videos show nobody in consecutive frames: give another video")
        return cls(
            torch.from_numpy(np.concatenate(joints)).to(device),
            torch.from_numpy(np.concatenate(flows)).permute(0, 3, 1, 2).contiguous().to(device),
            torch.cat(starts).to(device),
            length,
        )

    def sample(self, count: int, draw: torch.Generator) -> Tensor:
        """(count,) first frames of windows, drawn with replacement."""
        return self.starts[torch.randint(len(self.starts), (count,), generator=draw).to(self.starts.device)]

    def windows(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Poses (count, length, 18, 2) and flow (count, length − 1, 2, size, size) of windows that were drawn."""
        at = at[:, None] + torch.arange(self.length, device=at.device)
        return self.joints[at], self.flow[at[:, :-1]].float()
