"""Splits a weight file into small ones, or joins them: ``python -m training.shards join SHARDS... -o FILE``.

A shard is called ``NAME-00001-of-00003.safetensors``, and is a safetensors file of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from training.cli.parser import CommandParser, one_line_errors
from training.publish.score import score
from training.publish.shards import join, split


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    joining = commands.add_parser("join", help="join the shards of a weight file, and score it")
    joining.add_argument("shards", type=Path, nargs="+", help="all shards of one weight file, in any order")
    joining.add_argument("-o", "--output", type=Path, required=True, help="the weight file")
    joining.add_argument("--data", type=Path, help="folder with evaluation sets: score the weights on them")
    splitting = commands.add_parser("split", help="split a weight file")
    splitting.add_argument("file", type=Path, help="weight file (.safetensors)")
    splitting.add_argument("-o", "--output", type=Path, required=True, help="folder of the shards")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        if arguments.command == "split":
            print(*split(arguments.file, arguments.output), sep="\n")
            return
        join(arguments.shards, arguments.output)
        print(arguments.output)
        if arguments.data is not None:
            print(json.dumps(score({"this model": (arguments.output, 0.0)}, arguments.data), indent=1))


if __name__ == "__main__":
    main()
