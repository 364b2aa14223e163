#!/usr/bin/env python3
"""Tests of tools/lint: a fault of each kind fails it, what passed is remembered, and only as long as it holds."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lint_checks"))

import batches  # noqa: E402
import headers  # noqa: E402
from cache import Cache  # noqa: E402
from sources import Sources  # noqa: E402

HEADER = """// A sum.
#pragma once

namespace godwit {

inline int sum(int a, int b) { return a + b; }

}  // namespace godwit
"""
SOURCE = """// Twice a sum.
#include "runtime/sum.h"

namespace godwit {
namespace {

constexpr int kFactor = 2;

int scaled(int value) { return kFactor * value; }

}  // namespace

int twice(int a, int b) { return scaled(sum(a, b)); }

}  // namespace godwit
"""
FAULT = SOURCE.replace("return kFactor * value;", "return kFactor * static_cast<int>(sizeof(sizeof(value)));")
TOOLS_ROOMS = ("vision", "report", "bench", "cli")
ENERGY_ROOMS = ("ledger", "sensors", "caps", "protocol")
TOOLS = ("clang-format", "clang-tidy", "g++", "nm")


class House:
    """A repository of two sources and a header, with this one's lint."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        self.build = self.root / "build"
        for room in ("ops", "engine", "importers", "tests", *(f"tools/{room}" for room in TOOLS_ROOMS),
                     *(f"runtime/energy/{room}" for room in ENERGY_ROOMS)):
            (self.root / room).mkdir(parents=True)
            (self.root / room / "empty.h").write_text("// Nothing yet.\n#pragma once\n", "utf-8")
        for name in (".clang-format", ".clang-tidy", "tools/.clang-tidy", "tests/.clang-tidy", "tools/lint"):
            shutil.copy(ROOT / name, self.root / name)
        shutil.copytree(ROOT / "tools/lint_checks", self.root / "tools/lint_checks")
        # Tools that are needed are there, or this test would not run.
        (self.root / "tools/setup").write_text("#!/usr/bin/env bash\n", "utf-8")
        (self.root / "tools/setup").chmod(0o755)
        self.write("runtime/sum.h", HEADER)
        self.write("runtime/twice.cpp", SOURCE)
        self.write("runtime/thrice.cpp", SOURCE.replace("2", "3").replace("wice", "hrice"))
        self.configure("-O1")

    def write(self, name, text):
        (self.root / name).write_text(text, "utf-8")

    def configure(self, *flags):
        self.build.mkdir(exist_ok=True)
        entries = [{"directory": str(self.build), "file": str(path),
                    "command": f"g++ -I{self.root} -std=c++20 {' '.join(flags)} -o {path.stem}.o -c {path}"}
                   for path in self.root.rglob("*.cpp")]
        (self.build / "compile_commands.json").write_text(json.dumps(entries), "utf-8")

    def lint(self, check, *more):
        return subprocess.run([self.root / "tools/lint", "--only", check, "--build", self.build, *more],
                              capture_output=True, text=True, check=False)

    def remembered(self, check):
        path = self.build / "lint" / f"{check}.txt"
        return len(path.read_text("utf-8").split()) if path.exists() else 0


@unittest.skipUnless(all(map(shutil.which, TOOLS)), f"needs {', '.join(TOOLS)}")
class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.house = House(folder.name)

    def expect(self, check, verdict, *words, more=()):
        done = self.house.lint(check, *more)
        self.assertEqual(done.returncode, 0 if verdict else 1, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stdout + done.stderr)

    def test_a_house_in_order_passes(self):
        for check in ("format", "includes", "headers", "tidy", "length"):
            self.expect(check, True)

    def test_a_line_out_of_format_fails(self):
        self.house.write("runtime/sum.h", HEADER.replace("a + b", "a+b"))
        self.expect("format", False, "sum.h:6")

    def test_an_include_against_the_direction_fails(self):
        self.house.write("engine/graph.h", HEADER)
        self.house.write("runtime/twice.cpp", SOURCE.replace("runtime/sum.h", "engine/graph.h"))
        self.expect("includes", False, "runtime/twice.cpp:2")

    def test_a_header_that_needs_another_fails(self):
        self.house.write("runtime/sum.h", HEADER.replace("int sum", "std::size_t sum"))
        self.expect("headers", False, "runtime/sum.h does not compile alone")

    def test_a_finding_of_clang_tidy_fails_and_names_its_file_and_line(self):
        self.house.write("runtime/twice.cpp", FAULT)
        self.expect("tidy", False, "runtime/twice.cpp:9", "bugprone-sizeof-expression")

    def test_a_finding_in_a_header_fails(self):
        self.house.write("runtime/sum.h", HEADER.replace("a + b", "a + static_cast<int>(sizeof(sizeof(b)))"))
        self.expect("tidy", False, "runtime/sum.h:6", "bugprone-sizeof-expression")
        self.assertEqual(self.house.remembered("tidy"), 0)

    def test_a_symbol_of_two_instruction_sets_fails(self):
        def compile_object(folder, name, text):
            (self.house.build / folder).mkdir(parents=True, exist_ok=True)
            subprocess.run(["g++", "-x", "c++", "-c", "-", "-o", self.house.build / folder / f"{name}.cpp.o"],
                           input=text, text=True, check=True)
        for folder, prefix in (("ops", "kernels"), ("runtime/image", "rows")):
            for name in ("generic", "avx2"):
                compile_object(f"{folder}/isa/x_isa_{name}.dir", prefix, f"int {prefix}_{name}() {{ return 1; }}")
        self.expect("symbols", True)
        compile_object("ops/isa/x_isa_avx2.dir", "kernels", "int kernels_avx2() { return 1; }\nint shared() { return 2; }")
        self.expect("symbols", False, "shared()")

    def test_what_passed_is_not_looked_at_again(self):
        self.expect("tidy", True)
        before = self.house.remembered("tidy")
        self.assertEqual(before, 2)
        self.expect("tidy", True)
        self.assertEqual(self.house.remembered("tidy"), before)

    def test_a_changed_header_is_looked_at_with_all_that_include_it(self):
        self.expect("tidy", True)
        self.house.write("runtime/sum.h", HEADER.replace("a + b", "b + a"))
        self.expect("tidy", True)
        self.assertEqual(self.house.remembered("tidy"), 4)

    def test_changed_flags_and_checks_are_looked_at(self):
        self.expect("tidy", True)
        self.house.configure("-O2")
        self.expect("tidy", True)
        self.assertEqual(self.house.remembered("tidy"), 4)
        with (self.house.root / ".clang-tidy").open("a", encoding="utf-8") as config:
            config.write("  - {key: bugprone-argument-comment.StrictMode, value: '1'}\n")
        self.expect("tidy", True)
        self.assertEqual(self.house.remembered("tidy"), 6)

    def test_what_failed_is_looked_at_again_and_alone(self):
        self.house.write("runtime/twice.cpp", FAULT)
        for _ in range(2):
            self.expect("tidy", False, "runtime/twice.cpp:9")
            self.assertEqual(self.house.remembered("tidy"), 1)
        self.house.write("runtime/twice.cpp", SOURCE)
        self.expect("tidy", True)

    def test_with_a_base_only_what_changed_is_looked_at(self):
        def git(*arguments):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=self.house.root,
                           check=True, capture_output=True)
        git("init", "-q")
        git("add", "-A", "--", "runtime", "tools", ".clang-tidy", ".clang-format")
        git("commit", "-q", "-m", "x")
        (self.house.root / ".gitignore").write_text("build\ntests\n", "utf-8")
        self.expect("tidy", True, more=("--base", "HEAD"))
        self.assertEqual(self.house.remembered("tidy"), 0)
        self.house.write("runtime/twice.cpp", SOURCE.replace("= 2", "= 4"))
        self.expect("tidy", True, more=("--base", "HEAD"))
        self.assertEqual(self.house.remembered("tidy"), 1)
        done = self.house.lint("tidy", "--base", "no_such_revision")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--base", done.stderr)


class Batches(unittest.TestCase):
    ANONYMOUS = "namespace godwit {{\nnamespace {{\n{}\n}}  // namespace\n{}\n}}  // namespace godwit\n"

    def group(self, *texts):
        return batches.group(range(len(texts)), lambda number: texts[number])

    def test_units_without_a_name_in_common_go_together(self):
        one = self.ANONYMOUS.format("int f() { return 1; }", "int A::g() { return f(); }")
        two = self.ANONYMOUS.format("int h() { return 1; }", "int B::g() { return h(); }")
        self.assertEqual(self.group(one, two), [[0, 1]])

    def test_units_that_define_members_and_share_a_name_do_not(self):
        text = self.ANONYMOUS.format("int f() { return 1; }", "int A::g() { return f(); }")
        self.assertEqual(self.group(text, text), [[0], [1]])

    def test_others_that_share_a_name_are_wrapped(self):
        texts = [self.ANONYMOUS.format("int f() { return 1; }", f"int g{number}() {{ return f(); }}")
                 for number in range(2)]
        self.assertEqual(self.group(*texts), [[0, 1]])
        text, origins = batches.join(range(2), lambda number: texts[number])
        self.assertIn("namespace godwit::unit_1 {", text)
        self.assertEqual(len(origins), len(text.splitlines()))
        self.assertEqual((origins[0], origins[-1]), (0, 1))

    def test_a_unit_that_calls_its_own_public_function_is_not_wrapped(self):
        text = self.ANONYMOUS.format("int f() { return 1; }", "int g() { return f(); }\nint h() { return g(); }")
        self.assertFalse(batches.Names(text).can_be_wrapped)

    def test_macros_keep_units_apart(self):
        text = "#define SHARED 1\n" + self.ANONYMOUS.format("int f();", "")
        self.assertEqual(self.group(text, text), [[0], [1]])
        self.assertEqual(self.group(text + "#undef SHARED\n", text + "#undef SHARED\n"), [[0, 1]])


class Closures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, *includes):
        (self.root / name).write_text("".join(f"#include {include}\n" for include in includes), "utf-8")
        return self.root / name

    def test_a_closure_has_what_is_included_through_others(self):
        self.write("a.h", "<vector>")
        self.write("b.inc", '"a.h"', '"b.inc"')
        unit = self.write("c.cpp", '"b.inc"', "<string>")
        files, system = Sources([self.root]).closure(unit)
        self.assertEqual({file.name for file in files}, {"a.h", "b.inc", "c.cpp"})
        self.assertEqual(system, {"vector", "string"})

    def test_a_fingerprint_changes_with_any_file_of_it(self):
        header = self.write("a.h")
        unit = self.write("c.cpp", '"a.h"')
        before = Sources([self.root]).fingerprint(unit)
        header.write_text("// more\n", "utf-8")
        self.assertNotEqual(before, Sources([self.root]).fingerprint(unit))

    def test_hubs_are_headers_that_many_include(self):
        hub = self.write("hub.h", *(f"<{name}>" for name in ("map", "string", "vector", "memory")))
        users = [self.write(f"user_{number}.h", '"hub.h"') for number in range(5)]
        self.assertEqual(headers.hubs([hub, *users], Sources([self.root])), [hub])
        self.assertEqual(headers.hubs(users[:1], Sources([self.root])), [])

    def test_a_cache_holds_what_was_added_and_forgets_the_oldest(self):
        cache = Cache(self.root / "keys.txt", "tool 1")
        key = cache.key("a", "b")
        self.assertNotIn(key, cache)
        cache.add(key)
        self.assertIn(key, Cache(self.root / "keys.txt", "tool 1"))
        self.assertNotEqual(key, Cache(self.root / "keys.txt", "tool 2").key("a", "b"))
        self.assertNotEqual(cache.key("ab"), cache.key("a", "b"))


if __name__ == "__main__":
    os.environ.pop("CXX", None)
    unittest.main()
