"""Video files in and out: probe, read, write.

Frames are (H, W, 3) uint8 RGB as a person sees them: rotation metadata applied, pixels square. Times are seconds from the
first frame, from the file's own time stamps, so a variable frame rate needs no special case.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import replacing

MAX_PIXELS = 50_000_000
"""Frames larger than this are refused before anything is allocated for them."""

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,h264,hevc,gif"
"""Containers that hold their own data. Playlists are not among them, since they make a reader open other files and addresses."""

_TICKS = 360_000
"""Time stamps a second in written files. A whole number of them fits a frame at every usual rate, 30000/1001 among them."""

_BT709, _LIMITED_RANGE = 1, 1  # codes of ITU-T H.273

_COPIED_AUDIO = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")
_METADATA_KEYS = ("title", "artist", "comment", "description", "synopsis", "copyright", "date", "genre")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself.

    Attributes:
        path: the file.
        width: of a frame in pixels, after rotation and with square pixels.
        height: the same.
        fps: average frames a second.
        frames: the container's own count; None where it has none.
        has_audio: there is at least one audio stream.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    frames: int | None
    has_audio: bool


def probe(path: str | Path) -> VideoInfo:
    """Open a video, decode its first frame and say what it is.

    Raises:
        InputError: missing, empty, not a video, cut off, or larger than `MAX_PIXELS`.
    """
    with _opened(path) as (container, stream):
        frame = next(container.decode(stream), None)
        if frame is None:
            raise InputError(f"{path} holds no video frame; export it again as an mp4")
        height, width = _upright(frame, stream, _converter()).shape[:2]
        fps = stream.average_rate or stream.guessed_rate or stream.base_rate
        return VideoInfo(
            path=Path(path),
            width=width,
            height=height,
            fps=Fraction(fps) if fps else Fraction(25),
            frames=stream.frames or None,
            has_audio=bool(container.streams.audio),
        )


def read_frames(path: str | Path, max_frames: int | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Every frame once, in order of time: (seconds from the first frame, (H, W, 3) uint8 RGB), upright.

    A video that is cut off is refused, not shortened: whoever filmed it has a whole one, and half a performance would be
    noticed much later. With `max_frames` only what is read is looked at.

    Raises:
        InputError: as `probe`, or when the frames end or break before the file says so.
    """
    with _opened(path) as (container, stream):
        converter = _converter()  # to make one for each frame takes longer than to convert it
        shape, first, last, duration, count = None, None, 0.0, 0.0, 0
        for frame in container.decode(stream):
            if max_frames is not None and count >= max_frames:
                return
            image = _upright(frame, stream, converter, shape)
            shape = image.shape
            seconds = frame.time if frame.time is not None else count / float(stream.average_rate or 25)
            first = seconds if first is None else first
            if count and seconds - first <= last:  # a repeated stamp would make a duration of zero
                seconds = first + last + 1e-4
            last, duration = seconds - first, float((frame.duration or 0) * frame.time_base)
            yield last, image
            count += 1
        if count == 0:
            raise InputError(f"{path} holds no video frame; export it again as an mp4")
        if last + duration < 0.9 * _claimed_s(container, stream) - 0.5:
            raise _cut_off(path)


def _claimed_s(container, stream) -> float:
    """How long the file says that its picture lasts; 0 where it does not say."""
    import av

    if stream.duration:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1  # else the file's length may be another stream's
    return container.duration / av.time_base if container.duration and alone else 0.0


def content_hash(path: str | Path) -> str:
    """sha256 of the file's bytes, in hexadecimal."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {path}; check the name")
    return InputError(f"{path} can't be read ({error.strerror or error}); give a video file such as an mp4")


def _cut_off(path: str | Path) -> InputError:
    return InputError(f"{path} is cut off or damaged: its frames end before the file says so; copy or export it again")


@contextmanager
def _read_errors(path: str | Path) -> Iterator[None]:
    """Whatever FFmpeg finds wrong with a file becomes InputError."""
    import av

    try:
        yield
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(
            f"{path} can't be read as a video ({reason}): not a video, cut off, or damaged; give a whole mp4, mov or webm file"
        ) from error


def _open(path: str | Path):
    """An open container of one of `_FORMATS`."""
    import av

    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; give a video file such as an mp4")
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if empty:
        raise InputError(f"{path} is empty; copy or export the video again")
    with _read_errors(path):
        return av.open(f"file:{path}", options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})


@contextmanager
def _opened(path: str | Path):
    """(container, its video stream)."""
    with _open(path) as container, _read_errors(path):
        yield container, _video_stream(container, path)


def _video_stream(container, path: str | Path):
    streams = [stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic]
    if not streams:
        raise InputError(f"{path} holds no video; give a file with a picture, such as an mp4")
    stream = streams[0]
    _check_size(path, stream.codec_context.width, stream.codec_context.height)
    size = Path(path).stat().st_size
    if any(entry.pos + entry.size > size for entry in stream.index_entries):
        raise _cut_off(path)
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _check_size(path: str | Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(f"{path} has frames of {width}×{height}; scale it down, for example to 1920×1080")


def _converter():
    """What turns a decoded frame into RGB."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def _upright(frame, stream, converter, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """One decoded frame as a person sees it; of `shape` where a stream changes size on the way."""
    turns = round(frame.rotation / 90) % 4
    if shape is not None:
        height, width = shape[:2] if turns % 2 == 0 else shape[1::-1]
    else:
        width, height = round(frame.width * (stream.sample_aspect_ratio or 1)), frame.height
        _check_size(stream.container.name.removeprefix("file:"), width, height)
    image = converter.reformat(frame, width=width, height=height, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns))


class VideoWriter:
    """Writes an mp4 (H.264, 4:2:0, BT.709) that appears under its name only when complete. A context manager.

    Frames keep the time stamps they are given, so a variable frame rate and the frame count survive; the last frame lasts as
    long as the one before it. An odd width or height is padded by one repeated row or column, which 4:2:0 needs.

    Args:
        path: the file to write; missing folders are made.
        width, height: of the frames in pixels.
        audio_from: a media file whose first audio stream is taken along, from the time of its first video frame to the end of
            the frames written: copied where mp4 can hold it, else as AAC. Nothing happens if it has none.
        metadata: of title, artist, comment, description, synopsis, copyright, date, genre.
        crf: x264's constant rate factor, from 0, lossless, to 51; 18 is hardly to be told from the frames themselves.

    Raises:
        InputError: the place can't be written or the disk is full; nothing is left behind.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        *,
        audio_from: str | Path | None = None,
        metadata: dict[str, str] | None = None,
        crf: int = 18,
    ) -> None:
        if unknown := set(metadata or ()) - set(_METADATA_KEYS):
            raise ValueError(f"an mp4 does not keep metadata {sorted(unknown)}; use {_METADATA_KEYS}")
        self._path, self._size, self._audio_from, self._metadata = Path(path), (width, height), audio_from, metadata or {}
        self._crf = crf

    def __enter__(self) -> VideoWriter:
        self._session = self._writing()
        return self._session.__enter__()

    def __exit__(self, *error) -> bool | None:
        return self._session.__exit__(*error)

    @contextmanager
    def _writing(self) -> Iterator[VideoWriter]:
        import av

        with ExitStack() as stack:
            source = None if self._audio_from is None else stack.enter_context(_open(self._audio_from))
            temporary = stack.enter_context(replacing(self._path))
            container = stack.enter_context(av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}))
            container.metadata.update(self._metadata)
            self._container, self._stream = container, self._video_stream(container)
            self._audio = _AudioTrack(self._audio_from, source, container) if source and source.streams.audio else None
            self._held, self._tick, self._duration, self._durations = None, -1, _TICKS // 25, deque()
            yield self
            if self._held is not None:
                self._encode_held()
            self._mux(None)

    def _video_stream(self, container):
        # without B-frames decoding order is time order, so each packet's duration is simply its frame's
        # x264's macroblock tree reads memory that it has not set: now and then the same frames would give another file
        options = {"crf": str(self._crf), "bf": "0", "mbtree": "0"}
        stream = container.add_stream("libx264", rate=30, options=options)
        width, height = self._size
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        return stream

    def write(self, frame: np.ndarray, time_s: float) -> None:
        """Append (height, width, 3) uint8 RGB shown from `time_s` seconds on; times increase."""
        width, height = self._size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"expected ({height}, {width}, 3) uint8, got {frame.shape} {frame.dtype}")
        tick = max(round(time_s * _TICKS), self._tick + 1)
        if self._held is not None:
            self._duration = tick - self._tick
            self._encode_held()
        self._held, self._tick = np.array(frame), tick

    def _encode_held(self) -> None:
        """Encode the last frame written, now that it is known how long it lasts."""
        from av import VideoFrame
        from av.video.reformatter import Colorspace

        height, width = self._held.shape[:2]
        image = np.pad(self._held, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = self._tick, Fraction(1, _TICKS)
        self._durations.append(self._duration)
        self._mux(frame)
        if self._audio:
            self._audio.mux_until((self._tick + self._duration) / _TICKS)

    def _mux(self, frame) -> None:
        for packet in self._stream.encode(frame):
            packet.duration = self._durations.popleft()
            self._container.mux(packet)


def copy_audio(video: str | Path, out: str | Path) -> None:
    """Write the sound of a video alone, from the time of its first frame on, as a Matroska file; nothing if there is none."""
    import av

    with _open(video) as source:
        if source.streams.audio:
            with av.open(str(out), "w", format="matroska") as container:
                _AudioTrack(video, source, container).mux_until(float("inf"))


class _AudioTrack:
    """Brings the first audio stream of `source` into `container`, a little at a time so that the file is interleaved."""

    def __init__(self, path: str | Path, source, container) -> None:
        self._path, self._container = path, container
        stream = source.streams.audio[0]
        videos = source.streams.video
        self._start = float(videos[0].start_time * videos[0].time_base) if videos and videos[0].start_time else 0.0
        if stream.codec_context.name in _COPIED_AUDIO:
            self._out = container.add_stream_from_template(stream)
            packets = (packet for packet in source.demux(stream) if packet.dts is not None)
        else:
            self._out = container.add_stream("aac", rate=stream.rate, layout="mono" if stream.channels == 1 else "stereo")
            packets = self._transcoded(source.decode(stream))
        self._packets = packets
        self._next = self._pull()

    def _pull(self):
        with _read_errors(self._path):
            return next(self._packets, None)

    def _transcoded(self, frames):
        from av import AudioResampler

        context = self._out.codec_context
        resampler = AudioResampler(context.format, context.layout, context.rate, frame_size=1024)  # AAC's own frame
        for frame in itertools.chain(frames, [None]):
            for piece in resampler.resample(frame):
                yield from self._out.encode(piece)
        yield from self._out.encode(None)

    def mux_until(self, seconds: float) -> None:
        """Pass on every packet that begins before `seconds` after the first video frame."""
        while self._next is not None:
            packet = self._next
            begin = float(packet.pts * packet.time_base) - self._start
            if begin >= seconds:
                return
            if begin + float((packet.duration or 0) * packet.time_base) >= 0:
                shift = round(self._start / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, self._out
                self._container.mux(packet)
            self._next = self._pull()
