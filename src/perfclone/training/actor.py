"""A trained actor: the generator with what is needed to use it and to say where it came from. One folder on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from ..capture import archive
from ..device import find_device
from ..errors import InputError
from ..nets import UNet
from ..nets.blocks import test_time
from ..skeleton import FRAME, J
from .checkpoint import load_weights
from .networks import generator, pose_volume
from .settings import TrainSettings

FORMAT = 1
RECORD, WEIGHTS, POSES, PLATE, LOG, SAMPLES = (
    "actor.json",
    "generator.safetensors",
    "poses.npz",
    "plate.png",
    "losses.csv",
    "samples.png",
)


@dataclass(frozen=True)
class Actor:
    """A target actor whom the network can generate in any pose.

    Attributes:
        folder: where it is kept.
        settings: what it was trained with.
        record: provenance: profile, seed, device, which VGG bank, reference and unpaired videos with hashes, versions, times.
        generator: G, on its device.
        joints: (T, 18, 2) float32, the reference poses in pixels of the aligned frame, NaN where missing.
        plate: (256, 256, 3) uint8, the reference video's background without the performer.
    """

    folder: Path
    settings: TrainSettings
    record: dict
    generator: UNet
    joints: np.ndarray
    plate: np.ndarray

    @property
    def log(self) -> pd.DataFrame:
        """The losses over the training, a row a logged step. Each is the mean since the row before, without its weight λ."""
        return pd.read_csv(self.folder / LOG)

    @torch.no_grad()
    def generate(self, joints: np.ndarray) -> np.ndarray:
        """G in test mode on windows of poses.

        Args:
            joints: (B, N, 18, 2) float, pixels of the aligned frame, NaN where missing.

        Returns:
            (B, N, size, size, 3) uint8 on white.
        """
        device = next(self.generator.parameters()).device
        poses = torch.from_numpy(np.ascontiguousarray(joints, np.float32)).to(device)
        return generate(self.generator, poses, self.settings).cpu().numpy()


@torch.no_grad()
def generate(net: UNet, joints: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    """(B, N, 18, 2) joints → (B, N, size, size, 3) uint8, leaving the network's state and mode as they were.

    With BatchNorm on the batch's own statistics each window is a batch of its own: what a frame looks like must not depend
    on which others happen to be generated with it (A10).
    """
    parts = joints.split(1) if settings.test_statistics == "batch" else (joints,)
    with test_time(net, settings.test_statistics):
        frames = torch.cat([net(pose_volume(part, settings)) for part in parts])
    frames = ((frames + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return frames.unflatten(1, (settings.window, 3)).permute(0, 1, 3, 4, 2)


def read_record(folder: Path) -> dict:
    """The folder's actor.json. InputError if it is missing or can't be understood."""
    path = folder / RECORD
    if not path.is_file():
        raise InputError(f"{folder} is not an actor folder (no {RECORD} in it): give the folder that perfclone train wrote")
    try:
        record = json.loads(path.read_text("utf-8"))
        known = {field.name for field in fields(TrainSettings)}
        if record["format"] != FORMAT or set(record["settings"]) != known:
            raise ValueError("another format")
        TrainSettings(**record["settings"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise InputError(
            f"{path} is damaged or of another version of perfclone: remove the folder and train the actor again"
        ) from error
    return record


def load_actor(folder: str | Path, device: str = "auto") -> Actor:
    """Load what `train` wrote.

    Raises:
        InputError: the folder is missing, incomplete, damaged, or its training has not finished.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no actor folder {folder}: check the name, or make one with perfclone train")
    record = read_record(folder)
    if not record.get("finished"):
        raise InputError(f"the training of {folder} has not finished: run the same perfclone train command again to resume it")
    settings = TrainSettings(**record["settings"])
    with archive.damage(f"the actor folder {folder}", "train the actor again"):
        count = sum(int(source["frames"]) for source in record["reference"])
        if not 0 < count <= archive.MAX_FRAMES:
            raise ValueError("frames out of range")
        joints = archive.read_arrays(folder / POSES, {"joints": ((count, J, 2), "<f4")})["joints"]
        png = archive.check_png((folder / PLATE).read_bytes(), FRAME, FRAME, "RGB")
        plate = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, though none is kept
        net = generator(settings)
    load_weights(folder / WEIGHTS, net)
    return Actor(folder, settings, record, net.to(find_device(device)).eval(), joints, plate)
