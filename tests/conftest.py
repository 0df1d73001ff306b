"""What several tests share: a cache of their own, and two shipped performances, captured once."""

import os
from pathlib import Path

import pytest
import torch

import perfclone as pc

torch.set_num_threads(1)  # two test processes share the machine; networks as small as the tests' are slower on more
os.environ["OMP_NUM_THREADS"] = "1"  # for what tests start

ACTORS = Path(__file__).parents[1] / "data" / "actors"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Tests neither use nor fill the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFCLONE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def dee():
    """The development actor's first four seconds."""
    return pc.capture(ACTORS / "dee.mp4", max_frames=100)


@pytest.fixture(scope="session")
def eve():
    """A driver's first four seconds."""
    return pc.capture(ACTORS / "eve.mp4", max_frames=100)
