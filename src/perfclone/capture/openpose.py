"""Poses from a folder of OpenPose's JSON files (`openpose --write_json`), one a frame (Cao et al. 2017)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..skeleton import J
from .extractor import Person

MAX_BYTES = 4_000_000
"""No honest file of one frame is larger."""

_NAME = re.compile(r"_(\d{12})_keypoints\.json$")

_OF_BODY_25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
"""Where the 18 joints are among BODY_25's; COCO's 18 are in our order already."""


class OpenPoseExtractor:
    """Reads `<name>_000000000000_keypoints.json` files of 18 (COCO) or 25 (BODY_25) keypoints.

    OpenPose's coordinates have their origin at the centre of the first pixel, ours at its corner: half a pixel is added.

    Args:
        folder: of the JSON files.
        scale: factors from the video's pixels to those of the frames given to `people`, (x, y).

    Raises:
        InputError: no such folder, or none of the files in it; later, in `people`, a damaged one.
    """

    def __init__(self, folder: str | Path, scale: tuple[float, float] = (1.0, 1.0)) -> None:
        self._scale = np.array(scale)
        try:
            files = sorted(path for path in Path(folder).iterdir() if _NAME.search(path.name))
        except OSError as error:
            raise InputError(f"{folder} is not a folder of OpenPose files ({error.strerror})") from error
        if not files:
            raise InputError(f"{folder} holds no *_keypoints.json; give the folder that openpose --write_json made")
        self.files = {int(_NAME.search(path.name).group(1)): path for path in files}

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """Everybody in the file of frame `index`; nobody where there is no such file. See `extractor.Extractor`."""
        path = self.files.get(index)
        people = [self._person(keypoints) for keypoints in read_keypoints(path)] if path else []
        return [person for person in people if (person.confidence > 0).sum() >= 2]

    def _person(self, keypoints: np.ndarray) -> Person:
        confidence = np.clip(keypoints[:, 2], 0, 1).astype(np.float32)
        joints = ((keypoints[:, :2] + 0.5) * self._scale).astype(np.float32)
        joints[confidence == 0] = np.nan
        return Person(joints, confidence)


def read_keypoints(path: Path) -> list[np.ndarray]:
    """(18, 3) float64 (x, y, confidence) of each person in one of OpenPose's files.

    Raises:
        InputError: not one of OpenPose's files, or damaged.
    """
    wrong = InputError(f"{path} is not a keypoint file of OpenPose; write them again with openpose --write_json")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise wrong
        people = json.loads(path.read_text(encoding="utf-8"))["people"]
        found = [np.array(person["pose_keypoints_2d"], np.float64) for person in people]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise wrong from error
    if any(one.shape not in ((3 * J,), (75,)) or not np.isfinite(one).all() or (abs(one) > 1e5).any() for one in found):
        raise wrong
    return [one.reshape(-1, 3) if one.size == 3 * J else one.reshape(-1, 3)[list(_OF_BODY_25)] for one in found]
