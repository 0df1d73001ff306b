"""φ of Eq. (1): the features of VGG-19's relu1_1, and where its weights come from.

Two trainings of VGG-19 are in use. The original one (Simonyan and Zisserman 2014, a Caffe model) expects RGB in 0..255
minus the mean colour; torchvision's expects RGB in 0..1, normalised by ImageNet's mean and deviation. Convolution and ReLU
are homogeneous, so both are folded here into one form that takes images in [−1, 1] and answers on that scale (A17).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import InputError
from ..files import cache_folder

VARIABLE = "PERFCLONE_VGG19"
URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
TORCHVISION_SHA256 = "dcbb9e9d"  # the published file's name carries the start of its hash
IMAGENET_MEAN, IMAGENET_STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

STANDIN = "stand-in filter bank (not VGG-19)"


@dataclass(frozen=True)
class Bank:
    """A first layer for images in [−1, 1].

    Attributes:
        name: what it is, in words; shown wherever a result made with it is shown.
        weight: (64, 3, 3, 3) float32, RGB.
        bias: (64,) float32.
        mean: (3,) float32, the colour in [−1, 1] that is subtracted before the convolution pads with zeros.
    """

    name: str
    weight: Tensor
    bias: Tensor
    mean: Tensor

    @property
    def genuine(self) -> bool:
        """Whether this is a VGG-19. No verdict rests on a result made without one."""
        return self.name != STANDIN

    @property
    def sha256(self) -> str:
        """Of all its numbers, in hexadecimal, for the records of what was made with this bank."""
        return hashlib.sha256(b"".join(part.numpy().tobytes() for part in (self.weight, self.bias, self.mean))).hexdigest()


class VGGFeatures(nn.Module):
    """φ(x): relu1_1 of VGG-19, at the resolution of the input (Sec. 3.2). Frozen.

    Args:
        bank: the layer, see `load_vgg`.
        input_range: scale of the input that the features answer to: `unit` for [−1, 1], `byte` for the original's 0..255 (A17).
    """

    def __init__(self, bank: Bank, input_range: str = "unit"):
        super().__init__()
        if input_range not in ("unit", "byte"):
            raise ValueError(f"input_range must be 'unit' or 'byte', not {input_range!r}")
        scale = 127.5 if input_range == "byte" else 1.0  # convolution and ReLU are homogeneous
        for name, value in (("weight", bank.weight * scale), ("bias", bank.bias * scale), ("mean", bank.mean.clone())):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3·N, H, W) in [−1, 1] → (B·N, 64, H, W), non-negative. Frames of a window are taken one by one."""
        x = x.reshape(-1, 3, *x.shape[-2:]) - self.mean[:, None, None]
        with torch.autocast(x.device.type, enabled=False):  # in bf16 one step between two greys is as large as its error
            return F.relu_(F.conv2d(x, self.weight, self.bias, padding=1))  # in place: these are the largest tensors of all


def standin_bank() -> Bank:
    """A fixed bank of 64 filters for when no VGG-19 can be had: ±(the 27 products of 3×3 cosine patterns and colour-opponent
    directions, and five oblique edges in grey), each of unit length. It is not VGG-19, and everything made with it says so."""
    k = np.arange(3)
    cosines = np.array([np.cos(np.pi * (k + 0.5) * f / 3) for f in range(3)])
    colours = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]])
    filters = [
        np.einsum("c,y,x->cyx", colour, cosines[i], cosines[j]) for colour in colours for i in range(3) for j in range(3)
    ]
    x, y = np.meshgrid(k - 1.0, k - 1.0)
    filters += [
        np.broadcast_to(np.cos(angle) * x + np.sin(angle) * y, (3, 3, 3)) for angle in np.pi * np.array([1, 2, 4, 5, 7]) / 8
    ]
    bank = np.stack([f / np.linalg.norm(f) for f in filters])
    weight = torch.from_numpy(np.concatenate([bank, -bank]).astype(np.float32))
    return Bank(STANDIN, weight, torch.zeros(64), torch.zeros(3))


def _from_caffe(weight: Tensor, bias: Tensor, mean_255: Tensor) -> Bank:
    return Bank("VGG-19 relu1_1 (original weights)", weight, bias / 127.5, mean_255 / 127.5 - 1)


def _from_torchvision(weight: Tensor, bias: Tensor) -> Bank:
    gain = 2 * IMAGENET_STD.mean()  # so that an input spanning [−1, 1] keeps that span after the division by the deviation
    folded = weight / (2 * IMAGENET_STD[:, None, None]) * gain
    return Bank("VGG-19 relu1_1 (torchvision weights)", folded, bias * gain, 2 * IMAGENET_MEAN - 1)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bank(path: str | Path) -> Bank:
    """Read the first layer of a VGG-19.

    Takes `.npz` with `weight` (64×3×3×3, RGB), `bias` and `mean_rgb_255` (the original training); `.safetensors` with
    torchvision's names `features.0.weight` and `features.0.bias`; or torchvision's own `.pth` if its hash is the published one.

    Raises:
        InputError: the file is missing, unreadable, of another layout or, for a `.pth`, not the published file.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                parts = [torch.from_numpy(file[key].astype(np.float32)) for key in ("weight", "bias", "mean_rgb_255")]
        elif path.suffix == ".pth":
            if not _sha256(path).startswith(TORCHVISION_SHA256):
                raise InputError(
                    f"{path} is not torchvision's published vgg19 file (sha256 {TORCHVISION_SHA256}…): download {URL}"
                )
            state = torch.load(path, map_location="cpu", weights_only=True)
            parts = [state["features.0.weight"], state["features.0.bias"]]
        else:
            state = load_file(path)
            parts = [state["features.0.weight"], state["features.0.bias"]]
    except (OSError, KeyError, ValueError, EOFError, SafetensorError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"cannot read VGG-19 weights from {path} ({error}): give an .npz, .safetensors or torchvision's .pth"
        ) from error
    if [tuple(part.shape) for part in parts] != [(64, 3, 3, 3), (64,), (3,)][: len(parts)]:
        raise InputError(f"{path} does not hold VGG-19's conv1_1: expected weight 64×3×3×3 and bias 64")
    return _from_caffe(*parts) if len(parts) == 3 else _from_torchvision(*parts)


def _cached() -> Path:
    return cache_folder("weights") / "vgg19_conv1_1.safetensors"


def _download() -> Path:
    """torchvision's file, checked by its hash, cut down to conv1_1 (7 KB of 548 MB) and kept. OSError where it can't be had."""
    import urllib.request

    with urllib.request.urlopen(urllib.request.Request(URL, method="HEAD"), timeout=5):
        pass  # a machine without the network is found out here, in seconds
    cached = _cached()
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        state = torch.hub.load_state_dict_from_url(
            URL, model_dir=folder, map_location="cpu", check_hash=True, weights_only=True
        )
        slim = {key: state[key].contiguous() for key in ("features.0.weight", "features.0.bias")}
        save_file(slim, Path(folder) / cached.name)
        os.replace(Path(folder) / cached.name, cached)
    return cached


def load_vgg(source: str = "auto") -> Bank:
    """Find the first layer of VGG-19.

    Args:
        source: a file (see `read_bank`), `standin`, or `auto`: the file named by the environment variable PERFCLONE_VGG19,
            else the slice kept from an earlier download, else torchvision's download, else the stand-in bank.

    Returns:
        The bank; its `name` says which one was found.

    Raises:
        InputError: a file that was asked for by name can't be used.
    """
    if source == "standin":
        return standin_bank()
    if source != "auto":
        return read_bank(source)
    if os.environ.get(VARIABLE):
        return read_bank(os.environ[VARIABLE])
    if _cached().exists():
        return read_bank(_cached())
    try:
        return read_bank(_download())
    except (OSError, RuntimeError):  # no network, or a download whose hash is wrong
        return standin_bank()
