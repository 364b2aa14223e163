"""The two engines: how each is made ready, and how one process of it measures one case."""

import json
import os
import pathlib
import shutil
import sys

from peers import processes
from peers.processes import Failed, Stop

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tools" / "peers"
MODULES = ROOT / "build" / "peers"
GODWIT = ROOT / "build" / "release" / "godwit"
PEER = "onnxruntime-node"


def peer_version():
    """The version of ONNX Runtime that is asked for."""
    return json.loads((HERE / "package.json").read_text())["dependencies"][PEER]


def require_programs():
    """Has tools/setup install what the comparison runs by name."""
    wanted = ("npm", "node", "taskset")
    if all(map(shutil.which, wanted)):
        return
    try:
        processes.show([ROOT / "tools" / "setup", "peers"])
    except Failed:
        pass
    missing = [program for program in wanted if not shutil.which(program)]
    if missing:
        raise Stop(3, f"not found, and not installed by tools/setup: {', '.join(missing)}")


def _installed_version(modules):
    try:
        return json.loads((modules / "node_modules" / PEER / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError):
        return None


def install_onnxruntime():
    """Installs ONNX Runtime for Node.js where it is not; what lies in build/peers is always complete."""
    version = peer_version()
    if _installed_version(MODULES) == version:
        return
    print(f"tools/compare_peers: installing {PEER} {version} into {MODULES.relative_to(ROOT)}",
          file=sys.stderr, flush=True)
    scratch = MODULES.with_name(f"peers.{os.getpid()}")
    try:
        scratch.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, scratch)
        processes.output(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
                          "--fetch-retries=1"], cwd=scratch, complaint="npm (ERR!|error) (?!code|errno|syscall)")
        if _installed_version(scratch) != version:
            raise Stop(3, f"npm installed no {PEER} {version} for this system")
        shutil.rmtree(MODULES, ignore_errors=True)
        scratch.rename(MODULES)
    except Failed as failed:
        raise Stop(3, f"npm could not install {PEER} {version}; is there a network? It said: {failed}") from failed
    except OSError as error:
        raise Stop(1, f"{PEER} cannot be installed into {MODULES}: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build_godwit():
    """Builds the release preset's program where there is none."""
    if GODWIT.exists():
        return
    try:
        processes.show([ROOT / "tools" / "setup", "build"])
        processes.show(["cmake", "--preset", "release"], cwd=ROOT)
        processes.show(["cmake", "--build", "--preset", "release", "--target", "godwit"], cwd=ROOT)
    except (Failed, FileNotFoundError) as failed:
        status = 3 if getattr(failed, "status", 3) == 3 else 1
        raise Stop(status, "godwit could not be built; the lines above say why") from failed


def _git(*arguments):
    try:
        return processes.output(["git", *arguments], cwd=ROOT).strip()
    except (Failed, FileNotFoundError):
        return None


def describe_godwit(program):
    """Version and, for this tree's own build, commit; with a warning where the build is older than the sources."""
    try:
        version = processes.output([program, "--version"]).strip().removeprefix("godwit ")
    except (Failed, OSError) as failed:
        reason = getattr(failed, "strerror", None) or failed
        raise Stop(2, f"'{program}' does not run as godwit: {reason}") from failed
    about = {"program": os.path.relpath(program), "version": version, "commit": None, "changed": None}
    if program != GODWIT:
        return about, None
    about["commit"] = _git("rev-parse", "--short=12", "HEAD")
    if about["commit"]:
        about["changed"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    built = program.stat().st_mtime
    sources = (_git("ls-files", "runtime", "ops", "engine", "importers", "tools") or "").splitlines()
    newer = [name for name in sources if name.endswith((".cpp", ".h", ".inc")) and (ROOT / name).exists()
             and (ROOT / name).stat().st_mtime > built]
    if not newer:
        return about, None
    return about, f"{about['program']} is older than {newer[0]}: this is not a measurement of the commit; build first"


def _pinned(cpus, command):
    return ["taskset", "--cpu-list", ",".join(map(str, cpus)), *map(str, command)]


def _measure(engine, case, command):
    """The JSON that one process printed about one case."""
    try:
        return json.loads(processes.output(command))
    except Failed as failed:
        raise Stop(3 if failed.status == 3 else 1, f"case {case['name']}: {engine} failed: {failed}") from failed
    except ValueError as error:
        raise Stop(1, f"case {case['name']}: {engine} printed no JSON") from error


def _input_names(program, case):
    """The names of the model's inputs, asked only where tensors are given for them."""
    if not case.get("inputs"):
        return []
    return [entry["name"] for entry in _measure("godwit", case, [program, "inspect", case["path"], "--json"])["inputs"]]


def run_godwit(program, case, seconds, options):
    """One process of godwit: its latency, load time and memory."""
    inputs = [f"{name}={file}" for name, file in zip(_input_names(program, case), case.get("inputs", []))]
    size = [part for item in inputs for part in ("--input", item)] or ["--batch", case["batch"]]
    result = _measure("godwit", case, _pinned(case["cpus"], [
        program, "bench", case["path"], "--json", *size, "--threads", case["threads"], "--seconds", seconds, *options]))
    if result.get("schema") != "godwit.bench/1":
        raise Stop(1, f"case {case['name']}: godwit printed schema {result.get('schema')}, expected godwit.bench/1")
    return {"latency_ms": result["results"][0]["latency_ms"], "load_ms": result["load_ms"],
            "memory_mib": {"peak": result["peak_rss_mib"]}, "repetitions": result["results"][0]["repetitions"],
            "precision": result["precision"], "isa": result["isa"]}


def run_onnxruntime(case, seconds):
    """One process of ONNX Runtime, in the same terms."""
    result = _measure("ONNX Runtime", case, _pinned(case["cpus"], [
        "node", HERE / "onnxruntime_bench.js", MODULES, case["path"], case["batch"], case["threads"], seconds,
        *case.get("inputs", [])]))
    return {key: result[key] for key in ("latency_ms", "load_ms", "memory_mib", "repetitions", "version", "node")}
