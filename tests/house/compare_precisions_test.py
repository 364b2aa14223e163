#!/usr/bin/env python3
"""Tests of tools/compare_precisions: what calibrates is not counted, turns, its table, errors, its end on Ctrl-C."""

import contextlib
import io
import json
import os
import pathlib
import signal
import tempfile
import unittest

import tool

MEDIANS = {"f32": [80.0, 90.0, 100.0], "bf16": [50.0, 45.0, 40.0], "f16": [90.0, 90.0, 60.0],
           "int8": [30.0, 20.0, 40.0]}


class Simulated:
    """The tool with a godwit that only writes down what it was asked."""

    def __init__(self, folder):
        self.module = tool.load("compare_precisions")
        self.folder = pathlib.Path(folder)
        self.calls = []
        self.counted, self.measured = {}, {}
        self.turns = {name: iter(values) for name, values in MEDIANS.items()}
        self.model = self.folder / "model.onnx"
        self.model.write_bytes(bytes(2**20))
        self.labels = self.folder / "labels.csv"
        self.labels.write_text("file,class,remark\na.jpg,1,x\nb.jpg,2,y\nsub/c.jpg,3,z\n", encoding="utf-8")
        self.module.GODWIT = self.model  # any file: it is not run
        self.module.godwit = self.godwit

    def godwit(self, command, *arguments):
        arguments = [str(argument) for argument in arguments]
        self.calls.append((command, arguments))
        if command == "quantize":
            pathlib.Path(arguments[arguments.index("--output") + 1]).write_bytes(bytes(2**18))
            return {"images": 1, "files": [os.path.relpath(self.folder / "sub" / ".." / "b.jpg")]}
        precision = arguments[arguments.index("--precision") + 1]
        if command == "accuracy":
            self.counted[precision] = pathlib.Path(arguments[arguments.index("--labels") + 1]).read_text("utf-8")
            self.measured[precision] = arguments[0]
            return {"top1": {"f32": 0.9, "bf16": 0.88, "f16": 0.91, "int8": 0.89}[precision], "images": 2}
        return {"results": [{"latency_ms": {"median": next(self.turns[precision])}}], "precision": precision,
                "isa": "avx2", "weights_mib": 3.0, "arena_mib": 2.0, "peak_rss_mib": 100.0}

    def main(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = self.module.main([str(self.model), "--data", str(self.folder), "--labels", str(self.labels),
                                       *arguments])
        return status, out.getvalue(), err.getvalue()


class Measure(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.simulated = Simulated(folder.name)
        # Handlers of signals that a program sets would outlive it in this process.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def test_images_that_calibrate_are_not_counted(self):
        self.assertEqual(self.simulated.main("--rounds", "3")[0], 0)
        expected = "file,class\na.jpg,1\nsub/c.jpg,3\n"
        self.assertEqual(self.simulated.counted, dict.fromkeys(MEDIANS, expected))
        for precision, model in self.simulated.measured.items():
            self.assertEqual(model == str(self.simulated.model), precision != "int8")

    def test_precisions_take_turns(self):
        self.assertEqual(self.simulated.main("--rounds", "2", "--threads", "2", "--seconds", "0.5")[0], 0)
        benches = [arguments for command, arguments in self.simulated.calls if command == "bench"]
        self.assertEqual([arguments[arguments.index("--precision") + 1] for arguments in benches],
                         ["f32", "bf16", "f16", "int8"] * 2)
        for arguments in benches:
            self.assertEqual(arguments[1:5], ["--threads", "2", "--seconds", "0.5"])
            self.assertEqual(arguments[0] == str(self.simulated.model), "int8" not in arguments)

    def test_more_options_reach_their_commands(self):
        kept = self.simulated.folder / "kept.onnx"
        self.assertEqual(self.simulated.main("--rounds", "1", "--options", "--keep 'a b'", "--accuracy-options",
                                             "--preprocess tf", "--output", str(kept))[0], 0)
        commands = dict(self.simulated.calls)
        self.assertEqual(commands["quantize"][-2:], ["--keep", "a b"])
        self.assertEqual(commands["accuracy"][-2:], ["--preprocess", "tf"])
        self.assertTrue(kept.is_file())

    def test_the_table_has_medians_of_processes(self):
        file = self.simulated.folder / "result.json"
        status, out, _ = self.simulated.main("--rounds", "3", "--json", str(file))
        self.assertEqual(status, 0)
        model = self.simulated.model
        self.assertEqual(out.splitlines()[2:], [
            "| f32 | 90.0 ms | 1.00 | 90.0 % | 1.0 MiB | 3.0 MiB | 2.0 MiB | 100 MiB |",
            "| bf16 | 45.0 ms | 2.00 | 88.0 % | 1.0 MiB | 3.0 MiB | 2.0 MiB | 100 MiB |",
            "| f16 | 90.0 ms | 1.00 | 91.0 % | 1.0 MiB | 3.0 MiB | 2.0 MiB | 100 MiB |",
            "| int8 | 30.0 ms | 3.00 | 89.0 % | 0.2 MiB | 3.0 MiB | 2.0 MiB | 100 MiB |",
            "",
            f"{model}, avx2, batch 1, 1 thread, medians of 3 processes each; calibrated (mse) on 1 images, top-1 on 2 "
            "others."])
        written = json.loads(file.read_text("utf-8"))
        self.assertEqual(written["schema"], "godwit.precisions/1")
        self.assertEqual(written["rows"]["bf16"]["ms"], MEDIANS["bf16"])

    def test_what_godwit_says_is_passed_on(self):
        def refuse(command, *_):
            raise self.simulated.module.Stop(2, f"'godwit {command}': error: no images")
        self.simulated.module.godwit = refuse
        status, out, err = self.simulated.main()
        self.assertEqual((status, out), (2, ""))
        self.assertEqual(err.splitlines()[-1], "tools/compare_precisions: error: 'godwit quantize': error: no images")

    def test_interrupted_it_says_so(self):
        def interrupt(*_):
            raise KeyboardInterrupt
        self.simulated.module.godwit = interrupt
        status, out, err = self.simulated.main()
        self.assertEqual((status, out), (130, ""))
        self.assertIn("nothing was left running", err)

    def test_without_the_program_it_is_status_3(self):
        self.simulated.module.GODWIT = self.simulated.folder / "none"
        status, _, err = self.simulated.main()
        self.assertEqual(status, 3)
        self.assertIn("build it with", err)


class Godwit(unittest.TestCase):
    def test_a_failure_is_its_own_sentence_and_status(self):
        module = tool.load("compare_precisions")
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "godwit"
            program.write_text("#!/bin/sh\necho note >&2\necho 'godwit: error: bad model' >&2\nexit 2\n", "utf-8")
            program.chmod(0o755)
            module.GODWIT = program
            with self.assertRaises(module.Stop) as caught:
                module.godwit("bench", "m.onnx")
            self.assertEqual((caught.exception.status, str(caught.exception)),
                             (2, "'godwit bench': godwit: error: bad model"))
            program.write_text("#!/bin/sh\nkill -9 $$\n", "utf-8")
            with self.assertRaises(module.Stop) as caught:
                module.godwit("bench", "m.onnx")
            self.assertEqual(caught.exception.status, 1)


class Usage(unittest.TestCase):
    def test_help_has_an_example(self):
        done = tool.run("compare_precisions", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("tools/compare_precisions models/resnet50.onnx --data", done.stdout)

    def test_bad_usage_is_one_line_and_status_2(self):
        here = ["--data", os.path.dirname(__file__), "--labels", __file__]
        for arguments in ([], [__file__], ["none.onnx", *here], [__file__, "--data", "none", "--labels", __file__],
                          [__file__, "--data", os.path.dirname(__file__), "--labels", "none.csv"],
                          [__file__, *here, "--rounds", "0"], [__file__, *here, "--images", "-1"],
                          [__file__, *here, "--seconds", "nan"], [__file__, *here, "--threads", "two"],
                          [__file__, *here, "--method", "guess"], [__file__, *here, "--json", "/none/x.json"],
                          [__file__, *here, "--output", os.path.dirname(__file__)], [__file__, *here, "--nonsense"]):
            with self.subTest(arguments=arguments):
                done = tool.run("compare_precisions", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"\Atools/compare_precisions: error: [^\n]+\n\Z")


if __name__ == "__main__":
    unittest.main()
