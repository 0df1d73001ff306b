"""Pose volumes for the generator (Sec. 3.1) and the weight map α of Eq. (4), rendered on the device from keypoints.

Storing 36 maps of 256×256 floats takes 9.4 MB a sample, the 36 joints 288 bytes; both maps are cheap to render anew.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..skeleton import FRAME, LIMBS


def pixel_centres(size: int, like: Tensor) -> Tensor:
    """(size,) coordinates of the pixel centres of a size×size image, in pixels of the aligned frame."""
    return (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) * (FRAME / size)


@cache
def limb_ends(device: torch.device) -> Tensor:
    """(L, 2) int64, the joints at both ends of each limb, brought to a device once."""
    return torch.tensor(LIMBS, device=device)


def confidence_maps(joints: Tensor, size: int, sigma: float = 7 / 368, normalise: bool = True) -> Tensor:
    """Part confidence maps: a 2-D Gaussian at each joint (Sec. 3.1; σ is open point A4, the normalisation A5).

    A Gaussian is the outer product of two 1-D ones, which is exact and far cheaper than evaluating it densely; so are
    its mean and variance over the frame.

    Args:
        joints: (B, M, 2) float, pixels of the aligned frame; NaN where missing. M is any number of joints, N·18 for a window.
        size: side of the maps in pixels.
        sigma: standard deviation of the Gaussian as a share of the frame's side (7 of 368 px in Cao et al. 2017).
        normalise: zero mean and unit variance over each map, "to achieve similar map values for different characters".

    Returns:
        (B, M, size, size) float. A joint that is missing or lies outside the frame gives a map of zeros.
    """
    centres = pixel_centres(size, joints)
    known = ((joints >= 0) & (joints <= FRAME)).all(-1)  # comparisons with NaN are false
    at = torch.where(known[..., None], joints, 0.0)
    profile = torch.exp(-0.5 * ((centres - at[..., None]) / (sigma * FRAME)) ** 2)  # (B, M, 2, size)
    gx, gy = profile[..., 0, :], profile[..., 1, :]
    weight = known.to(joints.dtype)[..., None, None]
    if not normalise:
        return weight * gy[..., :, None] * gx[..., None, :]
    mean = gx.mean(-1) * gy.mean(-1)
    variance = (gx**2).mean(-1) * (gy**2).mean(-1) - mean**2
    scale = weight * torch.rsqrt(variance)[..., None, None]
    return (gy[..., :, None] * scale * gx[..., None, :]).sub_(mean[..., None, None] * scale)


def limb_falloff(joints: Tensor, size: int, sigma: float = 0.06) -> Tensor:
    """α of Eq. (4): a Gaussian falloff from the limbs that connect the joints (its width is open point A6).

    Args:
        joints: (B, 18, 2) float, pixels of the aligned frame; NaN where missing. Limbs that lack a joint are left out.
        size: side of the map in pixels.
        sigma: standard deviation of the falloff as a share of the frame's side.

    Returns:
        (B, 1, size, size) float in [0, 1], 1 on a limb. Zero everywhere for a pose without any limb.
    """
    first, second = joints[:, limb_ends(joints.device)].unbind(2)  # (B, L, 2) each
    known = ~(torch.isnan(first) | torch.isnan(second)).any(-1)
    start, end = (torch.where(known[..., None], point, 0.0)[:, :, None, None] for point in (first, second))
    centres = pixel_centres(size, joints)
    offset = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1) - start  # (B, L, size, size, 2)
    along = end - start
    share = (offset * along).sum(-1) / (along**2).sum(-1).clamp_min(1e-12)  # where on the limb its nearest point lies
    distance = (offset - share.clamp(0, 1)[..., None] * along).norm(dim=-1)
    nearest = distance.masked_fill(~known[..., None, None], torch.inf).amin(1, keepdim=True)
    return torch.exp(-0.5 * (nearest / (sigma * FRAME)) ** 2)
