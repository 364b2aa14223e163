"""Child processes that never outlive the command that started them."""

import os
import re
import signal
import subprocess
import sys


class Stop(Exception):
    """Ends the command with one sentence for the user and an exit status."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Failed(Exception):
    """A child process ended with another status than 0; the text is the last thing it said."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class _Interrupts:
    """What a signal does: interrupts, but never between the start of a child and the moment that it is known."""

    held = False
    pending = False

    @classmethod
    def arrive(cls, _signal, _frame):
        if cls.held:
            cls.pending = True
        else:
            raise KeyboardInterrupt

    @classmethod
    def release(cls):
        cls.held = False
        if cls.pending:
            cls.pending = False
            raise KeyboardInterrupt


def interrupt_on_signals():
    """Lets SIGTERM and SIGHUP end this program as Ctrl-C does, so that children are taken along; what whoever started
    it had it ignore (nohup, a job in the background) stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _Interrupts.arrive)


def _end(child, group):
    """Ends a child, and its whole group where it leads one, at last by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            if group:
                os.killpg(child.pid, number)
            else:
                child.send_signal(number)
        except ProcessLookupError:
            pass
        try:
            child.wait(timeout=5)
            return
        except subprocess.TimeoutExpired:
            continue


def _run(command, await_end, group, **options):
    """A child process and what awaiting its end gave; however this is left, the child has ended."""
    child = None
    _Interrupts.held = True
    try:
        child = subprocess.Popen(command, **options)
        _Interrupts.release()
        return child, await_end(child)
    except BaseException:
        _Interrupts.held = True
        if child:
            _end(child, group)
        raise
    finally:
        _Interrupts.held = False


def _last_words(text, complaint):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    complaints = [line for line in lines if complaint and re.search(complaint, line)]
    return (complaints or lines[-1:] or [""])[0]


def output(command, cwd=None, complaint=""):
    """Standard output of a child process that leads its own group.

    Where it fails, the text of Failed is its last line on stderr, or the first that holds the pattern `complaint`.
    """
    child, (out, err) = _run(command, lambda child: child.communicate(), group=True, cwd=cwd, start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, errors="replace")
    if child.returncode != 0:
        raise Failed(child.returncode, _last_words(err, complaint) or f"ended with status {child.returncode}")
    return out


def show(command, cwd=None):
    """Runs a child process that talks to the user on the terminal (sudo may ask for a password there)."""
    _, status = _run(command, lambda child: child.wait(), group=False, cwd=cwd, stdout=sys.stderr)
    if status != 0:
        raise Failed(status, f"ended with status {status}")
