"""What the U-Net and the PatchGAN share: the normalisation layer, the initialisation, and the mode at test time (A2, A10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Normalisation after a convolution: `batch` as in pix2pix, or `instance` (without affine terms, as in its authors' code)."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    raise ValueError(f"norm must be 'batch' or 'instance', not {kind!r}")


def initialise(net: nn.Module, std: float) -> None:
    """Normal weights of deviation `std`, zero biases; BatchNorm's scale around 1 (pix2pix; the paper's N(0, 0.2) is A2)."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)


@contextmanager
def at_test_time(net: nn.Module, statistics: str, dropout: bool = False) -> Iterator[None]:
    """Use `net` for inference: BatchNorm normalises by the `running` or by the `batch`'s own statistics, `dropout` is off or on.

    The modules' state is left as it was: neither the running statistics nor their counter move (A10).
    """
    if statistics not in ("running", "batch"):
        raise ValueError(f"statistics must be 'running' or 'batch', not {statistics!r}")
    before = [(module, module.training) for module in net.modules()]
    net.eval()
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)] if statistics == "batch" else []
    for norm in norms:
        norm.training, norm.track_running_stats = True, False  # so that the batch's statistics are used and not recorded
    for module in net.modules() if dropout else ():
        module.training = module.training or isinstance(module, nn.Dropout)
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
        for module, training in before:
            module.training = training
