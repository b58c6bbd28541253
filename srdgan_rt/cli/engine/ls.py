"""``srdgan-rt engine ls``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.ending import print_line
from srdgan_rt.errors import EngineFileError, InputError


def ls(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of engines.", show_default="that of --engine tensorrt")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what was fused, types, concatenations and bytes moved.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Lists the engines that are kept.

    Bytes moved are counted from the list of layers, per pixel of the input, as if each map passed through memory once.

    Exit status: 0 listed, 2 there is no such folder.
    """
    if folder is not None and not folder.is_dir():  # the default one is made by the first build
        raise InputError(f"{folder}: {'is not a folder' if folder.exists() else 'no such folder'}")

    from srdgan_rt.tensorrt.cache import EngineCache

    cache = EngineCache(folder)
    entries = [_describe(files) for files in cache.list_engines()]
    if as_json:
        print_line(json.dumps({"folder": str(cache.folder), "engines": entries}, indent=2))
        return
    print_line(f"{cache.folder}: {len(entries) or 'no'} engine{'' if len(entries) == 1 else 's'}")
    for entry in entries:
        print_line(_format(entry))
        if verbose and "layers" in entry:
            for line in _format_layers(entry):
                print_line(line)


def _describe(files: Any) -> dict[str, Any]:
    from srdgan_rt.tensorrt.figures import read_figures
    from srdgan_rt.tensorrt.files import read_layers_file, read_manifest
    from srdgan_rt.tensorrt.layers import count_layers

    try:
        manifest = read_manifest(files)
    except EngineFileError as error:
        return {"engine": files.engine.name, "error": str(error)}
    return {
        "engine": files.engine.name,
        "recipe": manifest.recipe.to_dict(),
        "size": manifest.size,
        "activation_bytes": manifest.activation_bytes,
        "layers": asdict(count_layers(read_layers_file(files))),
        "numerics": {
            gpu: {digest: asdict(figures) for digest, figures in entries.items()}
            for gpu, entries in read_figures(files).items()
        },
    }


def _format(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"  {entry['engine']}: not usable: {entry['error']}"
    recipe = entry["recipe"]
    tested = ", ".join(entry["numerics"]) or "no GPU yet"
    return (
        f"  {entry['engine']}: {', '.join(recipe['targets'])}, {entry['size'] / 1e6:.1f} MB, "
        f"{recipe['library']} {recipe['version']}, tiles up to {recipe['profile']['largest']} pixels, "
        f"compared with fp32 on {tested}"
    )


def _format_layers(entry: dict[str, Any]) -> list[str]:
    from srdgan_rt.tensorrt.speed import SIDE

    counts = entry["layers"]
    if not counts["kernels"]:
        return ["    its layers are not known"]
    moved, copied = counts["bytes_per_pixel"], counts["concatenated_bytes_per_pixel"]
    lines = [
        f"    {counts['kernels']} kernels, {counts['concatenations']} of them concatenations",
        f"    {moved:,} bytes moved per input pixel, {copied / moved:.0%} of them by concatenations",
        f"    types: {_list(counts['types'])}",
        f"    fusions: {_list(counts['fusions'])}",
    ]
    for gpu, digests in entry["numerics"].items():
        for figures in digests.values():
            probes = ", ".join(f"{name} {decibels:.1f}" for name, decibels in figures["psnr"].items())
            lines.append(f"    dB to fp32 on {gpu}: {probes}")
            if figures["seconds"]:
                times = ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in figures["seconds"].items())
                lines.append(f"    ms for {SIDE} x {SIDE} pixels on {gpu}: {times}")
    return lines


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
