"""What the paper compares with: nearest neighbour, pix2pix, CycleGAN (Sec. 5.1, 5.2)."""

from .cyclegan import cyclegan_settings, train_cyclegan
from .nearest_neighbour import nearest_frames, retrieve
from .pix2pix import pix2pix_settings

__all__ = ["cyclegan_settings", "nearest_frames", "pix2pix_settings", "retrieve", "train_cyclegan"]
