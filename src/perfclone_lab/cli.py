"""The command line of the experiments: `perfclone-lab runs | grid | families | drift | bench | ledger | store`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from perfclone.cli import CommandParser, command_parser, count, run_command, seed
from perfclone.device import find_device
from perfclone.errors import InputError
from perfclone.files import check_writable, write_json
from perfclone.training import PROFILES, TrainSettings
from perfclone.training.settings import find_profile

from .experiments.store import Store
from .notebook import repository

PROFILE_HELP = "budget, see `perfclone profiles` (default: home)"


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


def grid_command(args: argparse.Namespace) -> None:
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


def families_command(args: argparse.Namespace) -> None:
    """Make the runs of one family and store them as the reference that the book shows and the ledger judges."""
    from .experiments.families import FAMILIES, Plan, run_family, store_reference

    if args.family not in FAMILIES:
        raise InputError(f"unknown family {args.family!r}: choose of {', '.join(FAMILIES)}")
    plan, store = Plan(find_profile(args.profile).name, tuple(args.seeds)), _store()
    runs = run_family(args.family, plan, store, args.device)
    store_reference(args.family, plan, runs, store.data / "reference" / args.family)


def ledger_command(args: argparse.Namespace) -> None:
    """Print the ledger: each claim of the paper, its value there and here, and the verdict that the stored references give."""
    from .ledger.judging import judge, load_claims, load_references

    data = repository() / "data"
    claims = load_claims(data / "claims.json")
    table = judge(claims, load_references(data / "reference", claims))
    if args.json:
        print(table.reset_index().to_json(orient="records", indent=1, force_ascii=False))
        return
    for name, row in table.iterrows():
        print(f"{name}: {row['verdict']}\n    paper {row['paper']} | reference {row['reference']}\n    {row['why']}")


def store_command(args: argparse.Namespace) -> None:
    """Make one of the small references that are no family: the README's clone, the first chapters' actor, the extractor's error, hashes."""
    data = repository() / "data"
    if args.what == "example-clone":
        from .experiments.example_clone import store_example_clone

        store_example_clone(data, args.device)
    elif args.what == "actor":
        from .experiments.stored_actor import store_small_actor

        store_small_actor(data, args.device)
    elif args.what == "hashes":
        from .experiments.fingerprint import store_fingerprints

        store_fingerprints(data)
    else:
        from .experiments.pose_extraction import store_pose_extraction

        store_pose_extraction(data)


def _store() -> Store:
    return Store(repository() / "data")


def bench_train_command(args: argparse.Namespace) -> None:
    """Time a training's step on made-up data, beside a straightforward one that does the same."""
    from .bench.training import bench_train

    settings, device = _bench_settings(args), find_device(args.device)
    _report_bench(args, lambda: bench_train(settings, device, args.seconds))


def bench_clone_command(args: argparse.Namespace) -> None:
    """Time the generation of an untrained actor's frames, beside the network as it was trained."""
    from .bench.cloning import bench_clone

    settings, device = _bench_settings(args), find_device(args.device)
    _report_bench(args, lambda: bench_clone(settings, device, args.seconds))


def bench_capture_command(args: argparse.Namespace) -> None:
    """Time the stages of a capture on the beginning of a video."""
    from .bench.cloning import bench_capture

    _report_bench(args, lambda: bench_capture(args.video))


def bench_reference_command(args: argparse.Namespace) -> None:
    """Measure the times that the paper states (Sec. 5), by default at its settings, and store them as a reference."""
    from .bench.reference import store_stated_times

    store_stated_times(repository() / "data", args.device, find_profile(args.profile), args.seconds)


def _bench_settings(args: argparse.Namespace) -> TrainSettings:
    patch_layers = {64: 1, 128: 2}.get(args.size, 3)  # the share of the frame that the discriminators see in all profiles
    batch = getattr(args, "batch", PROFILES["quick"].settings.batch)
    try:
        return replace(PROFILES["quick"].settings, size=args.size, width=args.width, batch=batch, patch_layers=patch_layers)
    except ValueError as error:
        raise InputError(f"{error}; choose other sizes to time") from error


def _report_bench(args: argparse.Namespace, measure: Callable[[], dict]) -> None:
    from .bench.text import as_text

    if args.out:
        check_writable(args.out)
    record = measure()
    if args.out:
        write_json(args.out, record)
    print(json.dumps(record, indent=1, ensure_ascii=False) if args.json else as_text(record))


def _parser() -> CommandParser:
    parser = command_parser("perfclone-lab", "The experiments of the book: runs, stored references, the ledger of claims, benchmarks.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = partial(parser.add_command, commands)

    runs = commands.add_parser("runs", help="List, show or tidy up the runs of the book's experiments.")
    kinds = runs.add_subparsers(required=True, metavar="WHAT")
    for name, function in (("list", runs_list_command), ("show", runs_show_command), ("prune", runs_prune_command)):
        sub = parser.add_command(kinds, name, function)
        if name == "show":
            sub.add_argument("id", metavar="ID", help="of a run, or how it begins")

    sub = command("grid", grid_command)
    sub.add_argument("families", nargs="*", metavar="FAMILY", help="such as self-reenactment (default: all)")
    sub.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster; auto for the one that this machine is part of")
    _training_options(sub)

    sub = command("families", families_command)
    sub.add_argument("family", metavar="FAMILY", help="such as self-reenactment")
    _training_options(sub)

    sub = command("drift", drift_command)
    sub.add_argument("family", metavar="FAMILY", help="such as self-reenactment: a folder of data/reference")
    sub.add_argument("--label", action="append", required=True, metavar="L", help="such as ours; may be repeated")
    sub.add_argument("--actor", action="append", required=True, metavar="A", help="such as ann; may be repeated")
    _device_option(sub)

    _add_bench(parser, commands.add_parser("bench", help="Time a training's step, a frame's cloning or a frame's capture here."))

    sub = command("ledger", ledger_command)
    sub.add_argument("--json", action="store_true", help="print the table as JSON")

    sub = command("store", store_command)
    sub.add_argument("what", choices=("example-clone", "actor", "pose-extraction", "hashes"), help="which of data/reference")
    _device_option(sub)
    return parser


def _training_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--profile", default="home", metavar="P", help=PROFILE_HELP)
    sub.add_argument("--seeds", type=seed, nargs="+", default=[0], metavar="SEED", help="of each training (default: 0)")
    _device_option(sub)


def _device_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda (default: auto)")


def _add_bench(parser: CommandParser, bench: argparse.ArgumentParser) -> None:
    kinds = bench.add_subparsers(required=True, metavar="WHAT")
    timed = (("train", bench_train_command), ("clone", bench_clone_command), ("capture", bench_capture_command))
    for name, function in timed:
        sub = parser.add_command(kinds, name, function)
        sub.add_argument("--out", type=Path, metavar="FILE.json", help="also write the record")
        sub.add_argument("--json", action="store_true", help="print the record instead of text")
        if name == "capture":
            sub.add_argument("video", type=Path, metavar="VIDEO", help="with somebody in it from its beginning")
            continue
        sub.add_argument("--size", type=count, default=64, metavar="PX", help="side of the frames (default: 64)")
        sub.add_argument("--width", type=count, default=16, metavar="W", help="channels of the first layer (default: 16)")
        if name == "train":
            sub.add_argument("--batch", type=count, default=8, metavar="B", help="windows a step (default: 8)")
        sub.add_argument("--seconds", type=count, default=20, metavar="S", help="for the timing (default: 20)")
        _device_option(sub)
    sub = parser.add_command(kinds, "reference", bench_reference_command)
    sub.add_argument("--profile", default="paper", metavar="P", help="settings to time, see `perfclone profiles` (default: paper)")
    sub.add_argument("--seconds", type=count, default=120, metavar="S", help="for each timing (default: 120)")
    _device_option(sub)


def main(arguments: list[str] | None = None) -> int:
    """The command `perfclone-lab`."""
    return run_command(_parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
