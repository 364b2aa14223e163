"""clang-tidy over all units, in batches of those that have the same flags."""

import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess

import batches
from sources import ROOT, find

ERROR = re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): .*\[([^\]]+)\]$", re.MULTILINE)
CONFIG = ".clang-tidy"


class Unit:
    """A source and what it is compiled with; the config is clang-tidy's, whole."""

    def __init__(self, path, flags):
        self.path, self.flags = path, flags
        self.config = next(folder / CONFIG for folder in path.parents if (folder / CONFIG).is_file()) \
            if ROOT in path.parents else ROOT / CONFIG

    def __str__(self):
        return str(self.path)


def flags_of(command):
    """What tells how to read the source. GCC's precompiled headers mean nothing to clang."""
    words = shlex.split(command)
    flags, place = [], next(i for i, word in enumerate(words) if word.startswith("-"))
    while place < len(words):
        word = words[place]
        if word in ("-o", "-c", "-MF", "-MT", "-MQ", "-include"):
            place += 1
        elif word not in ("-MD", "-MMD", "-Winvalid-pch"):
            flags.append(word)
        place += 1
    return tuple(flags)


def units_of(build):
    """Every source of the floors, and those that CMake writes. One that is not compiled here, as a consumer of the
    install, gets the flags of the nearest that is and the headers as the install has them."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text("utf-8")):
        path = pathlib.Path(entry["file"])
        if not path.name.startswith("cmake_pch") and not path.name.endswith(".pb.cc"):
            flags.setdefault(path, flags_of(entry["command"]))
    if not flags:
        raise ValueError(f"{build}/compile_commands.json names no source; configure the build again")

    def nearness(path, other):
        return next((i for i, (a, b) in enumerate(zip(path.parts, other.parts)) if a != b), len(path.parts))

    def borrowed(path):
        installed = [f"-I{build / 'include'}"] if "#include <godwit/" in path.read_text("utf-8") else []
        return (*flags[max(flags, key=lambda other: nearness(path, other))], *installed)
    written = [path for path in flags if build in path.parents]
    return [Unit(path, flags.get(path) or borrowed(path)) for path in find(".cpp") + sorted(written)]


def include_folders(units):
    """Folders that includes are looked up in; those of the system's headers are not ours to read."""
    folders = [str(ROOT)]
    for unit in units:
        folders += [flag[2:] for flag in unit.flags if flag.startswith("-I")]
        folders += [folder for flag, folder in zip(unit.flags, unit.flags[1:]) if flag == "-isystem"]
    return [folder for folder in dict.fromkeys(folders) if not folder.startswith("/usr/")]


class Tidy:
    """Runs clang-tidy on batches and remembers the units that passed."""

    def __init__(self, sources, cache, scratch):
        self.sources, self.cache, self.scratch = sources, cache, scratch
        self.configs = {}

    def config(self, path):
        """The config with all that it inherits, as a file that holds for sources anywhere."""
        if path not in self.configs:
            dump = subprocess.run(["clang-tidy", "--dump-config", str(path.parent / "any.cpp"), "--"],
                                  capture_output=True, text=True, check=True).stdout
            file = self.scratch / f"config_{len(self.configs)}.yaml"
            file.write_text(dump, encoding="utf-8")
            self.configs[path] = (file, dump)
        return self.configs[path]

    def key(self, unit):
        return self.cache.key("tidy", self.config(unit.config)[1], *unit.flags, self.sources.fingerprint(unit.path))

    def command(self, unit, path):
        return ["clang-tidy", "--quiet", f"--config-file={self.config(unit.config)[0]}", str(path), "--", *unit.flags]

    def run(self, unit, path):
        done = subprocess.run(self.command(unit, path), capture_output=True, text=True, check=False)
        noise = re.compile(r"^\d+ warnings? (?:and \d+ errors? )?generated|^Suppressed|^Use -header|^Error while proc")
        kept = [line for line in done.stderr.splitlines() if line and not noise.match(line)]
        return done.returncode == 0, done.stdout + "".join(line + "\n" for line in kept)

    def single(self, unit):
        """Findings in one unit; none: it passed."""
        passed, output = self.run(unit, unit.path)
        if passed:
            self.cache.add(self.key(unit))
            return ""
        return output or f"{unit}: clang-tidy failed without a word\n"

    def batch(self, number, units):
        """Findings in a batch. Members of one that fails are looked at one by one, unless it compiled and its lines
        tell which of them are meant."""
        if len(units) == 1:
            return self.single(units[0])
        text, origins = batches.join([unit.path for unit in units], self.sources.text)
        path = self.scratch / f"batch_{number}.cpp"
        path.write_text(text, encoding="utf-8")
        passed, output = self.run(units[0], path)
        suspects = set() if passed else {unit.path for unit in units}
        found = [(match[1], int(match[2]), match[3]) for match in ERROR.finditer(output)]
        if found and all(name == str(path) and "clang-diagnostic-error" not in check for name, _, check in found):
            suspects = {origins[line - 1] for _, line, _ in found}
        for unit in units:
            if unit.path not in suspects:
                self.cache.add(self.key(unit))
        return "".join(self.single(unit) for unit in units if unit.path in suspects)


def check(units, tidy, jobs):
    """Prints findings; true where there are none."""
    groups = {}
    for unit in units:
        groups.setdefault((unit.flags, unit.config), []).append(unit)
    work = []
    for members in groups.values():
        by_path = {unit.path: unit for unit in members}
        work += [[by_path[path] for path in paths] for paths in batches.group(by_path, tidy.sources.text)]
    # The longest first, so that no core is left alone with one at the end.
    work.sort(key=lambda paths: -sum(len(tidy.sources.text(unit.path)) for unit in paths))
    passed = True
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for findings in pool.map(tidy.batch, range(len(work)), work):
            if findings:
                print(findings, end="", flush=True)
                passed = False
    return passed
