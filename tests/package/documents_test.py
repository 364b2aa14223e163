"""Manual pages and completions of an install: usage: documents_test.py PREFIX/share PREFIX/bin/godwit."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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


# A shell that writes down what is proposed behind a word, and that it is done.
ZSHRC = r"""
PS1='READY> '
fpath=('{site}' $fpath)
autoload -Uz compinit
compinit -u -d "$ZDOTDIR/dump"
compadd() {{
  if [[ " ${{(j: :)@}} " != *\ -(O|A|D)\ * ]]; then
    local -a proposed
    builtin compadd -A proposed "$@"
    print -rl -- "${{proposed[@]}}" >>"$ZDOTDIR/proposed"
  fi
  builtin compadd "$@"
}}
write_down() {{ zle complete-word; print >"$ZDOTDIR/done" }}
zle -N write_down
bindkey '^I' write_down
"""


@unittest.skipUnless(shutil.which("zsh"), "no zsh here")
class ZshProposes(unittest.TestCase):
    def complete(self, line):
        """The proposals behind this line in an interactive shell."""
        with tempfile.TemporaryDirectory() as folder:
            home = os.path.join(folder, "home")
            os.mkdir(home)
            with open(os.path.join(home, ".zshrc"), "w", encoding="utf-8") as file:
                file.write(ZSHRC.format(site=os.path.dirname(ZSH)))
            for name in ("model.onnx", "labels.txt"):
                with open(os.path.join(folder, name), "w", encoding="utf-8"):
                    pass
            child, terminal = pty.fork()
            if child == 0:
                os.chdir(folder)
                os.environ.update(ZDOTDIR=home, TERM="dumb", LC_ALL="C.UTF-8")
                os.execvp("zsh", ["zsh", "-d", "-i"])
            try:
                shown = self.wait(terminal, lambda text: "READY> " in text)
                os.write(terminal, f"{line}\t".encode())
                shown += self.wait(terminal, lambda _: os.path.exists(os.path.join(home, "done")))
            finally:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(terminal)
            self.assertNotIn("command not found", shown)
            try:
                with open(os.path.join(home, "proposed"), encoding="utf-8") as file:
                    return {word for word in file.read().split("\n") if word}
            except FileNotFoundError:
                return set()

    def wait(self, terminal, ready):
        """Reads what the shell shows until `ready` says so of it."""
        text = ""
        end = time.monotonic() + 60
        while not ready(text):
            self.assertLess(time.monotonic(), end, text)
            if select.select([terminal], [], [], 0.05)[0]:
                text += os.read(terminal, 65536).decode(errors="replace")
        return text

    def test_commands(self):
        self.assertTrue({"classify", "accuracy", "bench", "energy", "list", "help"} <= self.complete("godwit "))
        self.assertEqual(self.complete("godwit energy s"), {"selftest", "sensors", "sweep"})

    def test_options(self):
        self.assertEqual(self.complete("godwit classify model.onnx --lab"), {"--labels", "--label-offset"})
        self.assertIn("--journal-dir", self.complete("godwit energy cap show --jou"))

    def test_values(self):
        self.assertEqual(self.complete("godwit classify --decode "), {"exact", "fast"})
        self.assertEqual(self.complete("godwit classify --decode="), {"exact", "fast"})
        self.assertIn("generic", self.complete("godwit bench --isa "))
        self.assertIn("fold_constants", self.complete("godwit explain --disable-pass "))
        self.assertTrue({"passes", "presets"} <= self.complete("godwit list "))
        self.assertEqual(self.complete("godwit classify --top "), set())

    def test_paths(self):
        self.assertTrue({"model.onnx", "labels.txt"} <= self.complete("godwit classify "))
        self.assertEqual(self.complete("godwit classify --labels l"), {"labels.txt"})
        self.assertTrue({"torch", "tf", "model.onnx"} <= self.complete("godwit classify --preprocess "))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
