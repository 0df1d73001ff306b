"""A trained actor: the generator with what is needed to use it and to say where it came from. One folder on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from torch import nn

from ..capture import archive
from ..device import find_device
from ..errors import InputError
from ..skeleton import FRAME, J
from .checkpoint import load_weights
from .methods import METHODS, PAPER
from .settings import TrainSettings, stored_settings

FORMAT = 1
RECORD, WEIGHTS, POSES, PLATE, LOG, SAMPLES = (
    "actor.json",
    "generator.safetensors",
    "poses.npz",
    "plate.png",
    "losses.csv",
    "samples.png",
)



@dataclass(frozen=True, eq=False)
class Actor:
    """A target actor whom the network can generate in any pose.

    Attributes:
        folder: where it is kept.
        settings: what it was trained with.
        record: provenance: method, profile, seed, device, reference and unpaired videos with hashes, versions, times.
        generator: G, on its device.
        joints: (T, 18, 2) float32, the reference poses in pixels of the aligned frame, NaN where missing.
        plate: (256, 256, 3) uint8, the reference video's background without the performer.
    """

    folder: Path
    settings: TrainSettings
    record: dict
    generator: nn.Module
    joints: np.ndarray
    plate: np.ndarray

    @property
    def method(self) -> str:
        """The name of the method that it was trained with, one of `METHODS`."""
        return method_of(self.record)

    @property
    def device(self) -> torch.device:
        """The generator's."""
        return next(self.generator.parameters()).device

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

        Raises:
            InputError: the method has no frame for a pose.
        """
        poses = torch.from_numpy(np.ascontiguousarray(joints, np.float32)).to(self.device)
        return METHODS.find(self.method).frames(self, poses).cpu().numpy()


def method_of(record: dict) -> str:
    """The method that a record names. Those of version 0.1 name only the rivals."""
    return record.get("method", PAPER)


def read_record(folder: Path) -> dict:
    """The folder's actor.json. InputError if it is missing or can't be understood."""
    path = folder / RECORD
    if not path.is_file():
        raise InputError(f"{folder} is not an actor folder (no {RECORD} in it): give the folder that perfclone train wrote")
    try:
        record = json.loads(path.read_text("utf-8"))
        if record["format"] != FORMAT or not isinstance(method_of(record), str):
            raise ValueError("another format")
        stored_settings(record["settings"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
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
    settings, method = stored_settings(record["settings"]), METHODS.find(method_of(record))
    with archive.damage(f"the actor folder {folder}", "train the actor again"):
        count = int(record.get("poses", sum(int(source["frames"]) for source in record["reference"])))
        if not 0 <= count <= archive.MAX_FRAMES:
            raise ValueError("frames out of range")
        joints = archive.read_arrays(folder / POSES, {"joints": ((count, J, 2), "<f4")})["joints"]
        png = archive.check_png((folder / PLATE).read_bytes(), FRAME, FRAME, "RGB")
        plate = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, though none is kept
        net = method.network(settings, record)
    load_weights(folder / WEIGHTS, net)
    return Actor(folder, settings, record, net.to(find_device(device)).eval(), joints, plate)
