"""The command line, in the same words as the Python API.

`perfclone capture | assess | train | clone | run | profiles | studio | runs | drift`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from . import __version__
from .assessment import assess
from .capture import CaptureSettings, Performance, capture
from .cloning import clone, find_background
from .device import find_device
from .errors import InputError
from .experiments.store import Store
from .files import check_writable, write_bytes
from .notebook import repository
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
    _report(train(reference, unpaired, profile=args.profile, seed=args.seed, device=args.device, out=args.out))


def clone_command(args: argparse.Namespace) -> None:
    """Make a video of a trained actor performing a driving video's motion."""
    actor = load_actor(args.actor_dir, args.device)
    find_background(args.background, actor)
    check_writable(args.out)
    driving = _captured(args.driving)
    clone(actor, driving, args.out, side_by_side=args.side_by_side, background=args.background, overlap=args.overlap)
    print(args.out)


def run_command(args: argparse.Namespace) -> None:
    """All of it: capture two videos, train the actor, write the clone; the same command resumes an interrupted run."""
    cut = find_profile(args.profile).max_frames
    find_device(args.device)
    check_writable(args.out)
    reference, driving = _captured(args.reference, cut), _captured(args.driving, cut)
    actor = train(reference, [driving], profile=args.profile, seed=args.seed, device=args.device)
    _report(actor)
    clone(actor, driving, args.out, side_by_side=args.side_by_side, background=args.background)
    print(args.out)


def profiles_command(args: argparse.Namespace) -> None:
    """List the budgets to train at."""
    print(f"{'profile':8} {'side':>5} {'width':>6} {'steps':>8} {'batch':>6}  {'frames':8} for")
    for p in PROFILES.values():
        s = p.settings
        print(f"{p.name:8} {s.size:5} {s.width:6} {s.steps:8} {s.batch:6}  {p.max_frames or 'all':<8} {p.purpose}")


def studio_make_command(args: argparse.Namespace) -> None:
    """Render performers with exact truth: the shipped ones, further ones, or one on another's motion."""
    with _studio_extra():
        from .studio.film import FILMS, find_film, shoot, with_dials, write_flow
    names = [*args.names, *(f"cast-{number + 1}" for number in range(args.cast or 0))]
    for film in [with_dials(find_film(name), args.dial) for name in names or FILMS]:
        check_writable(args.out / f"{film.name}.mp4")
        sha256 = write_flow(film, args.out) if args.flow else shoot(film, args.out)["frames_sha256"]
        print(f"{film.name}: sha256 of the frames {sha256}")


def studio_crowd_command(args: argparse.Namespace) -> None:
    """Render stills of many people in several poses each."""
    with _studio_extra():
        from .studio.crowd import make_crowd
    make_crowd(args.people, args.poses, args.out)


@contextlib.contextmanager
def _studio_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"the studio needs {error.name}: pip install 'perfclone[studio]'") from error


def runs_list_command(args: argparse.Namespace) -> None:
    """List the experiments' runs in the cache: id, actor, method, profile, seed, error."""
    store = _store()
    leftovers = store.leftovers()
    for run in store.runs():
        s, error = run.spec, f"RMSE {run.summary['rmse']:.1f}" if "rmse" in run.summary else ""
        state = leftovers.get(run.id, "" if run.finished else "under way")
        print(f"{run.id}  {s.actor:5} {s.method:18} {s.profile:6} {s.split:13} seed {s.seed}  {error}  {state}".rstrip())


def runs_show_command(args: argparse.Namespace) -> None:
    """Show one run: what it was made from, what was measured, where its files are."""
    run = _store().resolve(args.id)
    print(run.folder)
    print(json.dumps(run.identity | {"result": run.record}, indent=2, ensure_ascii=False))


def runs_prune_command(args: argparse.Namespace) -> None:
    """Remove the runs that nothing would find again: unfinished, damaged, or made by other code or from other videos."""
    store = _store()
    for id, why in store.leftovers().items():
        print(f"{id}: {why}; {store.remove(id) / 2**20:.1f} MiB freed")


def runs_grid_command(args: argparse.Namespace) -> None:
    """Make the runs of families, on this machine's devices or with --ray on those of a Ray cluster; what is there is found."""
    from .experiments.families import FAMILIES, Plan
    from .experiments.grid import make, make_on_ray

    if unknown := [name for name in args.families if name not in FAMILIES]:
        raise InputError(f"unknown family {unknown[0]!r}: choose of {', '.join(FAMILIES)}")
    plan = Plan(find_profile(args.profile).name, tuple(args.seeds))
    specs = [entry.spec for name in args.families or FAMILIES for entry in FAMILIES[name](plan)]
    if args.ray:
        make_on_ray(specs, _store(), args.ray)
    else:
        make(specs, _store(), args.device)
    print(f"{len(set(specs))} runs are in {_store().root}")


def drift_command(args: argparse.Namespace) -> None:
    """Make runs of a stored family anew and compare: exit code 1 if one of them no longer comes out."""
    from .experiments.drift import drift

    table = drift(args.family, args.label, args.actor, _store(), args.device)
    print(table.to_string(index=False, float_format=lambda number: f"{number:.3f}"))
    if not table["holds"].all():
        sys.exit(1)


def _store() -> Store:
    return Store(repository() / "data")


def _captured(path: Path, max_frames: int | None = None) -> Performance:
    """Capture a video, or load a captured folder, saying what the user should know."""
    performance = capture(path, max_frames=max_frames)
    _warn(performance)
    if max_frames is not None and len(performance) == max_frames:
        print(f"{performance.name}: only the first {max_frames} frames are used at this profile")
    return performance


def _warn(performance: Performance) -> None:
    for notice in performance.notices:
        print(f"perfclone: warning: {performance.name}: {notice}", file=sys.stderr)


def _report(actor: Actor) -> None:
    print(f"trained actor: {actor.folder}")
    if not actor.record["unpaired"]:
        print("paired branch only: no --unpaired video was given")
    if not actor.record["vgg"]["genuine"]:
        print(
            f"trained with a {actor.record['vgg']['name']}: set PERFCLONE_VGG19 to a VGG-19 weights file for the paper's loss"
        )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="perfclone",
        description="Make a video in which a target actor performs somebody else's motion (Aberman et al. 2018).",
    )
    parser.add_argument("--version", action="version", version=f"perfclone {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    captured = "a video, or a folder that `perfclone capture` wrote"

    def command(name: str, function) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(function=function)
        return sub

    def training_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--profile", default="home", metavar="P", help="budget, see `perfclone profiles` (default: home)")
        sub.add_argument("--seed", type=_seed, default=0, help="of the weights and the batches (default: 0)")

    def video_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--out", type=Path, required=True, metavar="OUT.mp4", help="the video to write")
        sub.add_argument("--side-by-side", action="store_true", help="show driver | pose | clone")
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

    sub = command("run", run_command)
    sub.add_argument("--reference", type=Path, required=True, help=f"the target actor: {captured}")
    sub.add_argument(
        "--driving", type=Path, required=True, help=f"whose motion is performed; also the unpaired branch's: {captured}"
    )
    video_options(sub)
    training_options(sub)

    command("profiles", profiles_command)

    _add_studio(commands.add_parser("studio", help="Render performers with exact truth."))
    _add_runs(commands.add_parser("runs", help="Make, list, show or tidy up the runs of the book's experiments."))
    sub = command("drift", drift_command)
    sub.add_argument("family", metavar="FAMILY", help="such as self-reenactment: a folder of data/reference")
    sub.add_argument("--label", action="append", required=True, metavar="L", help="such as ours; may be repeated")
    sub.add_argument("--actor", action="append", required=True, metavar="A", help="such as ann; may be repeated")
    for name in ("train", "clone", "run", "drift"):
        commands.choices[name].add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda (default: auto)")
    return parser


def _add_studio(studio: argparse.ArgumentParser) -> None:
    kinds = studio.add_subparsers(required=True, metavar="KIND")
    sub = kinds.add_parser("make", help="films", description=studio_make_command.__doc__)
    sub.set_defaults(function=studio_make_command)
    sub.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a film: ann ben chi dee eve fin gil; cast-1, cast-2, … for further targets; ann-as-eve for ann on eve's motion;"
        " vertical, horizontal, vertical-poses, horizontal-poses for the kit of Figure 5 (default: the seven shipped ones)",
    )
    sub.add_argument("--cast", type=_count, metavar="N", help="N further targets, cast-1 to cast-N")
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
    sub = kinds.add_parser("crowd", help="stills", description=studio_crowd_command.__doc__)
    sub.set_defaults(function=studio_crowd_command)
    sub.add_argument("people", type=_count, metavar="N", help="of how many people")
    sub.add_argument("--poses", type=_count, default=8, metavar="K", help="stills a person (default: 8)")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for them, new or empty")


def _add_runs(runs: argparse.ArgumentParser) -> None:
    kinds = runs.add_subparsers(required=True, metavar="WHAT")
    for name, function in (("list", runs_list_command), ("show", runs_show_command), ("prune", runs_prune_command)):
        sub = kinds.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(function=function)
        if name == "show":
            sub.add_argument("id", metavar="ID", help="of a run, or how it begins")
    sub = kinds.add_parser("grid", help=runs_grid_command.__doc__, description=runs_grid_command.__doc__)
    sub.set_defaults(function=runs_grid_command)
    sub.add_argument("families", nargs="*", metavar="FAMILY", help="such as self-reenactment (default: all)")
    sub.add_argument("--seeds", type=_seed, nargs="+", default=[0], metavar="SEED", help="of each training (default: 0)")
    sub.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster; auto for the one that this machine is part of")
    sub.add_argument("--profile", default="home", metavar="P", help="budget, see `perfclone profiles` (default: home)")
    sub.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda, without --ray (default: auto)")


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise ValueError("seed out of range")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise ValueError("count out of range")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Whatever the user can put right ends in one line on standard error and exit code 2."""
    try:
        args = _parser().parse_args(arguments)
        args.function(args)
    except InputError as error:
        print(f"perfclone: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("perfclone: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
