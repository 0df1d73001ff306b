"""Faster forms of some functions, with the same results up to rounding: `fast(losses.vgg)` is Eq. (1) as trainings compute it.

On a processor the largest tensors of a training, 64 features and twelve limbs' distances a pixel, would not fit into a cache. Here they
are made piece by piece and never leave it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from . import losses
from .nets import conditioning
from .nets.conditioning import limb_ends, pixel_centres
from .skeleton import FRAME, LIMBS

TWINS: dict[Callable, Callable] = {}
"""Plain function → its faster form. `tests/core/test_fast.py` holds each to the plain one within 1e-5."""


def fast(plain: Callable) -> Callable:
    """The faster form of a function, or the function itself if it has none."""
    return TWINS.get(plain, plain)


def twin_of(plain: Callable) -> Callable[[Callable], Callable]:
    """Register what is decorated as the faster form of a plain function."""

    def register(function: Callable) -> Callable:
        TWINS[plain] = function
        return function

    return register


@twin_of(losses.vgg)
def vgg(phi: Callable[[Tensor], Tensor], generated: Tensor, real: Tensor, reduction: str = "mean") -> Tensor:
    """Eq. (1), for one frame after another, with its gradient computed on the way forward."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum', not {reduction!r}")
    return _FeatureDistance.apply(generated, real, phi, reduction)


class _FeatureDistance(torch.autograd.Function):
    """‖φ(a) − φ(b)‖₁ with its gradient to a."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, phi: Callable[[Tensor], Tensor], reduction: str) -> Tensor:
        frames_a, frames_b = (x.detach().reshape(-1, 3, *x.shape[-2:]) for x in (a, b))
        at_once = 1 if a.device.type == "cpu" else len(frames_a)
        total, gradients, elements = 0.0, [], 0
        for x, y in zip(frames_a.split(at_once), frames_b.split(at_once), strict=True):
            with torch.enable_grad():
                features = phi(x.requires_grad_())
            difference = features.detach() - phi(y)
            total = total + difference.abs().sum()
            elements += difference.numel()
            gradients.append(torch.autograd.grad(features, x, difference.sign_())[0])
        ctx.divisor = elements if reduction == "mean" else len(a)
        ctx.save_for_backward(torch.cat(gradients).reshape(a.shape))
        return total / ctx.divisor

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.saved_tensors[0] * (grad / ctx.divisor), None, None, None


@twin_of(conditioning.limb_falloff)
def limb_falloff(joints: Tensor, size: int, sigma: float = 0.06) -> Tensor:
    """α of Eq. (4), for one limb after another."""
    first, second = joints[:, limb_ends(joints.device)].unbind(2)  # (B, L, 2) each
    known = ~(torch.isnan(first) | torch.isnan(second)).any(-1)
    start, end = (torch.where(known[..., None], point, 0.0) for point in (first, second))
    along = end - start
    length2 = (along**2).sum(-1).clamp_min(1e-12)
    centres = pixel_centres(size, joints)
    distance2 = torch.full((len(joints), size, size), torch.inf, dtype=joints.dtype, device=joints.device)
    for limb in range(len(LIMBS)):  # one after another: all limbs' maps at once would not fit into a processor's cache
        x, y = (centres - start[:, limb, axis, None] for axis in (0, 1))  # (B, size) from the limb's start
        ax, ay = along[:, limb, :1], along[:, limb, 1:]
        squared = (x**2)[:, None, :] + (y**2)[:, :, None]
        share = ((x * ax)[:, None, :] + (y * ay)[:, :, None]).div_(length2[:, limb, None, None])
        nearest = share.clamp(0, 1)  # where on the limb its nearest point lies
        squared += nearest * (nearest - 2 * share) * length2[:, limb, None, None]
        squared.masked_fill_(~known[:, limb, None, None], torch.inf)
        torch.minimum(distance2, squared, out=distance2)
    return torch.exp(distance2.clamp_min_(0).mul_(-0.5 / (sigma * FRAME) ** 2))[:, None]
