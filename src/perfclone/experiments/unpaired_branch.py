"""The unpaired branch (Sec. 5.2): the same training with and without it, and how each clone moves along the driver's flow.

`python -m perfclone.experiments.unpaired_branch data/actors/dee.mp4 data/actors/eve.mp4 --profile quick`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ..capture import Performance, capture
from ..cloning import generate_sequence
from ..metrics import warping_error
from ..training import PROFILES, TrainSettings, train


def unpaired_branch(
    reference: Performance,
    driving: Performance,
    *,
    flow: np.ndarray | None = None,
    profile: str = "quick",
    settings: TrainSettings | None = None,
    seed: int = 0,
    device: str = "auto",
) -> dict:
    """Warping error of the driving clip's clone, trained with the paired branch only and with both, for equally many steps.

    Args:
        flow: (T−1, size, size, 2) true backward flow of the driving clip, where it is known; else the estimated flow, which
            is the one that the unpaired branch was trained with.
        profile, settings, seed, device: see `train`.

    Returns:
        `paired_only` and `both` in 8-bit units (see `metrics.warping_error`), their `ratio`, and `frozen`, the error of a clone
        that never moves, as a control.
    """
    result: dict = {}
    for name, others in (("paired_only", ()), ("both", (driving,))):
        actor = train(reference, others, profile=profile, settings=settings, seed=seed, device=device)
        field = driving.flow(actor.settings.size) if flow is None else flow
        frames = generate_sequence(actor, driving.poses)
        result[name] = warping_error(frames, field, driving.poses.joints)
        result[f"{name}_actor"] = actor.record
    result["frozen"] = warping_error(np.repeat(frames[:1], len(frames), 0), field, driving.poses.joints)
    result["ratio"] = result["both"] / result["paired_only"]
    result["flow"] = "estimated" if flow is None else "given"
    return result


def main() -> None:
    """Print the result as JSON."""
    parser = argparse.ArgumentParser(description=unpaired_branch.__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("driving", type=Path)
    parser.add_argument("--profile", default="quick", choices=PROFILES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    reference, driving = (
        capture(path, max_frames=PROFILES[args.profile].max_frames) for path in (args.reference, args.driving)
    )
    print(json.dumps(unpaired_branch(reference, driving, profile=args.profile, seed=args.seed, device=args.device), indent=2))


if __name__ == "__main__":
    main()
