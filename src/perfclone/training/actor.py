"""A trained actor: the generator with what is needed to use it and to say where it came from. One folder on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from ..capture import archive
from ..device import find_device
from ..errors import InputError
from ..nets import ResNet, UNet
from ..nets.blocks import test_time
from ..skeleton import FRAME, J
from .checkpoint import load_weights
from .networks import DRAWING, FRAMES, MAPS, generator, pose_drawings, pose_volume
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

AT_ONCE = 16
"""Pictures that go through CycleGAN's generator at a time."""


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
        sees: what G is given: `maps` of poses, or for CycleGAN a `drawing` of a pose, or `frames` of somebody else (A13).
    """

    folder: Path
    settings: TrainSettings
    record: dict
    generator: UNet | ResNet
    joints: np.ndarray
    plate: np.ndarray
    sees: str = MAPS

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
            InputError: G sees frames, not poses.
        """
        if self.sees == FRAMES:
            raise InputError("this actor was trained from frames to frames and takes no poses: give frames to Actor.translate")
        if self.sees == DRAWING:
            return self.translate(pose_drawings(joints[:, 0], self.settings.size))[:, None]
        device = next(self.generator.parameters()).device
        poses = torch.from_numpy(np.ascontiguousarray(joints, np.float32)).to(device)
        return generate(self.generator, poses, self.settings).cpu().numpy()

    def translate(self, pictures: np.ndarray) -> np.ndarray:
        """G in test mode on pictures of what it `sees`, a drawing or a frame: (B, size, size, 3) uint8 → the same of the actor.

        Raises:
            ValueError: G sees confidence maps.
        """
        if self.sees == MAPS:
            raise ValueError("this actor is generated from poses")
        device = next(self.generator.parameters()).device
        return translate(self.generator, torch.from_numpy(pictures).to(device)).cpu().numpy()


@torch.no_grad()
def generate(net: UNet, joints: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    """(B, N, 18, 2) joints → (B, N, size, size, 3) uint8, leaving the network's state and mode as they were.

    With BatchNorm on the batch's own statistics each window is a batch of its own: what a frame looks like must not depend
    on which others happen to be generated with it (A10). So it is with dropout, whose draw is the same for every window.
    """
    alone = settings.test_statistics == "batch" or settings.test_dropout
    with test_time(net, settings.test_statistics, settings.test_dropout):
        frames = torch.cat([_answer(net, part, settings) for part in (joints.split(1) if alone else (joints,))])
    return _pictures(frames).unflatten(1, (settings.window, 3)).permute(0, 1, 3, 4, 2)


def _answer(net: UNet, joints: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    devices = [joints.device] if joints.device.type == "cuda" else []
    with torch.random.fork_rng(devices, enabled=settings.test_dropout):
        if settings.test_dropout:
            torch.manual_seed(0)
        return net(pose_volume(joints, settings))


@torch.no_grad()
def translate(net: ResNet, pictures: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 → (B, H, W, 3) uint8. Instance normalisation makes each picture's answer its own."""
    x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    return torch.cat([_pictures(net(part)) for part in x.split(AT_ONCE)]).permute(0, 2, 3, 1)


def _pictures(frames: torch.Tensor) -> torch.Tensor:
    """Of [−1, 1], as uint8."""
    return ((frames + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def read_record(folder: Path) -> dict:
    """The folder's actor.json. InputError if it is missing or can't be understood."""
    path = folder / RECORD
    if not path.is_file():
        raise InputError(f"{folder} is not an actor folder (no {RECORD} in it): give the folder that perfclone train wrote")
    try:
        record = json.loads(path.read_text("utf-8"))
        if record["format"] != FORMAT or record.get("sees", MAPS) not in (MAPS, DRAWING, FRAMES):
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
    settings, sees = stored_settings(record["settings"]), record.get("sees", MAPS)
    with archive.damage(f"the actor folder {folder}", "train the actor again"):
        count = sum(int(source["frames"]) for source in record["reference"])
        if not 0 < count <= archive.MAX_FRAMES:
            raise ValueError("frames out of range")
        joints = archive.read_arrays(folder / POSES, {"joints": ((count, J, 2), "<f4")})["joints"]
        png = archive.check_png((folder / PLATE).read_bytes(), FRAME, FRAME, "RGB")
        plate = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, though none is kept
        net = generator(settings, sees)
    load_weights(folder / WEIGHTS, net)
    return Actor(folder, settings, record, net.to(find_device(device)).eval(), joints, plate, sees)
