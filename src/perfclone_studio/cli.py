"""The command line of the rendered performers: `perfclone-studio make | crowd | inspect`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from perfclone.cli import CommandParser, command_parser, count, run_command
from perfclone.errors import InputError
from perfclone.files import check_writable


def studio_make_command(args: argparse.Namespace) -> None:
    """Render performers with exact truth: the shipped ones, further ones, or one on another's motion."""
    with _studio_extra():
        from .film import FILMS, find_film, shoot, with_dials, write_flow
    names = [*args.names, *(f"cast-{number + 1}" for number in range(args.cast or 0))]
    for film in [with_dials(find_film(name), args.dial) for name in names or FILMS]:
        check_writable(args.out / f"{film.name}.mp4")
        sha256 = write_flow(film, args.out) if args.flow else shoot(film, args.out)["frames_sha256"]
        print(f"{film.name}: sha256 of the frames {sha256}")


def studio_crowd_command(args: argparse.Namespace) -> None:
    """Render stills of many people in several poses each."""
    with _studio_extra():
        from .crowd import make_crowd, make_pack
    (make_pack if args.pack else make_crowd)(args.people, args.poses, args.out)


@contextlib.contextmanager
def _studio_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"the studio needs {error.name}: pip install 'perfclone[studio]'") from error


def inspect_command(args: argparse.Namespace) -> None:
    """Measure films: how much feet slide, how deep arms go into the body, whether the true flow explains the pictures."""
    with _studio_extra():
        from .inspection import inspect_film
    from perfclone_lab.experiments.evaluation import report

    report(map(inspect_film, args.films), args.record)


def _parser() -> CommandParser:
    parser = command_parser("perfclone-studio", "Render performers with exact truth.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = partial(parser.add_command, commands)

    sub = command("make", studio_make_command)
    sub.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a film: ann ben chi dee eve fin gil; cast-1, cast-2, … for further targets; ann-as-eve for ann on eve's motion;"
        " vertical, horizontal, vertical-poses, horizontal-poses for the kit of Figure 5 (default: the seven shipped ones)",
    )
    sub.add_argument("--cast", type=count, metavar="N", help="N further targets, cast-1 to cast-N")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for NAME.mp4 and NAME_truth.npz")
    sub.add_argument("--flow", action="store_true", help="write NAME_flow.zip, the true optical flow, instead")
    sub.add_argument(
        "--dial",
        action="append",
        default=[],
        metavar="D=V",
        help="what is not perfect, off by default: cloth_lag (seconds), motion_blur (share of the frame time), exposure_drift (stops),"
        " sensor_noise (8-bit steps), camera_shake (pixels), compression (x264's rate factor); may be repeated",
    )
    sub = command("crowd", studio_crowd_command)
    sub.add_argument("people", type=count, metavar="N", help="of how many people")
    sub.add_argument("--poses", type=count, default=8, metavar="K", help="stills a person (default: 8)")
    sub.add_argument("--pack", action="store_true", help="small, as data/crowd has them, for training")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for them, new or empty")
    sub = command("inspect", inspect_command)
    sub.add_argument("films", nargs="+", metavar="NAME", help="as for `make`")
    sub.add_argument("--record", type=Path, metavar="FILE.json", help="for the results and what they were made with")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command `perfclone-studio`."""
    return run_command(_parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
