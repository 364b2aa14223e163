"""Results that need no second look: what passed with the same tool, flags and contents passes again."""

import hashlib
import shutil
import subprocess

MOST_KEYS = 20_000


def system_stamp():
    """Changes when the system's libraries do; their headers are in no closure."""
    if not shutil.which("dpkg-query"):
        return ""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", "lib*", "*-dev"]
    return hashlib.sha256(subprocess.run(query, capture_output=True, check=False).stdout).hexdigest()


def tool_version(*command):
    return subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout


class Cache:
    """Keys of what passed, one a line, in a file of the build folder; failures are not kept."""

    def __init__(self, path, *common):
        """Whatever is common to all results (tool, system) is part of every key."""
        self.path = path
        self.common = common
        self.keys = dict.fromkeys(path.read_text(encoding="ascii").split()) if path.is_file() else {}

    def key(self, *parts):
        state = hashlib.sha256()
        for part in (*self.common, *parts):
            state.update(str(part).encode() + b"\0")
        return state.hexdigest()

    def __contains__(self, key):
        return key in self.keys

    def add(self, key):
        """Written at once: what passed before an interruption stays known."""
        self.keys[key] = None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            file.write(key + "\n")

    def trim(self):
        """Keeps the file from growing for ever; the oldest keys go."""
        if len(self.keys) > MOST_KEYS:
            self.path.write_text("".join(f"{key}\n" for key in list(self.keys)[-MOST_KEYS // 2:]), encoding="ascii")
