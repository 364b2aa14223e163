"""Checks of tools/lint that look at files one by one and keep what passed: format, headers, tidy.

usage: python3 tools/lint_checks format|headers|tidy --build DIR [--base REV]
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import headers
import tidy
from cache import Cache, system_stamp, tool_version
from sources import ROOT, Sources, find

# Files whose change may change the verdict on any other.
CONCERN_ALL = (".clang-format", ".clang-tidy", "CMakeLists.txt", "CMakePresets.json", "tools/lint")


def changed_since(base):
    """Paths that differ from a revision, new files included; nothing where one of them concerns all files."""
    lines = []
    for command in (["diff", "--name-only", base], ["ls-files", "--others", "--exclude-standard"]):
        done = subprocess.run(["git", "-C", ROOT, *command, "--"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(f"--base: {done.stderr.strip().splitlines()[0]}")
        lines += done.stdout.splitlines()
    if any(name.endswith(CONCERN_ALL) or name.startswith(("cmake/", "tools/lint_checks/")) for name in lines):
        return None
    return {ROOT / name for name in lines}


def select(items, key_of, cache, files_of, base):
    """What has to be looked at: not known to pass, and touched since the base where one is given."""
    changed = changed_since(base) if base else None
    return [item for item in items
            if (changed is None or not changed.isdisjoint(files_of(item))) and key_of(item) not in cache]


def check_format(build, base, jobs, _):
    cache = Cache(build / "lint" / "format.txt", tool_version("clang-format"), (ROOT / ".clang-format").read_text())
    sources = Sources([])
    files = select(find(".h") + find(".cpp"), lambda path: cache.key(sources.digest(path)), cache,
                   lambda path: {path}, base)

    def run(part):
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *part], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0:
            for path in part:
                cache.add(cache.key(sources.digest(path)))
        return done.stderr
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        complaints = list(pool.map(run, [files[i:i + 16] for i in range(0, len(files), 16)]))
    print("".join(complaints), end="")
    cache.trim()
    return not any(complaints)


def check_headers(build, base, jobs, scratch):
    compiler = os.environ.get("CXX") or "g++"
    cache = Cache(build / "lint" / "headers.txt", tool_version(compiler), system_stamp())
    sources = Sources([ROOT, build / "importers"])
    checker = headers.Headers(sources, cache, scratch, ROOT)
    dirty = select(find(".h"), checker.key, cache, lambda path: sources.closure(path)[0], base)
    passed = headers.check(dirty, checker, jobs)
    cache.trim()
    return passed


def check_tidy(build, base, jobs, scratch):
    cache = Cache(build / "lint" / "tidy.txt", tool_version("clang-tidy"), system_stamp())
    units = tidy.units_of(build)
    sources = Sources(tidy.include_folders(units))
    checker = tidy.Tidy(sources, cache, scratch)
    dirty = select(units, checker.key, cache, lambda unit: sources.closure(unit.path)[0], base)
    passed = tidy.check(dirty, checker, jobs)
    cache.trim()
    return passed


CHECKS = {"format": check_format, "headers": check_headers, "tidy": check_tidy}


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/lint", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--build", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--base")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="godwit-lint-") as scratch:
        try:
            jobs = len(os.sched_getaffinity(0))
            passed = CHECKS[options.check](options.build, options.base, jobs, pathlib.Path(scratch))
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            print(f"tools/lint: error: {error}", file=sys.stderr)
            return 2
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
