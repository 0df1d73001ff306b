"""perfclone: an executable companion to *Deep Video-Based Performance Cloning* (Aberman et al. 2018).

The data take one way::

    video ──capture──▶ Performance ──train──▶ Actor ──clone──▶ video

>>> import perfclone as pc
>>> reference = pc.capture("reference.mp4")
>>> driving = pc.capture("driving.mp4")
>>> pc.assess(reference, driving)
>>> actor = pc.train(reference, unpaired=[driving], profile="home")
>>> pc.clone(actor, driving, "clone.mp4")
"""

__version__ = "0.2.0"

from . import viz  # noqa: E402
from .assess import Assessment, assess  # noqa: E402
from .capture import CaptureSettings, Performance, capture, load_performance  # noqa: E402
from .cloning.offline import clone  # noqa: E402
from .cloning.online import LiveReport, live  # noqa: E402
from .errors import InputError  # noqa: E402
from .training import PROFILES, Actor, TrainSettings, load_actor, split, train  # noqa: E402

__all__ = [
    "PROFILES", "Actor", "Assessment", "CaptureSettings", "InputError", "LiveReport", "Performance", "TrainSettings",
    "assess", "capture", "clone", "live", "load_actor", "load_performance", "split", "train", "viz",
]  # fmt: skip
