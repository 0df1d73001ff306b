"""The generators by name; `TrainSettings.generator` chooses."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..registry import Registry

GENERATORS: Registry[Callable[..., nn.Module]] = Registry("generator", "perfclone.generators")
"""Each makes a network (B, in, H, W) → (B, out, H, W) in [−1, 1] from `in_channels, out_channels, size, width, norm, dropout`."""
