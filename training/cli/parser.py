"""The parser of all commands, and errors in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, NoReturn

from srdgan_rt.errors import InputError, SrdganError, describe
from srdgan_rt.signals import name_of, status_of, stop_on_signals


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the list of all options that argparse puts before them.

    Args:
        description: of the command; shown as it is.
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        name = {} if spec is None else {"prog": f"python -m {spec.name}"}
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, **{**name, **options}
        )

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2: what was asked for is wrong."""
        self.exit(2, f"{self.prog}: error: {_one_line(message)}\n")

    def fail(self, message: str) -> NoReturn:
        """Ends the program with status 1: what was asked for is right, but could not be done."""
        self.exit(1, f"{self.prog}: error: {_one_line(message)}\n")


def _one_line(message: str) -> str:
    return " ".join(message.split())


def name_failure(name: object, error: Exception) -> str:
    """One line about an input that failed while others go on; ``name`` comes first, once."""
    text = describe(error) if isinstance(error, OSError) else _one_line(str(error))
    return text if text.startswith(f"{name}: ") else f"{name}: {text}"


@contextmanager
def one_line_errors(parser: CommandParser) -> Iterator[None]:
    """Ends the program with one line: with status 2 where what was asked for is wrong, 1 where it could not be done.

    Ctrl-C, SIGTERM and SIGHUP end it likewise, with 128 plus the signal's number, so that no half-written file is left.
    """
    try:
        with stop_on_signals():
            yield
    except InputError as error:
        parser.error(str(error))
    except (SrdganError, OSError) as error:
        parser.fail(describe(error))
    except BrokenProcessPool:
        parser.fail("a worker process died, perhaps for want of memory; go on with fewer --workers")
    except KeyboardInterrupt as interrupt:
        line = f"{parser.prog}: {name_of(interrupt)}; run the same command again to go on\n"
        parser.exit(status_of(interrupt), line)
