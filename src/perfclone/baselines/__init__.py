"""What the paper compares with. Nearest neighbour, so far."""

from .nearest_neighbour import nearest_frames, retrieve

__all__ = ["nearest_frames", "retrieve"]
