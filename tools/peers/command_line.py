"""Command lines of the programs that compare: what their options are, and errors in one line."""

import argparse
import math
import os

from peers.processes import Stop


class Parser(argparse.ArgumentParser):
    """Usage errors in one line, as everywhere in this project."""

    def __init__(self, program, description, epilog):
        super().__init__(prog=program, description=description, epilog=epilog, allow_abbrev=False,
                         formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        raise Stop(2, f"{message}; see {self.prog} --help")


def count(largest):
    def convert(text):
        if not text.isdecimal() or not 1 <= int(text) <= largest:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to {largest}")
        return int(text)
    return convert


def duration(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0 and up to 3600")
    return value


def check_writable(option, path):
    """Stops before hours of work whose result could not be kept."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise Stop(2, f"{option}: '{path}' cannot be written")
