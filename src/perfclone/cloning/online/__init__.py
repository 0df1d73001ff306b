"""Cloning while it is being filmed (Sec. 5.3): frames in as they come, the actor out a moment later.

>>> report = live(load_actor("actors/me"), "dance.mp4", out="clone.mp4")
>>> print(report.text())
"""

from .live import live
from .report import LiveReport

__all__ = ["LiveReport", "live"]
