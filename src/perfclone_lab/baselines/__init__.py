"""What the paper compares with: nearest neighbour, pix2pix, CycleGAN, pose-guided person generation (Sec. 5.1, 5.2)."""

from ..datasets.crowd import load_crowd
from .cyclegan import cyclegan_settings, translate_frames
from .nearest_neighbour import nearest_frames, retrieve
from .pg2 import fine_tune_pg2, pg2_actor, pg2_settings, train_pg2
from .pix2pix import pix2pix_settings

__all__ = [
    "cyclegan_settings",
    "fine_tune_pg2",
    "load_crowd",
    "nearest_frames",
    "pg2_actor",
    "pg2_settings",
    "pix2pix_settings",
    "retrieve",
    "train_pg2",
    "translate_frames",
]
