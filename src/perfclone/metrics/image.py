"""Errors between frames, in 8-bit units (0-255), as Table 1 reports them: its "MSE" reads like a root mean square (A12).

The measures of single frames say what a mean error does not: whether a frame is blurred or noisy (Fig. 3), and whether its
edges are where they should be (Fig. 9).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey value (ITU-R BT.601)."""

ROUNDING_POWER = 1 / 12
"""Power of the error of rounding to 8 bits, at each frequency. A spectrum can't be told from nothing below it."""

GMS_CONSTANT = 170.0
"""c of the gradient magnitude similarity, as published for grey values of 0-255 (Xue et al. 2014)."""


def _check(generated: np.ndarray, truth: np.ndarray) -> None:
    if generated.shape != truth.shape:
        raise ValueError(f"frames differ in shape: {generated.shape} and {truth.shape}")


def _squared_error(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    _check(generated, truth)
    return (generated.astype(np.float32) - truth.astype(np.float32)) ** 2


def _grey(frames: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 → (..., H, W) float32 in 0..255."""
    return frames @ np.array(LUMA, np.float32)


def frame_mse(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared error of each frame over its pixels and channels: two (T, H, W, 3) uint8 → (T,) float64 in 0..255²."""
    _check(generated, truth)
    return np.array([_squared_error(a, b).mean(dtype=np.float64) for a, b in zip(generated, truth)])


def rmse(generated: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared error over frames, pixels and channels: two (T, H, W, 3) uint8 → 0..255. Its square is the MSE."""
    return float(np.sqrt(frame_mse(generated, truth).mean()))


def foreground_mse(generated: np.ndarray, truth: np.ndarray, generated_mask: np.ndarray, true_mask: np.ndarray) -> np.ndarray:
    """`frame_mse` over the union of the true and the generated mask of each frame, (T, H, W) bool.

    A clone beside the actor is counted twice, where the true mask alone would let it off.

    Returns:
        (T,) float64 in 0..255², NaN where both masks are empty.
    """
    _check(generated, truth)
    inside = generated_mask | true_mask
    return np.array(
        [
            _squared_error(a[union], b[union]).mean(dtype=np.float64) if union.any() else np.nan
            for a, b, union in zip(generated, truth, inside, strict=True)
        ]
    )


def mask_iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union of the masks of each frame, two (T, H, W) bool → (T,) float64 in 0..1. NaN where both are empty."""
    if found.shape != true.shape:
        raise ValueError(f"masks differ in shape: {found.shape} and {true.shape}")
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    return np.divide(both, either, out=np.full(len(found), np.nan), where=either > 0)


def frame_ssim(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity of each frame (Wang et al. 2004, scikit-image's, windows of 7×7).

    Args:
        generated, truth: (T, H, W, 3) uint8.

    Returns:
        (T,) float64 in −1..1, 1 for equal frames.
    """
    from skimage.metrics import structural_similarity

    _check(generated, truth)
    return np.array([structural_similarity(a, b, channel_axis=-1) for a, b in zip(generated, truth)], np.float64)


@lru_cache(maxsize=4)
def _rings(size: int) -> tuple[np.ndarray, np.ndarray]:
    """(size²,) int64, the ring that each 2-D frequency lies on, in cycles a frame; and (1 + round(size / √2),) how many lie on each."""
    cycles = np.fft.fftfreq(size, 1 / size)
    ring = np.hypot(*np.meshgrid(cycles, cycles)).round().astype(np.int64).ravel()
    return ring, np.bincount(ring)


def spectrum(frames: np.ndarray) -> np.ndarray:
    """Radially averaged power spectrum of each frame: how much there is of what size, wherever it is and however it is turned.

    The frame is taken as it is, as grey values below white: away from the performer that is zero, so that no window is needed
    to hide the frame's edges, and none favours its centre. A crop would make the frequencies depend on the pose. The corners
    of the frequency plane are counted too, since there is where a checkerboard shows, which transposed convolutions leave.

    Args:
        frames: (T, size, size, 3) uint8 on white.

    Returns:
        (T, round(size / √2)) float64 decibels, the mean power at 1, 2, … cycles a frame, no lower than `ROUNDING_POWER`. White
        noise of variance v adds a power of v at every frequency, whatever the size.
    """
    import scipy.fft

    size = frames.shape[1]
    if frames.shape[2] != size:
        raise ValueError(f"frames must be square, not {frames.shape[1:3]}")
    ring, count = _rings(size)
    power = np.empty((len(frames), len(count) - 1))  # zero frequency is on no ring
    for out, frame in zip(power, frames):
        every = np.abs(scipy.fft.fft2(255 - _grey(frame), norm="ortho")).ravel() ** 2
        out[:] = np.bincount(ring, every)[1:] / count[1:]  # BLAS would add in an order that depends on its threads
    return 10 * np.log10(power + ROUNDING_POWER)


def spectrum_distance(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How far the spectra of two frames are apart, which is what the eye sees as blur or as noise (Fig. 3).

    Unlike the share of high frequencies alone it grows for both. It does not ask where things are: a sharp performer in the
    wrong place is near, a blurred one in the right place is not.

    Args:
        generated, truth: (T, size, size, 3) uint8 on white.

    Returns:
        (T,) float64 decibels, the root mean square difference over the frequencies of `spectrum`; 0 for equal frames.
    """
    _check(generated, truth)
    return np.sqrt(((spectrum(generated) - spectrum(truth)) ** 2).mean(-1))


def _gradient_magnitude(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) uint8 → (T, H // 2, W // 2) float32: Prewitt gradients of the grey frame at half its size."""
    from scipy.ndimage import prewitt

    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    grey = _grey(frames[:, :height, :width])
    half = grey.reshape(len(grey), height // 2, 2, width // 2, 2).mean((2, 4))
    return np.stack([np.hypot(*(prewitt(one, axis, mode="nearest") / 3 for axis in (0, 1))) for one in half])


def gradient_magnitude_similarity(generated: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How alike the edges of two frames are: the mean of the gradient magnitude similarity map (Xue et al. 2014, "GMSD").

    As published, grey values are halved in size by averaging 2×2 pixels, gradients are Prewitt's and c is `GMS_CONSTANT`. It is
    the map's mean that is given here, not its deviation; and the border is continued, where the authors' code puts black
    around the picture. The white around a performer is alike and raises the mean, so compare only frames of one performer.

    Args:
        generated, truth: (T, H, W, 3) uint8.

    Returns:
        (T,) float64 in 0..1, 1 for equal frames.
    """
    _check(generated, truth)
    found, true = _gradient_magnitude(generated), _gradient_magnitude(truth)
    similarity = (2 * found * true + GMS_CONSTANT) / (found**2 + true**2 + GMS_CONSTANT)
    return similarity.mean((1, 2), dtype=np.float64)
