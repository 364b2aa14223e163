"""Every header compiles alone."""

import concurrent.futures
import os
import platform
import subprocess

KERNEL_FOLDERS = ("ops/kernels/", "ops/isa/")
# Kernel headers are templates over an architecture: the widest one lets all of their code be seen.
WIDEST = ("-mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mavx512vnni -mavx512bf16 "
          "-mavxvnni").split()
MOST_HUBS = 8


def hubs(headers, sources):
    """Headers that are worth precompiling, the heaviest first. A header that includes one of them reads the same with
    it read before, as each is proven to stand alone: what is precompiled is only what the header includes anyway."""
    closures = {header: sources.closure(header)[0] for header in headers}

    def weight(header):
        files, system = sources.closure(header)
        return len(files) + 4 * len(system)
    best, chosen = dict.fromkeys(headers, 0), []
    for _ in range(MOST_HUBS):
        def gain(hub):
            value = weight(hub)
            return sum(max(0, value - best[header]) for header in headers
                       if header != hub and hub in closures[header]) - 2 * value
        hub = max(headers, key=gain, default=None)
        if hub is None or gain(hub) <= 0:
            break
        chosen.append(hub)
        for header in headers:
            if header != hub and hub in closures[header]:
                best[header] = max(best[header], weight(hub))
    return sorted(chosen, key=weight, reverse=True)


class Headers:
    """Compiles headers one by one and remembers those that passed."""

    def __init__(self, sources, cache, scratch, root):
        self.sources, self.cache, self.scratch, self.root = sources, cache, scratch, root
        self.compiler = os.environ.get("CXX") or "g++"
        self.base = ["-std=c++20", "-Wall", "-Wextra", *(f"-I{folder}" for folder in sources.folders)]
        self.hubs = []

    def flags(self, header):
        is_kernel = str(header.relative_to(self.root)).startswith(KERNEL_FOLDERS)
        return self.base + (WIDEST if is_kernel and platform.machine() == "x86_64" else [])

    def key(self, header):
        return self.cache.key("headers", self.compiler, *self.flags(header), self.sources.fingerprint(header))

    def precompile(self, hub):
        """A folder with the hub's precompiled form; nothing where the hub does not compile, which its own turn tells."""
        stub = self.scratch / f"hub_{hub.relative_to(self.root)}".replace("/", "_")
        stub = self.scratch / str(stub.name)
        stub.write_text(f'#include "{hub.relative_to(self.root)}"\n', encoding="utf-8")
        command = [self.compiler, *self.base, "-x", "c++-header", str(stub), "-o", f"{stub}.gch"]
        return (hub, stub) if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None

    def compile(self, header):
        """The compiler's complaint; none: it passed."""
        name = str(header.relative_to(self.root))
        flags = self.flags(header)
        if flags == self.base:
            closure = self.sources.closure(header)[0]
            stub = next((stub for hub, stub in self.hubs if hub != header and hub in closure), None)
            flags = flags + (["-include", str(stub)] if stub else [])
        done = subprocess.run([self.compiler, *flags, "-fsyntax-only", "-x", "c++", "-"], input=f'#include "{name}"\n',
                              capture_output=True, text=True, check=False, cwd=self.root)
        if done.returncode == 0:
            self.cache.add(self.key(header))
            return ""
        return f"{done.stderr}{name} does not compile alone\n"


def check(dirty, headers, jobs):
    """Prints complaints; true where there are none."""
    passed = True
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        plain = [header for header in dirty if headers.flags(header) == headers.base]
        headers.hubs = [made for made in pool.map(headers.precompile, hubs(plain, headers.sources)) if made]
        for complaint in pool.map(headers.compile, dirty):
            if complaint:
                print(complaint, end="", flush=True)
                passed = False
    return passed
