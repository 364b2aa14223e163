"""C++ files of the house: what each includes, and from that, which files a result depends on."""

import functools
import hashlib
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = ("runtime", "ops", "engine", "importers", "tools", "tests")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.MULTILINE)


def find(ending, root=ROOT):
    """Files of all floors with this ending, in order."""
    return sorted(path for floor in FLOORS for path in (root / floor).rglob("*" + ending) if path.is_file())


class Sources:
    """Reads every file once."""

    def __init__(self, folders):
        """The folders are those that includes are looked up in; what lies in none of them belongs to the system."""
        self.folders = [pathlib.Path(folder) for folder in folders]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return path.read_text(encoding="utf-8")

    @functools.lru_cache(maxsize=None)
    def digest(self, path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @functools.lru_cache(maxsize=None)
    def includes(self, path):
        """What a file includes by itself: files of the house, and names of the system's headers."""
        files, system = [], []
        for mark, name in INCLUDE.findall(self.text(path)):
            beside = [path.parent] if mark == '"' else []
            found = next((folder / name for folder in beside + self.folders if (folder / name).is_file()), None)
            if found:
                files.append(found)
            else:
                system.append(name)
        return files, system

    @functools.lru_cache(maxsize=None)
    def closure(self, path):
        """The file and all that it includes, directly or not: (files, names of the system's headers). Conditions are
        not looked at, so that no flag can hide a dependency."""
        files, system, left = {path}, set(), [path]
        while left:
            own, names = self.includes(left.pop())
            system.update(names)
            left += [file for file in own if file not in files]
            files.update(own)
        return frozenset(files), frozenset(system)

    def fingerprint(self, path):
        """Changes with the contents of anything in the closure."""
        return "".join(f"{file} {self.digest(file)}\n" for file in sorted(self.closure(path)[0]))
