"""`capture` and the folder it makes: what is kept is what was found, damage is noticed, nothing is done twice."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import perfclone as pc
from perfclone.capture import flow, pipeline
from perfclone.capture.archive import read_arrays
from perfclone.capture.performance import encode_cutout, on_white, save_performance
from perfclone.errors import InputError
from perfclone.skeleton import FRAME, J, PoseTrack
from perfclone.video import VideoWriter, read_frames

ACTORS = Path(__file__).parents[2] / "data" / "actors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A captured folder of eleven frames."""
    path = tmp_path_factory.mktemp("captures") / "new" / "eve"
    pc.capture(ACTORS / "eve.mp4", max_frames=11, out=path)
    return path


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_shapes_and_ranges(folder):
    performance = pc.load_performance(folder)
    assert len(performance) == len(performance.poses) == 11 and performance.name == "eve"
    assert performance.fps == pytest.approx(25) and performance.notices == ()
    for size in (256, 64):
        frames, masks, moves = performance.frames(size), performance.masks(size), performance.flow(size)
        assert (frames.shape, frames.dtype) == ((11, size, size, 3), np.uint8)
        assert (masks.shape, masks.dtype) == ((11, size, size), np.uint8)
        assert (moves.shape, moves.dtype) == ((10, size, size, 2), np.float16)
        assert (frames[masks == 0] == 255).all() and masks.max() == 255
    assert performance.plate.shape == (FRAME, FRAME, 3)
    assert not list(folder.glob("*.tmp")) and not list(folder.parent.glob(".*"))


def test_frames_are_the_aligned_video_where_the_mask_is_full(folder):
    performance = pc.load_performance(folder)
    source = next(iter(read_frames(ACTORS / "eve.mp4")))[1]
    aligned, full = performance.alignment.image(source), performance.masks()[0] == 255
    np.testing.assert_array_equal(performance.frames()[0][full], aligned[full])
    assert full.mean() > 0.03


def test_the_pose_lies_on_the_cut_out(folder):
    performance = pc.load_performance(folder)
    trunk = performance.poses.joints[:, [1, 8, 11]]
    columns, rows = np.floor(trunk).astype(int).transpose(2, 0, 1)
    assert (performance.masks()[np.arange(11)[:, None], rows, columns] > 200).all()


def test_small_sizes_are_area_averages(folder):
    performance = pc.load_performance(folder)
    means = performance.frames()[0].reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(performance.frames(64)[0] - means).max() <= 0.51


def test_a_part_is_the_part_of_the_whole(folder):
    performance = pc.load_performance(folder)
    part = performance[2:9][1:4]
    assert len(part) == 3
    np.testing.assert_array_equal(part.frames(64), performance.frames(64)[3:6])
    np.testing.assert_array_equal(part.masks(64), performance.masks(64)[3:6])
    for together, alone in zip(part.frames_and_masks(64), (part.frames(64), part.masks(64)), strict=True):
        np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(part.flow(64), performance.flow(64)[3:5])
    np.testing.assert_array_equal(part.poses.joints, performance.poses.joints[3:6])
    assert len(performance[5:2]) == 0 and performance[4:5].flow(64).shape[0] == 0
    with pytest.raises(ValueError):
        performance[::2]


def test_a_folder_is_loaded_in_place_of_a_video(folder):
    again = pc.capture(folder, max_frames=4)
    np.testing.assert_array_equal(again.poses.joints, pc.load_performance(folder).poses.joints[:4])
    with pytest.raises(InputError, match="captured already"):
        pc.capture(folder, out=folder / "other")


def test_the_same_out_is_loaded_and_another_is_refused(folder, tmp_path):
    before = (folder / "capture.json").stat().st_mtime_ns
    pc.capture(ACTORS / "eve.mp4", max_frames=11, out=folder)
    assert (folder / "capture.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="something else"):
        pc.capture(ACTORS / "eve.mp4", max_frames=7, out=folder)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="something else"):
        pc.capture(ACTORS / "eve.mp4", max_frames=7, out=tmp_path)
    with pytest.raises(InputError, match="can't be written"):
        pc.capture(ACTORS / "eve.mp4", max_frames=7, out=tmp_path / "mine.txt" / "beneath")


def test_the_cache_follows_content_and_settings_not_places(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_CACHE", str(tmp_path / "cache"))
    shutil.copytree(ACTORS / "extractions", tmp_path / "extractions")
    clip = Path(shutil.copy(ACTORS / "fin.mp4", tmp_path / "fin.mp4"))
    first = pc.capture(clip, max_frames=5)
    stamp = (first.folder / "capture.json").stat().st_mtime_ns
    assert pc.capture(ACTORS / "fin.mp4", max_frames=5).folder == first.folder
    assert (first.folder / "capture.json").stat().st_mtime_ns == stamp
    assert pc.capture(clip, max_frames=6).folder != first.folder
    other = pc.capture(clip, pc.CaptureSettings(align_by="torso"), max_frames=5)
    assert other.folder != first.folder and other.alignment != first.alignment
    (first.folder / "cutouts.zip").write_bytes(b"")  # damage in the cache is mended, not reported
    assert pc.capture(clip, max_frames=5).frames(64).shape == (5, 64, 64, 3)


def test_three_at_once_do_the_work_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_CACHE", str(tmp_path))
    written = []
    monkeypatch.setattr(pipeline, "save_performance", lambda *args: (written.append(1), save_performance(*args)))
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: pc.capture(ACTORS / "fin.mp4", max_frames=9).frames(64), range(3)))
    assert len(written) == 1
    assert all((frames == found[0]).all() for frames in found)


def _no_json(copy):
    (copy / "capture.json").unlink()


def _no_poses(copy):
    (copy / "poses.npz").unlink()


def _no_plate(copy):
    (copy / "plate.png").unlink()


def _cut_zip(copy):
    data = (copy / "cutouts.zip").read_bytes()
    (copy / "cutouts.zip").write_bytes(data[: len(data) // 2])


def _flipped_bytes(copy):
    data = bytearray((copy / "cutouts.zip").read_bytes())
    data[2000:2100] = bytes(100)
    (copy / "cutouts.zip").write_bytes(data)


def _fewer_frames(copy):
    with zipfile.ZipFile(copy / "cutouts.zip", "w") as archive:
        archive.writestr("000000.png", b"")


def _huge_picture(copy):
    """A header that asks for 40,000×40,000 pixels."""
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    with zipfile.ZipFile(copy / "cutouts.zip", "w") as archive:
        for index in range(11):
            archive.writestr(f"{index:06d}.png", png)


def _bomb(copy):
    """Poses that unpack to 200 MB of zeros."""
    with zipfile.ZipFile(copy / "poses.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("joints.npy", "w") as member:
        for _ in range(200):
            member.write(bytes(1_000_000))


def _pickle(copy):
    np.savez(copy / "poses.npz", joints=np.array([{"a": 1}], object), confidence=0, times=0)


def _json(copy, **changes):
    about = json.loads((copy / "capture.json").read_bytes())
    (copy / "capture.json").write_text(json.dumps({**about, **changes}))


def _more_frames(copy):
    _json(copy, frames=10**12)


def _other_types(copy):
    _json(copy, alignment=[1, 2], frames="x")


def _other_format(copy):
    _json(copy, format=99)


def _no_object(copy):
    (copy / "capture.json").write_text("[1, 2]")


HARM = [
    _no_json, _no_poses, _no_plate, _cut_zip, _flipped_bytes, _fewer_frames, _huge_picture, _bomb, _pickle, _more_frames,
    _other_types, _other_format, _no_object,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__.strip("_"))
def test_damaged_folders_are_refused_in_one_line(copy, harm):
    harm(copy)
    with pytest.raises(InputError) as error:
        pc.load_performance(copy).frames(64)
    assert "\n" not in str(error.value) and str(copy) in str(error.value)


def test_arrays_of_another_kind_are_refused():
    file = io.BytesIO()
    np.savez(file, a=np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(read_arrays(file, {"a": ((2, 3), "<f4")})["a"], np.zeros((2, 3)))
    for shape, dtype in (((3, 2), "<f4"), ((2, 3), "<i4"), ((2, 3), "<f2")):
        with pytest.raises(ValueError):
            read_arrays(file, {"a": (shape, dtype)})


def _mask_video(path, frames: int, size: int = 320) -> Path:
    """A white disc on black."""
    rows, columns = np.mgrid[:size, :size]
    disc = (np.hypot(columns - 160, rows - 160) < 100).astype(np.uint8) * 255
    with VideoWriter(path, size, size, metadata={}) as writer:
        for index in range(frames):
            writer.write(np.dstack([disc] * 3), index / 25)
    return path


def test_the_users_masks_are_used(tmp_path):
    performance = pc.capture(ACTORS / "eve.mp4", max_frames=6, mask_video=_mask_video(tmp_path / "mask.mp4", 6))
    area = performance.masks()[3].astype(float).sum() / 255
    assert area == pytest.approx(np.pi * (100 * performance.alignment.scale) ** 2, rel=0.02)


@pytest.mark.parametrize("frames, size, word", [(5, 320, "number of frames"), (7, 300, "size")])
def test_masks_that_do_not_fit_are_refused(tmp_path, frames, size, word):
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 320, 320, metadata={}) as writer:
        for time_s, frame in read_frames(ACTORS / "eve.mp4", 7):
            writer.write(frame, time_s)
    with pytest.raises(InputError, match=word):
        pc.capture(clip, mask_video=_mask_video(tmp_path / "mask.mp4", frames, size))


def _texture(shift: tuple[float, float]) -> np.ndarray:
    """(256, 256, 3) a smooth random pattern, moved."""
    import cv2

    pattern = np.random.default_rng(0).normal(0, 1, (300, 300)).astype(np.float32)
    pattern = cv2.GaussianBlur(pattern, (0, 0), 3)
    pattern = (127 + 100 * pattern / np.abs(pattern).max()).astype(np.float32)
    matrix = np.float32([[1, 0, shift[0] - 22], [0, 1, shift[1] - 22]])
    return np.dstack([cv2.warpAffine(pattern, matrix, (256, 256), flags=cv2.INTER_CUBIC)] * 3).astype(np.uint8)


def test_flow_of_a_known_translation():
    """What moves by (3, −2) from one frame to the next was at (−3, +2) before; at half the size, at half of that."""
    full = np.full((256, 256), 255, np.uint8)
    moves = flow.backward_flow(_texture((0, 0)), _texture((3, -2)), full, full)
    kept = flow.encode(moves)
    for size in (256, 128, 64):
        found = flow.decode(kept, size).astype(float)
        inner = found[size // 8 : -size // 8, size // 8 : -size // 8]
        np.testing.assert_allclose(inner.reshape(-1, 2).mean(0), np.array([-3, 2]) * size / 256, atol=0.06)


def test_flow_is_zero_far_from_the_performer():
    alpha = np.zeros((256, 256), np.uint8)
    alpha[100:150, 100:150] = 255
    moves = flow.backward_flow(_texture((0, 0)), _texture((3, -2)), alpha, alpha)
    assert (moves[:80] == 0).all() and (moves[120, 120] != 0).any()


def test_flow_is_kept_to_a_sixty_fourth_of_a_half_resolution_pixel():
    moves = np.kron(np.random.default_rng(0).uniform(-40, 40, (128, 128, 2)), np.ones((2, 2, 1))).astype(np.float32)
    kept = flow.decode(flow.encode(moves), 128).astype(float)
    np.testing.assert_allclose(kept, moves[::2, ::2] / 2, atol=1 / 64)


def test_a_cut_out_on_white_is_a_blend():
    frame, alpha = np.full((2, 2, 3), 100, np.uint8), np.array([[0, 255], [51, 128]], np.uint8)
    white = on_white(np.dstack([frame, alpha]))
    np.testing.assert_array_equal(white[..., 0], [[255, 100], [224, 177]])


def test_three_minutes_take_little_room_and_time(dee, tmp_path):
    """5,400 frames: at most 250 MB with their flow, loaded by two cores in at most 10 s. Shown on a quarter of them.

    The clock counts what the process works, not what others on the machine do meanwhile.
    """
    import time

    dee.flow(64)
    per_frame = sum((dee.folder / name).stat().st_size for name in ("cutouts.zip", "flow.zip", "poses.npz")) / len(dee)
    assert per_frame * 5400 < 250e6

    with zipfile.ZipFile(dee.folder / "cutouts.zip") as archive:
        pngs = [archive.read(name) for name in archive.namelist()]
    joints = np.zeros((1350, J, 2), np.float32)
    poses = PoseTrack(joints, joints[..., 0], np.arange(1350) / 30)
    long = replace(dee, poses=poses, folder=tmp_path)
    save_performance(tmp_path, long, (pngs[index % len(pngs)] for index in range(1350)), {"settings": {"flow": "dis"}})
    start = time.process_time()
    frames = pc.load_performance(tmp_path).frames(256)
    assert frames.shape == (1350, 256, 256, 3) and time.process_time() - start < 2 * 10 / 4


def test_cut_outs_are_kept_without_loss():
    import cv2

    cutout = np.random.default_rng(0).integers(1, 256, (FRAME, FRAME, 4), np.uint8)
    kept = cv2.imdecode(np.frombuffer(encode_cutout(cutout), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(kept[..., [2, 1, 0, 3]], cutout)
