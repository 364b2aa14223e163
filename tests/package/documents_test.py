"""Manual pages and completions of an install: usage: documents_test.py PREFIX/share PREFIX/bin/godwit."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SHARE, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PAGES = os.path.join(SHARE, "man", "man1")
BASH = os.path.join(SHARE, "bash-completion", "completions", "godwit")
ZSH = os.path.join(SHARE, "zsh", "site-functions", "_godwit")
MACROS = {"TH", "SH", "TP", "PP", "B", "BR", "nf", "fi", "br"}


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def commands():
    """Names of all commands, as the program tells them."""
    names = re.findall(r"^  ([a-z]+) {2,}[a-z]", run(PROGRAM, "--help").stdout, re.M)
    inside = re.findall(r"^  ([a-z]+) {2,}[a-z]", run(PROGRAM, "energy", "--help").stdout, re.M)
    return names + ["energy-" + name for name in inside]


class Manual(unittest.TestCase):
    def test_every_command_has_a_page(self):
        self.assertGreater(len(commands()), 15)
        wanted = {"godwit.1"} | {f"godwit-{name}.1" for name in commands()}
        self.assertEqual(set(os.listdir(PAGES)), wanted)

    def test_pages_have_sections_and_known_macros(self):
        for name in os.listdir(PAGES):
            with open(os.path.join(PAGES, name), encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith(".TH "), name)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"):
                self.assertIn(f"\n.SH {section}\n", text, name)
            for macro in re.findall(r"^\.(\w*)", text, re.M):
                self.assertIn(macro, MACROS, name)

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "no man and groff here")
    def test_pages_render(self):
        # Without a locale man warns of that alone.
        environment = dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING="")
        for name in sorted(os.listdir(PAGES)):
            done = run("man", "--warnings=w", "-l", os.path.join(PAGES, name), env=environment)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr, "", name)
            self.assertRegex(done.stdout, r"(?m)^NAME\n +godwit")

    def test_a_page_tells_what_the_help_tells(self):
        with open(os.path.join(PAGES, "godwit-classify.1"), encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        options = re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", run(PROGRAM, "classify", "--help-all").stdout, re.M)
        self.assertGreater(len(options), 20)
        for option in options:
            self.assertIn(option, page)


class Bash(unittest.TestCase):
    def complete(self, *words):
        """The proposals behind these words; bash parts --name=value at the =."""
        quoted = " ".join(f"'{word}'" for word in ("godwit",) + words)
        script = (f". '{BASH}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _godwit; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("model.onnx", "labels.txt"):
                with open(os.path.join(folder, name), "w", encoding="utf-8"):
                    pass
            done = run("bash", "--norc", "-c", script, cwd=folder)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_bash_accepts_it(self):
        self.assertEqual(run("bash", "-n", BASH).stderr, "")

    def test_commands(self):
        self.assertEqual(self.complete("cl"), {"classify"})
        self.assertTrue({"accuracy", "bench", "energy", "list", "help"} <= self.complete(""))
        self.assertEqual(self.complete("energy", "se"), {"sensors", "selftest"})
        self.assertEqual(self.complete("help", "qu"), {"quantize"})

    def test_options(self):
        self.assertEqual(self.complete("classify", "model.onnx", "--lab"), {"--labels", "--label-offset"})
        self.assertEqual(self.complete("energy", "cap", "--jou"), {"--journal-dir"})

    def test_values(self):
        self.assertEqual(self.complete("classify", "--decode", ""), {"exact", "fast"})
        self.assertEqual(self.complete("classify", "--decode", "=", "ex"), {"exact"})
        self.assertEqual(self.complete("classify", "--decode", "="), {"exact", "fast"})
        self.assertEqual(self.complete("bench", "--precision", ""), {"f32", "bf16", "f16", "int8"})
        self.assertIn("generic", self.complete("bench", "--isa", ""))
        self.assertIn("fold_constants", self.complete("explain", "--disable-pass", "fold"))
        self.assertEqual(self.complete("list", "p"), {"passes", "presets"})
        self.assertEqual(self.complete("classify", "--top", ""), set())

    def test_paths(self):
        self.assertEqual(self.complete("classify", ""), {"model.onnx", "labels.txt"})
        self.assertEqual(self.complete("classify", "--labels", "l"), {"labels.txt"})
        self.assertEqual(self.complete("classify", "--preprocess", "t"), {"torch", "torch-v2", "tf"})
        self.assertEqual(self.complete("classify", "--preprocess", "m"), {"model.onnx"})
        self.assertEqual(self.complete("classify", "--strict", "m"), {"model.onnx"})


class Zsh(unittest.TestCase):
    def test_it_is_a_completion_of_godwit(self):
        with open(ZSH, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("#compdef godwit\n"))
        for name in commands():
            self.assertIn(name.replace("energy-", "", 1) + ":", text)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_accepts_it(self):
        self.assertEqual(run("zsh", "-n", ZSH).stderr, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
