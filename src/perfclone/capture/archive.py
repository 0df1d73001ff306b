"""Zip files of frames and arrays, checked before anything of theirs is decoded: a damaged or hostile one is an InputError."""

from __future__ import annotations

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import InputError

MAX_FRAMES = 1_000_000
MAX_PNG_BYTES = 16_000_000
MAX_JSON_BYTES = 4_000_000

_COLOURS = {(8, 0): "grey", (8, 2): "RGB", (8, 6): "RGBA", (16, 2): "RGB 16 bit"}


_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip


@contextmanager
def damage(what: str | Path, remedy: str):
    """Whatever reading a file can raise becomes InputError("... is damaged ...")."""
    try:
        yield
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{what} is missing, incomplete or damaged; {remedy}") from error


def frame_name(index: int) -> str:
    """The name of a frame in an archive, such as `000042.png`."""
    return f"{index:06d}.png"


def write_frames(archive: zipfile.ZipFile, pngs: Iterable[bytes]) -> None:
    """Add PNG files, stored as they are, named by their number."""
    for index, png in enumerate(pngs):
        archive.writestr(frame_name(index), png)


def check_frames(archive: zipfile.ZipFile, count: int) -> None:
    """ValueError unless the archive holds exactly the frames 0 … count − 1, none of an absurd size."""
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if len(sizes) != count:
        raise ValueError(f"{len(sizes)} frames instead of {count}")
    if any(sizes[frame_name(index)] > MAX_PNG_BYTES for index in range(count)):
        raise ValueError("a frame is too large")


def check_png(png: bytes, width: int, height: int, kind: str) -> bytes:
    """The PNG itself; ValueError unless its header says `width`×`height` and `kind` ("grey", "RGB", "RGBA", "RGB 16 bit")."""
    if png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR":
        raise ValueError("not a PNG file")
    found = struct.unpack(">IIBB", png[16:26])
    if found[:2] != (width, height) or _COLOURS.get(found[2:]) != kind:
        raise ValueError(f"a PNG file of {found} instead of {width}×{height} {kind}")
    return png


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """The bytes of one member; ValueError if there are more than `limit`."""
    if archive.getinfo(name).file_size > limit:
        raise ValueError(f"{name} is too large")
    return archive.read(name)


def read_arrays(file, expected: dict[str, tuple[tuple[int, ...], str]]) -> dict[str, np.ndarray]:
    """Arrays of known shape and dtype from an npz; ValueError if it holds anything else under these names."""
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for name, (shape, dtype) in expected.items():
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            data = io.BytesIO(read_member(archive, f"{name}.npy", size + 4096))
            if np.lib.format.read_magic(data) != (1, 0):
                raise ValueError(f"{name} is of an unknown version")
            found_shape, fortran, found_dtype = np.lib.format.read_array_header_1_0(data)
            if found_shape != shape or fortran or found_dtype != np.dtype(dtype):
                raise ValueError(f"{name} is {found_dtype} {found_shape} instead of {dtype} {shape}")
            arrays[name] = np.frombuffer(data.read(), dtype).reshape(shape).copy()
    return arrays


def read_json(data: bytes) -> dict:
    """A JSON object; ValueError if it is anything else."""
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found
