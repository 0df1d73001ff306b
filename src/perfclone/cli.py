"""The command line, in the same words as the Python API.

`perfclone capture | assess | train | clone | live | run | profiles | bench | studio | runs | drift`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from . import __version__
from .assessment import assess
from .capture import CaptureSettings, Performance, capture
from .cloning import clone, find_background
from .device import find_device
from .errors import InputError
from .experiments.store import Store
from .files import check_writable, write_bytes, write_json
from .inference import suits
from .notebook import repository
from .online import live
from .streamed import clone_video
from .training import PROFILES, Actor, TrainSettings, load_actor, train
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


def run_command(args: argparse.Namespace) -> None:
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


def bench_train_command(args: argparse.Namespace) -> None:
    """Time a training's step on made-up data, beside a straightforward one that does the same."""
    from .bench.training import bench_train

    settings, device = _bench_settings(args), find_device(args.device)
    _tell_bench(args, lambda: bench_train(settings, device, args.seconds))


def bench_clone_command(args: argparse.Namespace) -> None:
    """Time the generation of an untrained actor's frames, beside the network as it was trained."""
    from .bench.cloning import bench_clone

    settings, device = _bench_settings(args), find_device(args.device)
    _tell_bench(args, lambda: bench_clone(settings, device, args.seconds))


def bench_capture_command(args: argparse.Namespace) -> None:
    """Time the stages of a capture on the beginning of a video."""
    from .bench.cloning import bench_capture

    _tell_bench(args, lambda: bench_capture(args.video))


def _bench_settings(args: argparse.Namespace) -> TrainSettings:
    patch_layers = {64: 1, 128: 2}.get(args.size, 3)  # the share of the frame that the discriminators see in all profiles
    batch = getattr(args, "batch", PROFILES["quick"].settings.batch)
    try:
        return replace(PROFILES["quick"].settings, size=args.size, width=args.width, batch=batch, patch_layers=patch_layers)
    except ValueError as error:
        raise InputError(f"{error}; choose other sizes to time") from error


def _tell_bench(args: argparse.Namespace, measure: Callable[[], dict]) -> None:
    from .bench.text import as_text

    if args.out:
        check_writable(args.out)
    record = measure()
    if args.out:
        write_json(args.out, record)
    print(json.dumps(record, indent=1, ensure_ascii=False) if args.json else as_text(record))


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
        from .studio.crowd import make_crowd, make_pack
    (make_pack if args.pack else make_crowd)(args.people, args.poses, args.out)


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

    sub = command("run", run_command)
    sub.add_argument("--reference", type=Path, required=True, help=f"the target actor: {captured}")
    sub.add_argument(
        "--driving", type=Path, required=True, help=f"whose motion is performed; also the unpaired branch's: {captured}"
    )
    video_options(sub)
    training_options(sub)

    command("profiles", profiles_command)

    _add_bench(commands.add_parser("bench", help="Time a training's step, a frame's cloning or a frame's capture here."))
    _add_studio(commands.add_parser("studio", help="Render performers with exact truth."))
    _add_runs(commands.add_parser("runs", help="Make, list, show or tidy up the runs of the book's experiments."))
    sub = command("drift", drift_command)
    sub.add_argument("family", metavar="FAMILY", help="such as self-reenactment: a folder of data/reference")
    sub.add_argument("--label", action="append", required=True, metavar="L", help="such as ours; may be repeated")
    sub.add_argument("--actor", action="append", required=True, metavar="A", help="such as ann; may be repeated")
    for name in ("train", "clone", "live", "run", "drift"):
        commands.choices[name].add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda (default: auto)")
    return parser


def _add_bench(bench: argparse.ArgumentParser) -> None:
    kinds = bench.add_subparsers(required=True, metavar="WHAT")
    for name, function in (("train", bench_train_command), ("clone", bench_clone_command), ("capture", bench_capture_command)):
        sub = kinds.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(function=function)
        sub.add_argument("--out", type=Path, metavar="FILE.json", help="also write the record")
        sub.add_argument("--json", action="store_true", help="print the record instead of text")
        if name == "capture":
            sub.add_argument("video", type=Path, metavar="VIDEO", help="with somebody in it from its beginning")
            continue
        sub.add_argument("--size", type=_count, default=64, metavar="PX", help="side of the frames (default: 64)")
        sub.add_argument("--width", type=_count, default=16, metavar="W", help="channels of the first layer (default: 16)")
        if name == "train":
            sub.add_argument("--batch", type=_count, default=8, metavar="B", help="windows a step (default: 8)")
        sub.add_argument("--seconds", type=_count, default=20, metavar="S", help="for the timing (default: 20)")
        sub.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda (default: auto)")


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
    sub.add_argument("--pack", action="store_true", help="small, as data/crowd has them, for training")
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


def _whole(low: int, high: int) -> Callable[[str], int]:
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


_seed, _count = _whole(0, 2**31 - 1), _whole(1, 10_000)


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
