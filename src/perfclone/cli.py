"""The command line, in the same words as the Python API.

`perfclone capture | assess | train | clone | live | run | profiles`

`perfclone-lab` and `perfclone-studio` are made of the same parts: `CommandParser`, `run_command`, `seed`, `count`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import shtab

from . import __version__
from .assess import assess
from .capture import CaptureSettings, Performance, capture
from .cloning.fast_generator import suits
from .cloning.offline import clone, find_background
from .cloning.online import live
from .cloning.streamed import clone_video
from .device import find_device
from .errors import InputError
from .files import check_writable, write_bytes
from .training import PROFILES, Actor, load_actor, train
from .training.settings import find_profile


def capture_command(args: argparse.Namespace) -> None:
    """Extract poses, masks and alignment from a video."""
    settings = CaptureSettings(smoothing_s=0.0) if args.no_smoothing else CaptureSettings()
    performance = capture(args.video, settings, mask_video=args.mask, openpose=args.openpose, out=args.out)
    _warn(performance)
    seen = int(performance.poses.seen.sum())
    print(f"{performance.folder}: {len(performance)} frames, a person in {seen} of them")


def assess_command(args: argparse.Namespace) -> None:
    """Before a training: how much of a driving video a reference video covers, and what to film so that it covers more."""
    if args.out:
        check_writable(args.out)
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        assessment = assess(args.reference, args.driving)
    if args.out:
        write_bytes(args.out, assessment.html().encode())
    if args.json:
        print(json.dumps(assessment.as_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(assessment.text(min(100, shutil.get_terminal_size((100, 24)).columns)))


def train_command(args: argparse.Namespace) -> None:
    """Train a target actor on a reference video; the same command resumes an interrupted training."""
    cut = find_profile(args.profile).max_frames
    find_device(args.device)
    check_writable(args.out / "actor.json")
    reference, *unpaired = (_captured(path, cut) for path in [args.reference, *args.unpaired])
    _report(_trained(args, reference, unpaired, args.out))


def clone_command(args: argparse.Namespace) -> None:
    """Make a video of a trained actor performing a driving video's motion."""
    actor = load_actor(args.actor_dir, args.device)
    find_background(args.background, actor)
    check_writable(args.out)
    if args.driving.is_dir() or args.side_by_side or not suits(actor):
        driving = _captured(args.driving)
        clone(actor, driving, args.out, side_by_side=args.side_by_side, background=args.background, overlap=args.overlap)
    else:
        report = clone_video(actor, args.driving, args.out, background=args.background, overlap=args.overlap)
        _notify(args.driving.stem, report.notices)
        print(report.text())
    print(args.out)


def live_command(args: argparse.Namespace) -> None:
    """Let a trained actor perform what a camera sees, or a video played at its own rate, while it comes; Ctrl-C ends it."""
    actor = load_actor(args.actor_dir, args.device)
    report = live(actor, args.source, out=args.out, show=args.show, background=args.background)
    print(json.dumps(report.as_dict(), indent=1) if args.json else report.text())
    if args.out and not args.json:
        print(args.out)


def run_all_command(args: argparse.Namespace) -> None:
    """All of it: capture two videos, train the actor, write the clone; the same command resumes an interrupted run."""
    cut = find_profile(args.profile).max_frames
    find_device(args.device)
    check_writable(args.out)
    reference, driving = _captured(args.reference, cut), _captured(args.driving, cut)
    actor = _trained(args, reference, [driving])
    _report(actor)
    clone(actor, driving, args.out, side_by_side=args.side_by_side, background=args.background)
    print(args.out)


def profiles_command(args: argparse.Namespace) -> None:
    """List the budgets to train at."""
    print(f"{'profile':8} {'side':>5} {'width':>6} {'steps':>8} {'batch':>6}  {'frames':8} for")
    for p in PROFILES.values():
        s = p.settings
        print(f"{p.name:8} {s.size:5} {s.width:6} {s.steps:8} {s.batch:6}  {p.max_frames or 'all':<8} {p.purpose}")


def _trained(args: argparse.Namespace, reference: Performance, unpaired: list[Performance], out: Path | None = None) -> Actor:
    return train(reference, unpaired, profile=args.profile, seed=args.seed, device=args.device, out=out)


def _captured(path: Path, max_frames: int | None = None) -> Performance:
    """Capture a video, or load a captured folder, saying what the user should know."""
    performance = capture(path, max_frames=max_frames)
    _warn(performance)
    if max_frames is not None and len(performance) == max_frames:
        print(f"{performance.name}: only the first {max_frames} frames are used at this profile")
    return performance


def _warn(performance: Performance) -> None:
    _notify(performance.name, performance.notices)


def _notify(name: str, notices: Sequence[str]) -> None:
    for notice in notices:
        print(f"perfclone: warning: {name}: {notice}", file=sys.stderr)


def _report(actor: Actor) -> None:
    print(f"trained actor: {actor.folder}")
    if not actor.record["unpaired"]:
        print("paired branch only: no --unpaired video was given")


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are an `InputError`, and which prints completions for a shell (`--print-completion bash`)."""

    def error(self, message: str) -> NoReturn:
        """InputError, in place of the usage and an exit."""
        raise InputError(f"{message} (see {self.prog} --help)")

    def add_command(self, commands, name: str, function: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        """A command among `commands` that calls the function, whose docstring is its help."""
        sub = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(function=function)
        return sub


def command_parser(name: str, description: str) -> CommandParser:
    """The parser of a command of that name, with `--version` and `--print-completion`."""
    parser = CommandParser(prog=name, description=description)
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")
    shtab.add_argument_to(parser, help="print what a shell needs to complete this command: bash, zsh or tcsh")
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "perfclone", "Make a video in which a target actor performs somebody else's motion (Aberman et al. 2018)."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    captured = "a video, or a folder that `perfclone capture` wrote"

    command = partial(parser.add_command, commands)

    def training_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--profile", default="home", metavar="P", help="budget, see `perfclone profiles` (default: home)")
        sub.add_argument("--seed", type=seed, default=0, help="of the weights and the batches (default: 0)")

    def video_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--out", type=Path, required=True, metavar="OUT.mp4", help="the video to write")
        sub.add_argument("--side-by-side", action="store_true", help="show driver | pose | clone")
        background_option(sub)

    def background_option(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--background",
            default="white",
            metavar="B",
            help="white, plate (the reference video's own), a colour such as #30a060, or an image file (default: white)",
        )

    sub = command("capture", capture_command)
    sub.add_argument("video", type=Path, metavar="VIDEO", help="of one performer, static camera")
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder for the capture (default: kept in the cache)")
    sub.add_argument("--mask", type=Path, metavar="VIDEO", help="your own masks, white on the performer, frame for frame")
    sub.add_argument(
        "--openpose", type=Path, metavar="DIR", help="OpenPose JSON files, in place of the built-in pose estimator"
    )
    sub.add_argument("--no-smoothing", action="store_true", help="leave the joints' jitter as it is")

    sub = command("assess", assess_command)
    sub.add_argument("reference", type=Path, metavar="REFERENCE", help=f"the target actor: {captured}")
    sub.add_argument("driving", type=Path, metavar="DRIVING", help=f"whose motion is performed: {captured}")
    sub.add_argument("--out", type=Path, metavar="REPORT.html", help="also write the report as a page with pictures")
    sub.add_argument("--json", action="store_true", help="print the report as JSON")

    sub = command("train", train_command)
    sub.add_argument("reference", type=Path, metavar="REFERENCE", help=f"the target actor: {captured}")
    sub.add_argument("--out", type=Path, required=True, metavar="ACTOR_DIR", help="folder for the trained actor")
    sub.add_argument(
        "--unpaired",
        type=Path,
        action="append",
        default=[],
        metavar="VIDEO",
        help=f"for the unpaired branch; may be repeated: {captured}",
    )
    training_options(sub)

    sub = command("clone", clone_command)
    sub.add_argument("actor_dir", type=Path, metavar="ACTOR_DIR", help="folder that `perfclone train` wrote")
    sub.add_argument("driving", type=Path, metavar="DRIVING", help=f"whose motion is performed: {captured}")
    video_options(sub)
    sub.add_argument("--overlap", action="store_true", help="average overlapping windows: N times the work")

    sub = command("live", live_command)
    sub.add_argument("actor_dir", type=Path, metavar="ACTOR_DIR", help="folder that `perfclone train` wrote")
    sub.add_argument("--source", required=True, metavar="S", help="the number of a camera, such as 0, or a video")
    sub.add_argument("--show", action="store_true", help="show it in a window; q ends it")
    sub.add_argument("--out", type=Path, metavar="OUT.mp4", help="write it to a video")
    background_option(sub)
    sub.add_argument("--json", action="store_true", help="print latencies and dropped frames as JSON")

    sub = command("run", run_all_command)
    sub.add_argument("--reference", type=Path, required=True, help=f"the target actor: {captured}")
    sub.add_argument(
        "--driving", type=Path, required=True, help=f"whose motion is performed; also the unpaired branch's: {captured}"
    )
    video_options(sub)
    training_options(sub)

    command("profiles", profiles_command)

    for name in ("train", "clone", "live", "run"):
        commands.choices[name].add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda (default: auto)")
    return parser


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """What makes an option's text a whole number of that range, or says that it is none."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return value

    return parse


seed, count = whole_number(0, 2**31 - 1), whole_number(1, 10_000)


def main(arguments: list[str] | None = None) -> int:
    """The command `perfclone`; see `run_command`."""
    return run_command(_parser(), arguments)


def run_command(parser: CommandParser, arguments: list[str] | None) -> int:
    """Run a command. Whatever the user can put right ends in one line on standard error and exit code 2."""
    try:
        args = parser.parse_args(arguments)
        args.function(args)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
