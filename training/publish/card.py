"""The part of a model card that tells how weights were made, from the record of the run and their metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from srdgan_rt.atomic import replace_file
from training.loop.record import Record, Stretch

NOT_KNOWN = "not known"
_DIGITS = 16  # of a SHA-256 that is shown; the metadata of the weights have all
_CHANGES = {
    "mix": "The weights are a mix",
    "mixed_training_data": "Training data of the other part",
    "levelled": "Flat areas were levelled",
}
"""What was done with the weights of the run: keys of the metadata, and words for the card."""


def write_card(path: Path, text: str) -> None:
    """Writes a card or a table, whole or not at all; OSError if it cannot be written."""
    with replace_file(path) as file:
        file.write(text.encode())


def summarise(record: Record) -> str:
    """What weights were trained on, in one line."""
    folders = [name_data(stretch.data) for stretch in record.stretches] or [NOT_KNOWN]
    starts = [f"{key} {start['source']}: {_summarise_start(start)}" for key, start in record.starts.items()]
    return "; ".join([*dict.fromkeys(folders), *(f"begun from {start}" for start in starts)])


def list_training(record: Record, iterations: int) -> list[str]:
    """Items of a Markdown list: data, settings, commit and the weights that the run began from.

    Args:
        record: of the run.
        iterations: that the run was trained for.
    """
    ends = [*(stretch.begins for stretch in record.stretches[1:]), iterations]
    lines = [f"- Training: stage `{record.stage}`, {iterations} iterations."]
    if not record.stretches:
        lines.append(f"- Training data: {NOT_KNOWN}.")
    for stretch, end in zip(record.stretches, ends, strict=False):
        lines += _list_stretch(stretch, end)
    for key, start in record.starts.items():
        lines += _list_start(key, start)
    return lines


def note_levelling(change: float) -> dict[str, str]:
    """The metadata of weights whose flat areas were levelled; ``change`` is that of other pictures, in 1/255."""
    return {"levelled": f"other pictures change by {change:.2f}/255 (root of the mean square)"}


def list_changes(metadata: Mapping[str, str]) -> list[str]:
    """Items of a Markdown list: what was done with the weights of the run."""
    return [f"- {words}: {metadata[key]}." for key, words in _CHANGES.items() if key in metadata]


def describe_scores(columns: Iterable[str], rows: Mapping[str, Iterable[str]], heading: str, missing: str) -> list[str]:
    """A table of scores below its heading, as lines of Markdown; where there are none, the line ``missing`` instead."""
    columns = list(columns)
    if not columns:
        return [missing]
    table = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    return [heading, "", *table, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())]


def _list_stretch(stretch: Stretch, end: int) -> list[str]:
    where = f"iterations {stretch.begins} to {end}"
    lines = [f"- Training data, {where}, at commit {stretch.commit}:"]
    lines += [f"  - {_describe_folder(entry)}" for entry in stretch.data] or ["  - no pictures"]
    lines += [f"  - samples made by {_name_start(net)}" for net in stretch.nets]
    lines.append(f"  - camera model, where a sample needs one: `cameras.json`, SHA-256 {stretch.cameras[:_DIGITS]}")
    lines.append(f"  - {_describe_config(stretch.config)}")
    return lines


def _list_start(key: str, start: Mapping[str, Any]) -> list[str]:
    lines = [f"- Begun from (`{key}`) {_name_start(start)}:"]
    if "record" in start:
        record = Record.from_json(start["record"])
        inner = list_training(record, int(start["iterations"]))
    elif "mix" in start:
        inner = [line for part in start["mix"] for line in _list_start(f"share {part['share']:g}", part)]
    else:
        inner = [f"- Training data: {start.get('training_data', NOT_KNOWN)}."]
    return lines + [f"  {line}" for line in inner]


def _name_start(start: Mapping[str, Any]) -> str:
    facts = [f"SHA-256 {start['sha256'][:_DIGITS]}"] if "sha256" in start else []
    facts += [f"licence {start['license']}"] if "license" in start else []
    return f"`{start['source']}`" + (f" ({', '.join(facts)})" if facts else "")


def _summarise_start(start: Mapping[str, Any]) -> str:
    if "record" in start:
        return summarise(Record.from_json(start["record"]))
    if "mix" in start:
        return "; ".join(_summarise_start(part) for part in start["mix"])
    return str(start.get("training_data", NOT_KNOWN))


def name_data(data: list[dict[str, Any]]) -> str:
    """Folders of training data in one line; ``data`` as of :func:`training.data.notes.describe_files`."""
    names = (f"{one['folder']} ({one['files']} files, SHA-256 {one['sha256'][:_DIGITS]})" for one in data)
    return ", ".join(names) or "no pictures"


def _describe_folder(entry: Mapping[str, Any]) -> str:
    text = f"`{entry['folder']}`: {entry['files']} files, SHA-256 {entry['sha256'][:_DIGITS]}"
    if "licences" in entry:
        text += "; licences: " + ", ".join(f"{name} ({count})" for name, count in entry["licences"].items())
    else:
        text += "; licences are not listed"
    if "made_by" in entry:
        text += "; made by " + ", ".join(f"{net['name']} ({net['sha256'][:_DIGITS]})" for net in entry["made_by"])
    return text


def _describe_config(config: Mapping[str, Any]) -> str:
    """Samples of a batch and weights of the losses."""
    batch = config["batch"]
    samples = list(_list_numbers(batch)) if isinstance(batch, Mapping) else [f"{batch} pairs"]
    if "size" in config:
        samples.append(f"{config['size']} through both nets")
    weights = {key: value for key, value in config.items() if key.endswith("weights")}
    losses = [f"{key}: {', '.join(_list_numbers(value))}" for key, value in weights.items()]
    return f"a batch: {', '.join(samples)}; {'; '.join(losses)}"


def _list_numbers(table: Mapping[str, Any]) -> Iterable[str]:
    """Names and values of what is above zero, tables within the table included."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _list_numbers(value)
        elif isinstance(value, (int, float)) and value > 0:
            yield f"{name} {value:g}"
