#!/usr/bin/env python3
"""Tests of tools/compare_peers: its statistics, the order of its processes, its usage errors, its end on Ctrl-C."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

import tool  # it makes tools/ a place of modules
from peers import machine, processes, report, summary


def run_tool(*arguments):
    return tool.run("compare_peers", *arguments)


def process_result(milliseconds, load=100.0, **memory):
    return {"latency_ms": {"median": milliseconds}, "load_ms": load, "memory_mib": memory, "repetitions": 13,
            "isa": "avx2", "precision": "f32"}


class Summary(unittest.TestCase):
    def test_spread(self):
        self.assertEqual(summary.spread([3.0, 1.0, 2.0]), {"median": 2.0, "min": 1.0, "max": 3.0})
        self.assertEqual(summary.spread([4.0, 1.0])["median"], 2.5)
        with self.assertRaises(ValueError):
            summary.spread([])

    def test_ratio_is_theirs_over_ours(self):
        compared = summary.compare([10.0, 20.0, 10.0], [15.0, 60.0, 20.0])
        self.assertEqual(compared["ratio"], 2.0)
        self.assertEqual(compared["pairwise"], {"median": 2.0, "min": 1.5, "max": 3.0})

    def test_a_moment_that_slows_both_leaves_the_pairs_alone(self):
        self.assertEqual(summary.compare([1.0, 8.0], [2.0, 16.0])["pairwise"], {"median": 2.0, "min": 2.0, "max": 2.0})

    def test_pairs_must_be_complete(self):
        with self.assertRaises(ValueError):
            summary.compare([1.0, 2.0], [1.0])

    def test_speedups_join_cases_that_differ_in_threads_alone(self):
        def case(batch, threads, ours, theirs):
            return {"model": "m", "batch": batch, "threads": threads, "godwit": {"latency_ms": {"median": ours}},
                    "onnxruntime": {"latency_ms": {"median": theirs}}}
        found = summary.speedups([case(1, 2, 5.0, 8.0), case(1, 1, 10.0, 12.0), case(8, 2, 1.0, 1.0)])
        self.assertEqual(found, [{"model": "m", "batch": 1, "threads": 2, "godwit": 2.0, "onnxruntime": 1.5}])

    def test_overall_names_the_worst_and_those_below_one(self):
        cases = [{"name": name, "ratio": ratio} for name, ratio in (("a", 2.0), ("b", 0.5), ("c", 8.0))]
        found = summary.overall(cases)
        self.assertAlmostEqual(found["geometric_mean"], 2.0)
        self.assertEqual((found["cases"], found["worst"], found["below_one"]), (3, {"name": "b", "ratio": 0.5}, ["b"]))


class Zoo(unittest.TestCase):
    def test_models_are_found_with_their_inputs_in_order(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            data = folder / "deep" / "test_data_set_0"
            data.mkdir(parents=True)
            for path in (folder / "flat.onnx", folder / "deep" / "model.onnx", data / "input_10.pb", data / "input_9.pb"):
                path.touch()
            options = types.SimpleNamespace(zoo=name, batch=None, threads=2)
            cases = tool.load("compare_peers").zoo_cases(options)
            self.assertEqual([(case["name"], case["threads"], [file.name for file in case["inputs"]]) for case in cases],
                             [("deep", 2, ["input_9.pb", "input_10.pb"]), ("flat", 2, [])])

    def test_a_folder_without_models_is_bad_usage(self):
        with tempfile.TemporaryDirectory() as name:
            for arguments in (["--zoo", name], ["--zoo", name + "/none"]):
                done = run_tool(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"\Atools/compare_peers: error: [^\n]+\n\Z")


class Machine(unittest.TestCase):
    def test_physical_cores_come_first(self):
        def core(cpu):
            return (cpu // 2,)
        self.assertEqual(machine.choose_cpus(2, {0, 1, 2, 3}, core), [0, 2])
        self.assertEqual(machine.choose_cpus(3, {0, 1, 2, 3}, core), [0, 1, 2])
        self.assertIsNone(machine.choose_cpus(5, {0, 1, 2, 3}, core))

    def test_a_busy_machine_is_told(self):
        self.assertIsNone(machine.warning({"load_average": 1.0, "cpus": 2}))
        self.assertIn("1.01 on 2 CPUs", machine.warning({"load_average": 1.01, "cpus": 2}))


class Measure(unittest.TestCase):
    case = {"name": "m-b1-t1", "model": "m", "batch": 1, "threads": 1, "cpus": [0]}

    def measure(self, rounds):
        order = []
        ours, theirs = iter([10.0, 11.0, 12.0]), iter([20.0, 33.0, 24.0])

        def run_godwit(_case):
            order.append("A")
            return process_result(next(ours), peak=200.0)

        def run_onnxruntime(_case):
            order.append("B")
            return process_result(next(theirs), bare_node=40.0, added=300.0, peak=400.0)

        runners = {"godwit": run_godwit, "onnxruntime": run_onnxruntime}
        result = tool.load("compare_peers").measure(self.case, rounds, runners, order.append)
        return result, [entry for entry in order if entry in "AB"]

    def test_engines_take_turns_and_medians_are_of_processes(self):
        result, order = self.measure(3)
        self.assertEqual("".join(order), "ABABAB")
        self.assertEqual(result["godwit"]["latency_ms"], {"median": 11.0, "min": 10.0, "max": 12.0})
        self.assertEqual(result["onnxruntime"]["memory_mib"]["added"]["median"], 300.0)
        self.assertEqual(result["ratio"], 24.0 / 11.0)
        self.assertEqual(result["pairwise"], {"median": 2.0, "min": 2.0, "max": 3.0})

    def test_the_report_has_whole_tables(self):
        result, _ = self.measure(3)
        lines = list(report.markdown({
            "machine": {"cpu": "a CPU", "cpus": 2, "cpus_allowed": 2, "kernel": "Linux 6.1",
                        "date": "2026-01-01 00:00 UTC", "load_average": 0.0},
            "godwit": {"version": "1.2.3", "commit": "abc", "changed": True, "program": "godwit", "precision": "f32",
                       "isa": "avx2"},
            "onnxruntime": {"version": "1.30.0", "node": "v18"},
            "settings": {"command": "tools/compare_peers", "rounds": 3, "seconds": 3.0, "environment": {}},
            "warnings": [], "cases": [result]}))
        rows = [line for line in lines if line.startswith("| m-b1-t1")]
        self.assertEqual(rows, [
            "| m-b1-t1 | 1 | 1 | 11.00 (10.00–12.00) | 24.00 (20.00–33.00) | **2.18** | 2.00 (2.00–3.00) |",
            "| m-b1-t1 | 100 (100–100) | 100 (100–100) | 200 | 400 | 300 |"])
        self.assertIn("godwit 1.2.3 (commit abc with uncommitted changes)", "\n".join(lines))


class Processes(unittest.TestCase):
    def test_a_failure_carries_the_last_words(self):
        with self.assertRaises(processes.Failed) as caught:
            processes.output(["sh", "-c", "echo first >&2; echo last >&2; exit 3"])
        self.assertEqual((str(caught.exception), caught.exception.status), ("last", 3))

    def test_the_complaint_is_found_among_other_lines(self):
        with self.assertRaises(processes.Failed) as caught:
            processes.output(["sh", "-c", "echo note >&2; echo 'error one' >&2; echo log >&2; exit 1"],
                             complaint="error")
        self.assertEqual(str(caught.exception), "error one")

    def test_interrupted_it_leaves_nothing_running(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                self.interrupt_with(number)

    def interrupt_with(self, number):
        # The grandchild holds the pipe open for as long as it lives, so reading to its end waits for its death.
        # Other descriptors are closed on the way to the shell, which therefore opens the pipe by its name.
        text = ("import signal, sys; from peers import processes\n"
                "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
                "processes.interrupt_on_signals()\n"
                "pipe = f'/proc/$PPID/fd/{sys.argv[1]}'\n"
                "processes.output(['sh', '-c', f'exec 9>{pipe}; echo ready >&9; sleep 100 & wait'])")
        reading, writing = os.pipe()
        started = time.monotonic()
        with subprocess.Popen([sys.executable, "-B", "-c", text, str(writing)], pass_fds=[writing],
                              env={**os.environ, "PYTHONPATH": str(tool.ROOT / "tools")},
                              stderr=subprocess.DEVNULL) as child:
            os.close(writing)
            with os.fdopen(reading) as pipe:
                self.assertEqual(pipe.readline(), "ready\n")
                child.send_signal(number)
                self.assertEqual(pipe.read(), "")
        self.assertLess(time.monotonic() - started, 60)


class Usage(unittest.TestCase):
    def test_help_has_an_example(self):
        done = run_tool("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("tools/compare_peers --case resnet50-b1-t1", done.stdout)

    def test_list_shows_every_case(self):
        done = run_tool("--list")
        self.assertEqual(done.returncode, 0)
        names = [line.split()[0] for line in done.stdout.splitlines()]
        self.assertEqual(names, ["resnet50-b1-t1", "resnet50-b1-t2", "resnet50-b8-t2", "resnet50-b8-t1",
                                 "mobilenet_v2-b1-t1", "mobilenet_v2-b1-t2", "resnet50-int8-b1-t1",
                                 "resnet50-int8-b1-t2", "resnet50-int8-b8-t2", "mobilenet_v2-int8-b1-t1"])

    def test_bad_usage_is_one_line_and_status_2(self):
        for arguments in (["--rounds", "0"], ["--rounds", "many"], ["--seconds", "nan"], ["--seconds", "-1"],
                          ["--case", "none"], ["--batch", "2"], ["--model", "none.onnx"], ["--nonsense"],
                          ["--model", "x", "--case", "resnet50-b1-t1"], ["--model-path", "resnet50"],
                          ["--zoo", "x", "--model", "y"], ["--zoo", "x", "--model-path", "resnet50=y"],
                          ["--model-path", "other=x"]):
            with self.subTest(arguments=arguments):
                done = run_tool(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"\Atools/compare_peers: error: [^\n]+\n\Z")

    def test_more_threads_than_cpus_is_status_3(self):
        done = run_tool("--model", __file__, "--threads", "1024")
        if len(os.sched_getaffinity(0)) >= 1024:
            self.skipTest("this machine has 1024 CPUs")
        self.assertEqual(done.returncode, 3)
        self.assertIn("it needs 1024 CPUs", done.stderr)


if __name__ == "__main__":
    unittest.main()
