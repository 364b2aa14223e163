"""The figures made from repeated measurements: medians, spread, ratios."""

from statistics import geometric_mean, median


def spread(values):
    """Median, smallest and largest of some measurements."""
    if not values:
        raise ValueError("no measurements")
    return {"median": median(values), "min": min(values), "max": max(values)}


def compare(ours, theirs):
    """How many times as long they take as we do: by medians, and pair by pair.

    Measurement i of both was taken one right after the other, so a pair shares whatever slowed the machine at that
    moment; where the ratio of medians and the median of pairs differ, the machine was not quiet.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} measurements against {len(theirs)}, expected pairs")
    return {
        "ratio": median(theirs) / median(ours),
        "pairwise": spread([b / a for a, b in zip(ours, theirs)]),
    }


def speedups(cases):
    """Pairs of cases that differ in threads alone, and how much faster each engine is with more of them."""
    found = []
    for one in cases:
        for more in cases:
            same = (one["model"], one["batch"]) == (more["model"], more["batch"])
            if same and one["threads"] == 1 and more["threads"] > 1:
                found.append({
                    "model": one["model"], "batch": one["batch"], "threads": more["threads"],
                    **{engine: one[engine]["latency_ms"]["median"] / more[engine]["latency_ms"]["median"]
                       for engine in ("godwit", "onnxruntime")},
                })
    return found


def overall(cases):
    """The geometric mean of the ratios, and the case with the smallest."""
    worst = min(cases, key=lambda case: case["ratio"])
    return {"geometric_mean": geometric_mean([case["ratio"] for case in cases]), "cases": len(cases),
            "worst": {"name": worst["name"], "ratio": worst["ratio"]},
            "below_one": sorted(case["name"] for case in cases if case["ratio"] < 1)}
