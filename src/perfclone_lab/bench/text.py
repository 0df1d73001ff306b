"""A record of a benchmark in a few lines."""

from __future__ import annotations


def as_text(record: dict) -> str:
    """What a person wants to know of a record of `bench_train`, `bench_clone` or `bench_capture`."""
    machine = record["machine"]
    lines = [f"{machine['processor']}, {machine['device']}"]
    if "settings" in record:
        s = record["settings"]
        lines.append(f"{record['bench']} at {s['size']}×{s['size']}, width {s['width']}, batch {s['batch']}")
    for name in ("ours", "straightforward"):
        if name in record:
            lines.append(_line(name, record[name]))
    if "speedup" in record:
        lines.append(f"{record['speedup']:.2f} times as fast" + _memory(record))
    if "one_by_one" in record:
        lines.append(
            "one thing after another: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in record["one_by_one"].items())
        )
    if "stages_ms" in record:
        lines.append("a frame: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in record["stages_ms"].items()))
    if "ms_a_frame" in record:
        lines.append(f"in all {record['ms_a_frame']:.1f} ms a frame, decoding twice")
    if "error" in record:
        error = record["error"]
        lines.append(f"against fp32: RMSE {error['rmse']:.2f}, largest {error['largest']:.0f} of 255 levels")
    return "\n".join(lines)


def _line(name: str, one: dict) -> str:
    memory = "" if one["peak_memory_mib"] is None else f", peak memory {one['peak_memory_mib']:.0f} MiB"
    return (
        f"{name}: {one['median_ms']:.2f} ms ({one['p10_ms']:.2f} to {one['p90_ms']:.2f}, {one['repeats']} times) in {one['precision']},"
        f" {one['gflop']:.2f} GFLOP, {one['gflop_per_s']:.0f} GFLOP/s, {one['share_of_peak']:.1%} of the machine's peak{memory}"
    )


def _memory(record: dict) -> str:
    share = record.get("memory_share")
    return "" if share is None else f", at {share:.0%} of the memory"
