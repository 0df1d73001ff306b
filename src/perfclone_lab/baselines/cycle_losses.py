"""CycleGAN's objective (Zhu et al. 2017), one function each, pure: tensors in, a scalar out. Numbers of equations are that paper's.

There are two generators, G from domain X to Y and F back, and two discriminators, D_X and D_Y. With labels 1 for real and 0 for
generated, all adversarial terms are squared distances of a discriminator's answers from a label, in place of the logarithms of Eq. (1).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def generator_gan(fake_scores: Tensor) -> Tensor:
    """Eq. (1) as least squares (Sec. 4), what G minimises: E (D_Y(G(x)) − 1)².

    Args:
        fake_scores: any shape, D's answers to generated images.

    Returns:
        Scalar, at least 0.
    """
    return (fake_scores - 1).square().mean()


def discriminator_gan(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Eq. (1) as least squares, what D_Y minimises: ½ (E (D_Y(y) − 1)² + E D_Y(G(x))²).

    The half is in its authors' description of the training (Sec. 7.1), "which slows down the rate at which D learns".

    Args:
        real_scores, fake_scores: any shape, D's answers to real and to generated images.

    Returns:
        Scalar, at least 0.
    """
    return ((real_scores - 1).square().mean() + fake_scores.square().mean()) / 2


def cycle_consistency(x: Tensor, x_again: Tensor, y: Tensor, y_again: Tensor) -> Tensor:
    """Eq. (2): L_cyc = E ‖F(G(x)) − x‖₁ + E ‖G(F(y)) − y‖₁, means over elements.

    Args:
        x, y: (B, 3, H, W) in [−1, 1], images of the two domains; x_again, y_again: F(G(x)) and G(F(y)).

    Returns:
        Scalar, at least 0.
    """
    return F.l1_loss(x_again, x) + F.l1_loss(y_again, y)


def identity(x: Tensor, x_same: Tensor, y: Tensor, y_same: Tensor) -> Tensor:
    """L_identity of Sec. 5.2: E ‖G(y) − y‖₁ + E ‖F(x) − x‖₁: what is of its domain already shall stay as it is.

    Args:
        x, y: (B, 3, H, W) in [−1, 1], images of the two domains; x_same, y_same: F(x) and G(y).

    Returns:
        Scalar, at least 0.
    """
    return F.l1_loss(y_same, y) + F.l1_loss(x_same, x)


def total(gan: Tensor, cycle: Tensor, identity: Tensor, lambda_cycle: float = 10.0, lambda_identity: float = 0.5) -> Tensor:
    """Eq. (3), with the identity's term: L_GAN(G) + L_GAN(F) + λ (L_cyc + λ_identity L_identity).

    Args:
        gan: both generators' adversarial terms, added.
    """
    return gan + lambda_cycle * (cycle + lambda_identity * identity)
