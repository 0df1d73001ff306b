"""Training (Sec. 3.2): settings and profiles, batches, one loop for all methods, the two branches, checkpoints, the trained Actor."""

from .actor import Actor, load_actor
from .settings import PROFILES, Profile, TrainSettings
from .split import split
from .trainer import train

__all__ = ["PROFILES", "Actor", "Profile", "TrainSettings", "load_actor", "split", "train"]
