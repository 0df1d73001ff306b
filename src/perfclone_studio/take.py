"""A take: one performance filmed frame after frame, with as much of a real camera and of real cloth as one dials in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import raster
from .camera import Camera
from .renderer import Renderer, Rendering, develop, eight_bits

CLOTH_REACH_M = 0.05
"""How far cloth can come off where it belongs, in metres."""

BLUR_SAMPLES = 12
"""Moments at most that an exposure with motion blur is made up of."""

SHAKE_PERIODS_S = (0.25, 2.5)
"""Slowness of a camera's shake, from and to, in seconds."""

DRIFT_PERIODS_S = (4.0, 40.0)
"""The same for the drift of exposure."""


@dataclass(frozen=True)
class Dials:
    """What makes a picture less perfect, all of it off by default."""

    cloth_lag: float = 0.0
    """Time by which the loosest cloth and hair follow the body, in seconds; a tenth is much."""
    motion_blur: float = 0.0
    """Time that the shutter is open, as a share of the time between frames; 0.5 is common."""
    exposure_drift: float = 0.0
    """Standard deviation of the slow drift of exposure, in stops."""
    sensor_noise: float = 0.0
    """Standard deviation of the noise in each pixel and colour, in steps of 8 bits."""
    camera_shake: float = 0.0
    """Standard deviation of the picture's shift in each direction, in pixels."""
    compression: int | None = None
    """Constant rate factor of the video file, for those who write it; None for theirs. Pictures do not depend on it."""


class Take:
    """Frames of one performance, to be rendered in order.

    A take remembers what the dials need from frame to frame. With the same seed it gives the same pictures; with all dials off,
    those of `Renderer.render`.
    """

    def __init__(self, renderer: Renderer, fps: float, dials: Dials = Dials(), seed: int = 0) -> None:
        """
        Args:
            renderer: draws the pictures.
            fps: frames per second.
            dials: what is not perfect.
            seed: of noise, drift and shake.
        """
        self.renderer, self.fps, self.dials = renderer, fps, dials
        self._frame = 0
        self._noise = np.random.default_rng([seed, 0])
        self._drift = _Wander([seed, 1], DRIFT_PERIODS_S)
        self._shake = _Wander([seed, 2], SHAKE_PERIODS_S), _Wander([seed, 3], SHAKE_PERIODS_S)
        self._cloth: np.ndarray | None = None
        self._drawn: np.ndarray | None = None

    def render(self, vertices: np.ndarray) -> Rendering:
        """The next frame, with the body's vertices, (N, 3) float32 metres, there in the middle of the exposure.

        The rendering's vertices and camera are those of the middle of the exposure, with cloth and shake as drawn, so that truth
        (`perfclone_studio.truth`) holds for it. Its share of each pixel is the exposure's.
        """
        time, dials = self._frame / self.fps, self.dials
        drawn = self._with_cloth(vertices) if dials.cloth_lag else vertices
        camera = self._shaken(time) if dials.camera_shake else self.renderer.camera
        light, share = self._expose(drawn, camera)
        values = develop(light, dials.exposure_drift * self._drift.at(time))
        if dials.sensor_noise:
            values = values + dials.sensor_noise * self._noise.standard_normal(values.shape, np.float32)
        self._frame, self._drawn = self._frame + 1, drawn
        return Rendering(eight_bits(values), share, camera, drawn, self.renderer.model)

    def _shaken(self, time: float) -> Camera:
        x, y = (self.dials.camera_shake * wander.at(time) for wander in self._shake)
        return replace(self.renderer.camera, shift_px=(x, y))

    def _with_cloth(self, vertices: np.ndarray) -> np.ndarray:
        """The vertices with loose ones behind the body's movement, as far as they are loose, but not inside it."""
        model = self.renderer.model
        if self._cloth is None:
            self._cloth = vertices.astype(np.float64)
        self._cloth += (1 - np.exp(-1 / (self.fps * self.dials.cloth_lag))) * (vertices - self._cloth)
        behind = model.looseness[:, None] * (self._cloth - vertices)
        outwards = raster.vertex_normals(np.ascontiguousarray(vertices), model.faces, model.seam)
        behind -= outwards * np.minimum((behind * outwards).sum(1, keepdims=True), 0)
        behind /= np.sqrt(1 + (behind**2).sum(1, keepdims=True) / CLOTH_REACH_M**2)
        return (vertices + behind).astype(np.float32)

    def _expose(self, drawn: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Light and share (see `Renderer.expose`), the mean over the time that the shutter is open; speeds are the last frame's."""
        moved = np.zeros_like(drawn) if self._drawn is None else drawn - self._drawn
        path = np.abs(camera.project(drawn + moved) - camera.project(drawn))[:, :2].max()
        moments = int(np.clip(np.ceil(path * self.dials.motion_blur), 1, BLUR_SAMPLES))
        when = self.dials.motion_blur * ((np.arange(moments) + 0.5) / moments - 0.5)
        exposures = [self.renderer.expose(drawn + np.float32(moment) * moved, camera) for moment in when]
        light, share = (np.mean(parts, 0, dtype=np.float32) for parts in zip(*exposures))
        return light, share


class _Wander:
    """A smooth random function of time, of mean 0 and standard deviation 1: a sum of sines."""

    def __init__(self, seed: list[int], periods_s: tuple[float, float], waves: int = 9) -> None:
        rng = np.random.default_rng(seed)
        self.speeds = 2 * np.pi / np.exp(rng.uniform(*np.log(periods_s), waves))
        self.phases = rng.uniform(0, 2 * np.pi, waves)

    def at(self, time_s: float) -> float:
        """The function's value at a time in seconds."""
        return float(np.sqrt(2 / len(self.phases)) * np.sin(self.speeds * time_s + self.phases).sum())
