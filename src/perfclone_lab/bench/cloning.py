"""`perfclone-lab bench clone` and `bench capture`: what a frame takes, stage by stage."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from perfclone.capture.alignment import fit_alignment
from perfclone.capture.masks import Refiner, encode_mask
from perfclone.capture.mediapipe_extractor import MediapipeExtractor
from perfclone.capture.performance import encode_cutout
from perfclone.cloning.fast_generator import FastGenerator
from perfclone.cloning.offline import WINDOWS, compose
from perfclone.errors import InputError
from perfclone.provenance import made_by
from perfclone.skeleton import FRAME
from perfclone.training import Actor, TrainSettings
from perfclone.training.networks import generator, pose_volume
from perfclone.video import VideoWriter, probe, read_frames
from perfclone.viz import enlarge

from ..flops import count_flops
from ..synthetic_task import Timing, made_up_poses, timed
from .machine import about, peak_flops, peak_memory
from .training import summary

CAPTURED = 60
"""Frames of a video that a capture's stages are timed on."""


def untrained(settings: TrainSettings, device: torch.device) -> Actor:
    """An actor whose G has its initial weights, before a grey plate. Generating takes as long as with trained ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = generator(settings).to(device).eval()
    plate = np.full((FRAME, FRAME, 3), 128, np.uint8)
    return Actor(Path(), settings, {"reference": [{"name": "nobody", "sha256": ""}]}, net, made_up_poses(), plate)


def bench_clone(settings: TrainSettings, device: torch.device, seconds: float = 20.0) -> dict:
    """Time the generator on a batch of windows, in turn with `Actor.generate`: the same network in fp32 as it was trained.

    Args:
        settings: of the actor, who is not trained.
        device: where G runs.
        seconds: for the timing.

    Returns:
        A record: `settings`, `machine`, `made_by`, for `ours` and `straightforward` what `training.summary` has, by frame; the ratio
        `speedup` of the median times; `stages_ms`, medians a frame, of the generator, the picture (enlarged, before a plate) and
        the encoder; `error` of ours in levels of 255, see `FastGenerator.error`.
    """
    actor = untrained(settings, device)
    fast, poses = FastGenerator(actor), _windows(settings)
    frames = poses.shape[0] * poses.shape[1]
    ours, theirs = timed(lambda: fast.generate(poses), lambda: actor.generate(poses), seconds=seconds, device=device)
    joints = torch.from_numpy(poses).to(device)
    with torch.no_grad():
        flop = count_flops(lambda: actor.generator(pose_volume(joints, settings)))
    peaks = {name: peak_flops(device, name) for name in {fast.precision, "fp32"}}
    memory = [peak_memory(run, settings, device, device=device) for run in (run_fast, run_actor)]
    a_frame = [Timing(tuple(time_s / frames for time_s in timing.times_s)) for timing in (ours, theirs)]
    stages = {"generator": 1000 * a_frame[0].median_s} | _picture_stages(fast.generate(poses)[:, 0], actor.plate)
    return {
        "bench": "clone",
        "settings": asdict(settings),
        "machine": about(device),
        **made_by(),
        "ours": summary(a_frame[0], flop / frames, fast.precision, peaks[fast.precision], memory[0]),
        "straightforward": summary(a_frame[1], flop / frames, "fp32", peaks["fp32"], memory[1]),
        "speedup": theirs.median_s / ours.median_s,
        "stages_ms": stages,
        "error": fast.error(poses),
    }


def _windows(settings: TrainSettings) -> np.ndarray:
    """(WINDOWS, N, 18, 2) made-up poses, as many as go through G at a time."""
    return made_up_poses(WINDOWS * settings.window).reshape(WINDOWS, settings.window, 18, 2)


def run_fast(settings: TrainSettings, device: torch.device) -> None:
    """A batch of windows through the fast generator, for its memory."""
    FastGenerator(untrained(settings, device)).generate(_windows(settings))


def run_actor(settings: TrainSettings, device: torch.device) -> None:
    """A batch of windows through the actor's own generator, for its memory."""
    untrained(settings, device).generate(_windows(settings))


def _picture_stages(generated: np.ndarray, plate: np.ndarray) -> dict[str, float]:
    """Median milliseconds a frame for the picture and, where there is a library for it, for its encoding."""
    poses = made_up_poses(len(generated))
    pictures, picture_ms = _each(zip(generated, poses), lambda one: compose(enlarge(one[0], FRAME), one[1], plate))
    if find_spec("av") is None:
        return {"picture": picture_ms}
    with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder) / "bench.mp4", FRAME, FRAME) as writer:
        numbered = enumerate(itertools.islice(itertools.cycle(pictures), CAPTURED))
        _, encoder_ms = _each(numbered, lambda one: writer.write(one[1], one[0] / 25))
    return {"picture": picture_ms, "encoder": encoder_ms}


def _each(items, work: Callable) -> tuple[list, float]:
    """What the work gives for each item, and the median milliseconds that it takes."""
    results, times = [], []
    for item in items:
        began = time.perf_counter()
        results.append(work(item))
        times.append(time.perf_counter() - began)
    return results, 1000 * float(np.median(times))


def bench_capture(video: str | Path) -> dict:
    """Time the stages of a capture on the beginning of a video with somebody in it.

    Returns:
        A record: `video` with its `size`, `machine`, `made_by`; `stages_ms`, median milliseconds a frame of `decode`, `pose`, `mask` and
        `cut-out`, of which a capture decodes twice; `ms_a_frame`, all that together.

    Raises:
        InputError: the video can't be used, or shows nobody at its beginning.
    """
    info = probe(video)
    began = time.perf_counter()
    frames = [frame for _, frame in read_frames(video, CAPTURED)]
    decode_ms = 1000 * (time.perf_counter() - began) / len(frames)
    with MediapipeExtractor() as extractor:
        found, pose_ms = _each(frames, lambda frame: extractor.people(0, frame))
    seen = [(frame, people[0]) for frame, people in zip(frames, found, strict=True) if people]
    if not seen:
        raise InputError(f"nobody is seen in the first {len(frames)} frames of {video}; give another video")
    alignment = fit_alignment(np.stack([person.joints for _, person in seen]), "torso")
    refiner = Refiner(np.median(np.stack(frames[:: len(frames) // 10 + 1]), 0).astype(np.uint8))
    masks, mask_ms = _each(seen, lambda one: _mask(refiner, *one))
    pairs = zip((frame for frame, _ in seen), masks, strict=True)
    _, cutout_ms = _each(pairs, lambda one: encode_cutout(np.dstack([alignment.image(one[0]), alignment.image(one[1])])))
    stages = {"decode": decode_ms, "pose": pose_ms, "mask": mask_ms, "cut-out": cutout_ms}
    return {
        "bench": "capture",
        "video": {"name": Path(video).name, "size": [info.width, info.height], "frames": len(frames)},
        "machine": about(torch.device("cpu")),
        **made_by(),
        "stages_ms": {name: round(ms, 3) for name, ms in stages.items()},
        "ms_a_frame": round(sum(stages.values()) + decode_ms, 3),
    }


def _mask(refiner: Refiner, frame: np.ndarray, person) -> np.ndarray:
    mask = refiner.refine(frame, person.mask)
    encode_mask(mask)
    return mask
