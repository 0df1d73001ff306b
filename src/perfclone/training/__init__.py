"""Training of the two-branch network (Sec. 3.2): settings and profiles, batches, the loop, checkpoints, and the trained Actor."""

from .actor import Actor, load_actor
from .settings import PROFILES, Profile, TrainSettings
from .split import split
from .trainer import train

__all__ = ["PROFILES", "Actor", "Profile", "TrainSettings", "load_actor", "split", "train"]
