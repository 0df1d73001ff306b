"""Before a training: will it work, and what should be filmed to make it work? The pose metrics of Sec. 4 as a report for a person.

>>> report = assess("actor.mp4", "dance.mp4")
>>> print(report.text())
"""

from .assessing import assess
from .result import Assessment

__all__ = ["Assessment", "assess"]
