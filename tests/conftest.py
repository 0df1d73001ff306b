"""What several tests share: a cache of their own, and two shipped performances, captured once."""

from pathlib import Path

import pytest
import torch

import perfclone as pc

ACTORS = Path(__file__).parents[1] / "data" / "actors"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Tests neither use nor fill the user's cache, and train with the stand-in bank, which every machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFCLONE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("PERFCLONE_VGG19", raising=False)
        yield


@pytest.fixture(scope="session")
def dee():
    """The development actor's first four seconds."""
    return pc.capture(ACTORS / "dee.mp4", max_frames=100)


@pytest.fixture(scope="session")
def eve():
    """A driver's first four seconds."""
    return pc.capture(ACTORS / "eve.mp4", max_frames=100)


@pytest.fixture(scope="module")
def one_thread():
    """So that a training in a process of its own gives the same bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
