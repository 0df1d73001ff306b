"""Equations (1)-(6) of Sec. 3.2, and the ℓ1 loss of Fig. 3, one function each, pure: tensors in, a scalar out.

They are written as on the board. A training takes the faster form that `fast` has of some, which a test holds to these.

Discriminators answer with logits, so log D is log σ(logit), computed without ever forming D. As printed, the signs of
Eq. (2) are off in two places (A3): D *maximises* the value of Eq. (2) and (5), and G minimises `generator_gan`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from .nets.warping import warp


def vgg(phi: Callable[[Tensor], Tensor], generated: Tensor, real: Tensor, reduction: str = "mean") -> Tensor:
    """Eq. (1): L_vgg = E ‖φ(G(P(x))) − φ(x)‖₁.

    Args:
        phi: features of images in [−1, 1], such as `nets.VGGFeatures`.
        generated, real: (B, 3·N, H, W) in [−1, 1].
        reduction: `mean` over elements or `sum` (A17).

    Returns:
        Scalar, at least 0.
    """
    return _distance(phi(generated), phi(real), reduction, batch=len(generated))


def l1(generated: Tensor, real: Tensor, reduction: str = "mean") -> Tensor:
    """‖G(P(x)) − x‖₁ on RGB values, what Eq. (1) is compared with in Fig. 3 and pix2pix's reconstruction loss.

    Args:
        generated, real: (B, 3·N, H, W) in [−1, 1].
        reduction: `mean` over elements or `sum` (A17).

    Returns:
        Scalar, at least 0.
    """
    return _distance(generated, real, reduction)


def paired_gan(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Eq. (2): L_gan_p = E log D_p(P(x), x) + E log(1 − D_p(P(x), G(P(x)))).

    Args:
        real_logits, fake_logits: any shape; logits of D_p, which sees the pose beside the frames.

    Returns:
        Scalar, at most 0. D_p maximises it.
    """
    return _gan_value(real_logits, fake_logits)


def generator_gan(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    """G's share of Eq. (2) and (5): −E log D(G(y)), or with `saturating` E log(1 − D(G(y))), the term as printed (A3).

    Args:
        fake_logits: any shape; logits for generated frames.

    Returns:
        Scalar, to be minimised by G. Both forms fall as D is fooled; the first has a gradient where D is sure.
    """
    return F.logsigmoid(-fake_logits).mean() if saturating else -F.logsigmoid(fake_logits).mean()


def reconstruction(gan_p: Tensor, vgg: Tensor, lambda_vgg: float = 10.0) -> Tensor:
    """Eq. (3): L_rec = L_gan_p + λ_vgg L_vgg."""
    return gan_p + lambda_vgg * vgg


def temporal_coherence(previous: Tensor, current: Tensor, flow: Tensor, alpha: Tensor, reduction: str = "mean") -> Tensor:
    """Eq. (4): L_tc = E ‖α(y_{i+1}) · (W(G(y_i), f_i) − G(y_{i+1}))‖₁.

    Args:
        previous, current: (B, 3, H, W) in [−1, 1], G(y_i) and G(y_{i+1}).
        flow: (B, 2, H, W) pixels, from frame i+1 back to frame i of the driving video (A8).
        alpha: (B, 1, H, W) in [0, 1], the falloff from the limbs of y_{i+1}.
        reduction: `mean` over elements or `sum` (A17).

    Returns:
        Scalar, at least 0.
    """
    return _distance(alpha * warp(previous, flow), alpha * current, reduction)


def unpaired_gan(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Eq. (5): L_gan_s = E log D_s(x) + E log(1 − D_s(G(y))).

    The form of Eq. (2), for the discriminator that sees frames without a pose: x is from the reference video, y from a
    driving video. D_s maximises it.
    """
    return _gan_value(real_logits, fake_logits)


def total(rec: Tensor, gan_s: Tensor, tc: Tensor, lambda_s: float, lambda_tc: float = 10.0) -> Tensor:
    """Eq. (6): L_total = L_rec + λ_s (L_gan_s + λ_tc L_tc)."""
    return rec + lambda_s * (gan_s + lambda_tc * tc)


def _gan_value(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E log D(real) + E log(1 − D(fake)), where D = σ(logit)."""
    return F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()


def _distance(a: Tensor, b: Tensor, reduction: str, batch: int | None = None) -> Tensor:
    """‖a − b‖₁ as a mean over elements, or as printed: a sum over each sample's elements, averaged over the batch (A17)."""
    if reduction == "mean":
        return F.l1_loss(a, b)
    if reduction == "sum":
        return F.l1_loss(a, b, reduction="sum") / (batch or len(a))
    raise ValueError(f"reduction must be 'mean' or 'sum', not {reduction!r}")
