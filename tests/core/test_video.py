"""Video in and out: what phones record comes in upright and in time, what is written keeps its frames, times and sound."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from perfclone import video
from perfclone.errors import InputError
from perfclone.video import VideoWriter, content_hash, probe, read_frames


def _pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Frames whose top left quarter is red, the rest grey and brighter in every frame."""
    frames = []
    for index in range(count):
        frame = np.full((height, width, 3), 40 + 2 * index, np.uint8)
        frame[: height // 2, : width // 2] = (200, 20, 20)
        frames.append(frame)
    return frames


def _written(path, times, width=64, height=48, **options):
    with VideoWriter(path, width, height, metadata={}, **options) as writer:
        for time_s, frame in zip(times, _pictures(len(times), width, height)):
            writer.write(frame, time_s)
    return path


def _encoded(path, codec, count=12, width=64, height=48, audio=None, **stream_options):
    """A video made with PyAV directly, 10 frames a second, optionally with two seconds of a tone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, **stream_options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream(audio, rate=48000, layout="stereo") if audio else None
        for index, picture in enumerate(_pictures(count, width, height)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(2 * 48000) / 48000)).astype(np.int16)
            for start in range(0, len(tone), 960):
                frame = av.AudioFrame.from_ndarray(np.repeat(tone[None, start : start + 960], 2, 1), "s16", "stereo")
                frame.sample_rate, frame.pts = 48000, start
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def test_round_trip_keeps_times_frames_and_colours(tmp_path):
    path = _written(tmp_path / "new" / "folder" / "a.mp4", np.arange(20) / 25)
    found = list(read_frames(path))
    np.testing.assert_allclose([time_s for time_s, _ in found], np.arange(20) / 25, atol=1e-9)
    for (_, frame), picture in zip(found, _pictures(20)):
        assert np.abs(frame.astype(int) - picture).mean() < 3


def test_sixty_five_frames_at_five_a_second_stay_so(tmp_path):
    info = probe(_written(tmp_path / "a.mp4", np.arange(65) / 5))
    assert (info.frames, info.fps) == (65, 5)
    assert sum(1 for _ in read_frames(info.path)) == 65


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(50)])
def test_usual_rates_are_kept_exactly(tmp_path, rate):
    assert probe(_written(tmp_path / "a.mp4", [float(index / rate) for index in range(31)])).fps == rate


def test_variable_frame_rate_is_kept(tmp_path):
    times = np.concatenate([[0], np.cumsum(np.random.default_rng(0).choice([1 / 60, 1 / 24, 0.2], 39))])
    found = list(read_frames(_written(tmp_path / "a.mp4", times)))
    np.testing.assert_allclose([time_s for time_s, _ in found], times, atol=1e-5)


def test_times_count_from_the_first_frame(tmp_path):
    found = list(read_frames(_written(tmp_path / "a.mp4", 3 + np.arange(5) / 10)))
    np.testing.assert_allclose([time_s for time_s, _ in found], np.arange(5) / 10, atol=1e-5)


def test_one_frame_is_a_video(tmp_path):
    assert len(list(read_frames(_written(tmp_path / "a.mp4", [0.0])))) == 1


def test_odd_sizes_are_padded_by_a_pixel(tmp_path):
    info = probe(_written(tmp_path / "a.mp4", [0, 0.1], width=63, height=47))
    assert (info.width, info.height) == (64, 48)


@pytest.mark.parametrize("codec, name", [("libx265", "a.mp4"), ("libvpx-vp9", "a.webm"), ("mpeg4", "a.avi")])
def test_other_codecs_and_containers(tmp_path, codec, name):
    options = {"options": {"x265-params": "log-level=none"}} if codec == "libx265" else {}
    found = list(read_frames(_encoded(tmp_path / name, codec, **options)))
    assert len(found) == 12
    assert np.abs(found[5][1].astype(int) - _pictures(12)[5]).mean() < 8


def _turned(path, matrix: tuple[int, int, int, int]):
    """Write a display matrix into an mp4's track header, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version and flags, times, reserved, layer to volume
    a, b, c, d = (value * 65536 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "matrix, corner, size",
    [
        ((0, 1, -1, 0), "top right", (48, 64)),  # x to the right becomes downwards: turned clockwise, a phone held upright
        ((-1, 0, 0, -1), "bottom right", (64, 48)),
        ((0, -1, 1, 0), "bottom left", (48, 64)),
    ],
)
def test_rotation_metadata_is_applied(tmp_path, matrix, corner, size):
    path = _turned(_written(tmp_path / "a.mp4", np.arange(3) / 10), matrix)
    frame = next(iter(read_frames(path)))[1]
    info = probe(path)
    assert (info.width, info.height) == size == (frame.shape[1], frame.shape[0])
    half = frame.shape[0] // 2, frame.shape[1] // 2
    quarters = {
        "top left": frame[: half[0], : half[1]], "top right": frame[: half[0], half[1] :],
        "bottom left": frame[half[0] :, : half[1]], "bottom right": frame[half[0] :, half[1] :],
    }  # fmt: skip
    redness = {name: float(part[..., 0].mean() - part[..., 1].mean()) for name, part in quarters.items()}
    assert max(redness, key=redness.get) == corner


def test_metadata_survives(tmp_path):
    metadata = {"title": "A clone", "comment": "Synthetic: not a recording, é", "description": "from x"}
    with VideoWriter(tmp_path / "a.mp4", 64, 48, metadata=metadata) as writer:
        writer.write(_pictures(1)[0], 0.0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert metadata.items() <= container.metadata.items()
    with pytest.raises(ValueError, match="metadata"):
        VideoWriter(tmp_path / "a.mp4", 64, 48, metadata={"colour": "red"})


def _packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_audio_is_copied_bit_by_bit(tmp_path):
    source = _encoded(tmp_path / "s.mp4", "libx264", count=20, audio="aac")
    copy = _written(tmp_path / "a.mp4", np.arange(20) / 10, audio_from=source)
    assert probe(copy).has_audio
    before, after = _packets(source), _packets(copy)
    assert after == before[: len(after)] and len(after) > 0.95 * len(before)


def test_audio_that_mp4_can_not_hold_becomes_aac_and_stays_in_time(tmp_path):
    source = _encoded(tmp_path / "s.mkv", "libx264", count=20, audio="pcm_s16le")
    copy = _written(tmp_path / "a.mp4", np.arange(10) / 10, audio_from=source)
    with av.open(str(copy)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(samples) / 48000 == pytest.approx(1.0, abs=0.1)  # cut with the picture
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * 48000 / len(samples) == pytest.approx(440, abs=3)


def test_no_audio_is_no_problem(tmp_path):
    silent = _written(tmp_path / "s.mp4", [0, 0.1])
    assert not probe(_written(tmp_path / "a.mp4", [0, 0.1], audio_from=silent)).has_audio


def _missing(path):
    return path / "missing.mp4"


def _empty(path):
    (path / "a.mp4").touch()
    return path / "a.mp4"


def _random(path):
    (path / "a.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    return path / "a.mp4"


def _text(path):
    (path / "a.mp4").write_text("This is not a video.\n" * 100)
    return path / "a.mp4"


def _playlist(path):
    _written(path / "real.mp4", [0, 0.1])
    (path / "a.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nreal.mp4\n#EXT-X-ENDLIST\n")
    return path / "a.mp4"


def _without_picture(path):
    with av.open(str(path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), "s16", "stereo")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path / "a.mp4"


def _cut(path, name, share):
    whole = _encoded(path / name, "libx264" if name.endswith("mp4") else "mpeg4", count=60)
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    return whole


def _cut_index_last(path):
    return _cut(path, "a.mp4", 0.6)  # PyAV's default has its index at the end


def _cut_index_first(path):
    whole = _written(path / "a.mp4", np.arange(60) / 10)
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * 0.8)])
    return whole


def _cut_avi(path):
    return _cut(path, "a.avi", 0.5)


def _folder(path):
    return path


BAD = [
    _missing, _empty, _random, _text, _playlist, _without_picture, _cut_index_last, _cut_index_first, _cut_avi, _folder,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__.strip("_"))
def test_bad_videos_are_refused_in_one_line(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(InputError) as error:
        probe(path)
        list(read_frames(path))
    message = str(error.value)
    assert "\n" not in message and str(path) in message and ";" in message  # what is wrong; what to do


def test_absurd_sizes_are_refused_before_decoding(tmp_path, monkeypatch):
    path = _written(tmp_path / "a.mp4", [0, 0.1])
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="64×48"):
        probe(path)


def test_content_hash_is_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert content_hash(tmp_path / "a").startswith("ba7816bf8f01cfea")
    with pytest.raises(InputError):
        content_hash(tmp_path / "b")


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(RuntimeError), VideoWriter(path, 64, 48, metadata={}) as writer:
        writer.write(_pictures(1)[0], 0.0)
        raise RuntimeError
    assert path.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [path]


def test_a_path_beneath_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be written"):
        _written(tmp_path / "file" / "a.mp4", [0.0])
    with pytest.raises(InputError, match="folder"):
        _written(tmp_path, [0.0])


_FILL = """
import errno, resource, signal, sys
import numpy as np
from perfclone.errors import InputError
from perfclone.video import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
noise = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], 128, 128, metadata={}) as writer:
        for index in range(100):
            writer.write(noise.integers(0, 256, (128, 128, 3), np.uint8), index / 25)
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    found = subprocess.run([sys.executable, "-c", _FILL, str(tmp_path / "a.mp4")], capture_output=True, text=True)
    assert "disk is full" in found.stdout, found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_same_frames_give_the_same_file_whatever_memory_holds(tmp_path):
    """A fresh process each, whose memory is filled with another byte: what the encoder does not set itself shows."""
    code = """
import sys, numpy as np
from perfclone.video import VideoWriter
ramp = np.linspace(0, 255, 96, dtype=np.uint8)
still = np.dstack(np.broadcast_arrays(ramp, ramp[:, None], 128)).astype(np.uint8)
with VideoWriter(sys.argv[1], 96, 96) as writer:
    for number in range(12):
        writer.write(np.roll(still, 3 * number, 1), number / 25)
"""
    paths = {fill: tmp_path / f"{fill}.mp4" for fill in ("0", "1", "170")}
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], env=os.environ | {"MALLOC_PERTURB_": fill})
        for fill, path in paths.items()
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    files = [path.read_bytes() for path in paths.values()]
    assert files[0] == files[1] == files[2]
