"""Poses and masks from MediaPipe's BlazePose (Bazarevsky et al. 2020), with the models that come inside its package."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..skeleton import JOINT, J
from .extractor import EXTRACTORS, Person

MAX_PEOPLE = 3

TRACKING_STEP_MS = 80
"""Time between frames as told to MediaPipe's filter, whose strength depends on it. Chosen on the clip named below."""

LANDMARKS = {
    "nose": (0,), "neck": (11, 12),
    "right_shoulder": (12,), "right_elbow": (14,), "right_wrist": (16,),
    "left_shoulder": (11,), "left_elbow": (13,), "left_wrist": (15,),
    "right_hip": (24,), "right_knee": (26,), "right_ankle": (28,),
    "left_hip": (23,), "left_knee": (25,), "left_ankle": (27,),
    "right_eye": (5,), "left_eye": (2,), "right_ear": (8,), "left_ear": (7,),
}  # fmt: skip
"""Which of BlazePose's 33 landmarks make each joint; the neck is half-way between the shoulders."""


@EXTRACTORS.register("mediapipe")
class MediapipeExtractor:
    """BlazePose (full model). A context manager; needs no network.

    Frames are taken one by one, up to `MAX_PEOPLE` people in each. With `tracking`, frames must come in order, one person is
    followed, and MediaPipe's own filter smooths them with some delay: for clips of so few frames a second that
    `smoothing.smooth` has nothing to fit. On a clip of 5 frames a second it brings the joints that disagree with another
    implementation by more than a tenth of the torso from 2.0 to 0.6 %, which may be agreement with that one's own delay rather
    than accuracy; at 25 frames a second it costs accuracy (dee, against truth: mean error 2.8 → 2.9-3.1 px of 320).
    """

    def __init__(self, tracking: bool = False) -> None:
        self._tracking = tracking
        self._clock_ms = 0

    def __enter__(self) -> MediapipeExtractor:
        with _quiet():
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=_model_bundle()),
                running_mode=vision.RunningMode.VIDEO if self._tracking else vision.RunningMode.IMAGE,
                num_poses=1 if self._tracking else MAX_PEOPLE,
                output_segmentation_masks=True,
            )
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        return self

    def __exit__(self, *error) -> None:
        with _quiet():
            self._landmarker.close()

    def people(self, index: int, frame: np.ndarray) -> list[Person]:
        """Everybody found in a (H, W, 3) uint8 RGB frame, with masks. See `extractor.Extractor`."""
        with _quiet():
            found = self._detected(frame)
            masks = [np.round(mask.numpy_view() * 255).astype(np.uint8) for mask in found.segmentation_masks or []]
        scale = np.array([frame.shape[1], frame.shape[0], frame.shape[1]])
        people = []
        for landmarks, mask in zip(found.pose_landmarks, masks):
            places = np.array([[one.x, one.y, one.z] for one in landmarks]) * scale
            sureness = np.array([min(one.visibility, one.presence) for one in landmarks])
            people.append(Person(*coco_joints(places, sureness), mask))
        return people

    def _detected(self, frame: np.ndarray):
        from mediapipe import Image, ImageFormat

        image = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        if not self._tracking:
            return self._landmarker.detect(image)
        self._clock_ms += TRACKING_STEP_MS
        return self._landmarker.detect_for_video(image, self._clock_ms)


def coco_joints(places: np.ndarray, sureness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """BlazePose's landmarks as the 18 joints.

    BlazePose places nose and eyes on the back of a head too, and is sure of them. There they get confidence 0: where the
    performer's left shoulder is to the left in the picture and the nose is further from the camera than the ears.

    Args:
        places: (33, 3) pixels; the third coordinate grows away from the camera.
        sureness: (33,) in [0, 1].

    Returns:
        (18, 2) float32 joints in pixels and (18,) float32 confidence.
    """
    joints, confidence = np.empty((J, 2), np.float32), np.empty(J, np.float32)
    for name, sources in LANDMARKS.items():
        joints[JOINT[name]] = places[list(sources), :2].mean(0)
        confidence[JOINT[name]] = sureness[list(sources)].min()
    turned_away = places[11, 0] < places[12, 0] and places[0, 2] > places[[7, 8], 2].mean()
    if turned_away:
        confidence[[JOINT["nose"], JOINT["right_eye"], JOINT["left_eye"]]] = 0
    return joints, confidence


def _model_bundle() -> bytes:
    """The package's two pose models in the form that its PoseLandmarker takes.

    The package ships them for its older interface, which follows one person only. The newer one wants a zip of both models,
    each with the range of its input in its metadata: [-1, 1] for the detector, [0, 1] for the landmarks.
    """
    import mediapipe
    from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter

    models = Path(mediapipe.__file__).parent / "modules"
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
        for name, file, mean, deviation in (
            ("pose_detector.tflite", "pose_detection/pose_detection.tflite", 127.5, 127.5),
            ("pose_landmarks_detector.tflite", "pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
        ):
            writer = MetadataWriter.create(bytearray((models / file).read_bytes()))
            writer.add_image_input([mean], [deviation])
            archive.writestr(name, bytes(writer.populate()[0]))
    return bundle.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what MediaPipe's C++ side writes to file descriptor 2 off the terminal; Python's errors pass as ever."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
