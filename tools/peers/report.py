"""The result as Markdown, ready for the README."""

from peers import summary


def _table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|--:" * (len(head) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _span(values, form):
    low, middle, high = (format(values[key], form) for key in ("min", "median", "max"))
    return f"{middle} ({low}–{high})"


def _time_form(values):
    return ".1f" if values["median"] >= 100 else ".2f"


def _origin(about):
    if not about["commit"]:
        return about["program"]
    return f"commit {about['commit']}" + (" with uncommitted changes" if about["changed"] else "")


def _conditions(result):
    machine, godwit, peer, settings = (result[key] for key in ("machine", "godwit", "onnxruntime", "settings"))
    yield (f"Machine: {machine['cpu']}, {machine['cpus']} CPUs ({machine['cpus_allowed']} allowed), "
           f"{machine['kernel']}, {machine['date']}, load average {machine['load_average']:.2f} before the start.")
    yield (f"godwit {godwit['version']} ({_origin(godwit)}), {godwit['precision']}, {godwit['isa']}; "
           f"ONNX Runtime {peer['version']}, CPU provider, Node.js {peer['node']}.")
    yield (f"Command: `{settings['command']}`: {settings['rounds']} process{'es' if settings['rounds'] > 1 else ''} of "
           f"each in turn, measuring for at least {settings['seconds']:g} s, pinned to the same cores.")
    if settings["environment"]:
        yield "Environment: " + " ".join(f"`{name}={value}`" for name, value in settings["environment"].items()) + "."
    for sentence in result["warnings"]:
        yield f"Warning: {sentence}."


def _latency_row(case):
    ours, theirs = case["godwit"]["latency_ms"], case["onnxruntime"]["latency_ms"]
    return (case["name"], str(case["batch"]), str(case["threads"]), _span(ours, _time_form(ours)),
            _span(theirs, _time_form(theirs)), f"**{case['ratio']:.2f}**", _span(case["pairwise"], ".2f"))


def _load_row(case):
    ours, theirs = case["godwit"], case["onnxruntime"]
    memory = theirs["memory_mib"]
    return (case["name"], _span(ours["load_ms"], ".0f"), _span(theirs["load_ms"], ".0f"),
            f"{ours['memory_mib']['peak']['median']:.0f}", f"{memory['peak']['median']:.0f}",
            f"{memory['added']['median']:.0f}")


def markdown(result):
    """All lines of the report."""
    cases = result["cases"]
    for line in _conditions(result):
        yield line
        yield ""
    yield ("Latency of one run in ms: median of the processes' medians (smallest–largest); "
           "ratio = ONNX Runtime ÷ godwit.")
    yield ""
    yield from _table(("case", "batch", "threads", "godwit", "ONNX Runtime", "ratio", "ratio of neighbours"),
                      map(_latency_row, cases))
    if "overall" in result:
        overall = result["overall"]
        yield ""
        yield (f"Geometric mean of {overall['cases']} ratios: **{overall['geometric_mean']:.2f}**; smallest: "
               f"{overall['worst']['ratio']:.2f} ({overall['worst']['name']}); below 1: "
               f"{', '.join(overall['below_one']) or 'none'}.")
    for sentence in result.get("failed", []):
        yield ""
        yield f"Not measured: {sentence}."
    yield ""
    yield ("Load time in ms, from file to ready; resident memory in MiB, where \"added\" is ONNX Runtime's part above "
           "the bare Node.js process, after the runs.")
    yield ""
    yield from _table(("case", "godwit load", "ONNX Runtime load", "godwit peak", "ONNX Runtime peak",
                       "ONNX Runtime added"), map(_load_row, cases))
    faster = summary.speedups(cases)
    if faster:
        yield ""
        yield "Speed with more threads ÷ speed with one."
        yield ""
        yield from _table(("model", "batch", "threads", "godwit", "ONNX Runtime"), (
            (row["model"], str(row["batch"]), str(row["threads"]), f"{row['godwit']:.2f}",
             f"{row['onnxruntime']:.2f}") for row in faster))
