"""Keeps the table of docs/development.md: which layer may import which."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "srdgan_rt"

# A layer may import itself and these. Layers are folders or files directly below srdgan_rt.
BASE = {
    "errors",
    "atomic",
    "checks",
    "pixels",
    "_ext",
    "_fork",
    "ops",
    "models",
    "checkpoint",
    "image",
    "camera",
    "tiling",
}
ALLOWED: dict[str, set[str]] = {
    "__init__": {"runtime", "degrade", "session"},
    "__main__": {"cli", "signals"},
    "errors": set(),
    "signals": set(),
    "atomic": set(),
    "checks": {"errors"},
    "pixels": {"errors"},
    "_sources": set(),
    "_library": {"_sources"},
    "_ext": {"errors", "_library", "_sources"},
    "_fork": set(),
    "ops": {"errors", "_ext"},
    "models": {"checks", "errors"},
    "checkpoint": {"models", "errors", "checks", "_fork", "atomic"},
    "session": {"checkpoint", "errors", "checks", "pixels", "tiling", "_library"},
    "image": {"pixels", "checks", "errors", "atomic"},
    "camera": {"pixels", "errors"},
    "tiling": {"errors"},
    "metrics": {"pixels", "image", "camera", "ops", "models", "errors"},
    "compare": {"pixels", "image", "metrics", "tiling", "errors"},
    "export": {"models", "checkpoint", "errors"},
    "tensorrt": {"checkpoint", "export", "metrics", "atomic", "errors"},
    "runtime": BASE | {"export", "tensorrt"},
    "degrade": BASE | {"runtime"},
    "bench": BASE | {"metrics", "export", "runtime", "session"},
    "files": BASE | {"runtime", "degrade", "__init__"},
    "serve": BASE | {"compare", "runtime", "files"},
    "distributed": BASE | {"runtime", "degrade", "files"},
    "cli": BASE
    | {"metrics", "compare", "export", "tensorrt", "runtime", "degrade", "bench", "session"}
    | {"files", "serve", "distributed", "signals", "__init__"},
}
# Folders of srdgan_rt/image, and which other folders and modules of image each may import.
PIXEL_MODULES = {"picture", "palette", "depth", "alpha", "icc", "orientation", "size_limit"}
IMAGE_FOLDERS: dict[str, set[str]] = {
    "metadata": {"picture"},
    "jpeg": {"metadata"} | PIXEL_MODULES,
    "png": {"metadata"} | PIXEL_MODULES,
    "tiff": {"metadata"} | PIXEL_MODULES,
}
OPTIONAL_PACKAGES = {
    *("rawpy", "matplotlib", "onnx", "onnxruntime", "openvino", "ncnn", "tensorrt", "tensorrt_rtx"),
    *("starlette", "uvicorn", "ray", "pillow_heif"),
}


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_in(nodes: list[ast.stmt] | ast.AST) -> list[str]:
    """Absolute names of everything imported below the nodes; ``from a import b`` counts as ``a.b``."""
    names = []
    for root in nodes if isinstance(nodes, list) else [nodes]:
        for node in ast.walk(root):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, "relative imports hide which layer is meant"
                names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def imported_layers(names: list[str]) -> set[str]:
    layers = set()
    for name in names:
        package, _, rest = name.partition(".")
        if package == "srdgan_rt":
            layer = rest.partition(".")[0]
            exists = layer and ((PACKAGE / layer).is_dir() or (PACKAGE / f"{layer}.py").is_file())
            layers.add(layer if exists else "__init__")
    return layers


def statements_at_import(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run when a module is imported, with the insides of ``if`` and ``try`` but not of functions."""
    found: list[ast.stmt] = []

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue  # for type checkers alone
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(node)
            for field in ("body", "orelse", "finalbody"):
                visit(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                visit(handler.body)

    visit(tree.body)
    return found


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_layer_imports_only_what_the_table_permits(path):
    layer = layer_of(path)
    assert layer in ALLOWED, f"{layer} is in no row of the table"
    names = imports_in(ast.parse(path.read_text(encoding="utf-8")))
    assert imported_layers(names) - {layer} <= ALLOWED[layer]
    assert not {name for name in names if name.split(".")[0] in ("training", "tests")}


@pytest.mark.parametrize("folder", IMAGE_FOLDERS)
def test_folder_of_image_imports_only_what_is_below_it(folder):
    for path in python_files(PACKAGE / "image" / folder):
        names = imports_in(ast.parse(path.read_text(encoding="utf-8")))
        inside = {name.split(".")[2] for name in names if name.startswith("srdgan_rt.image.")}
        assert inside - {folder} <= IMAGE_FOLDERS[folder], path.name


def test_every_folder_of_image_has_a_rule():
    folders = {path.name for path in (PACKAGE / "image").iterdir() if (path / "__init__.py").is_file()}
    assert folders == IMAGE_FOLDERS.keys()


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_optional_packages_are_imported_in_functions_only(path):
    at_import = imports_in(statements_at_import(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name.split(".")[0] for name in at_import} & OPTIONAL_PACKAGES


def test_no_modules_import_each_other():
    """Nor in a circle of more than two, nor for type checking only."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in python_files(PACKAGE)
    }
    graph = {}
    for module, path in modules.items():
        names = imports_in(ast.parse(path.read_text(encoding="utf-8")))
        imported = {name if name in modules else name.rpartition(".")[0] for name in names}
        graph[module] = imported & modules.keys() - {module}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("path", python_files(ROOT / "training"), ids=lambda path: path.name)
def test_training_does_not_import_the_command_line(path):
    assert "cli" not in imported_layers(imports_in(ast.parse(path.read_text(encoding="utf-8"))))


def includes_in(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.MULTILINE)


def sources_under(*folders: str) -> list[Path]:
    endings = {".h", ".cpp", ".cuh", ".cu"}
    return sorted(path for name in folders for path in (ROOT / "csrc" / name).rglob("*") if path.suffix in endings)


@pytest.mark.parametrize("path", sources_under("kernels", "common", "cuda", "session"), ids=lambda path: path.name)
def test_all_but_ops_know_nothing_of_torch_and_ops(path):
    includes = includes_in(path)
    assert not [name for name in includes if re.match(r"(torch|ATen|c10|Python\.h|pybind11|csrc/ops)\b", name)]
    assert "torch::" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sources_under("kernels", "common", "cuda", "ops"), ids=lambda path: path.name)
def test_only_the_session_includes_the_session(path):
    assert not [name for name in includes_in(path) if name.startswith(("csrc/session/", "include/"))]


@pytest.mark.parametrize("path", sorted((ROOT / "include").rglob("*.h")), ids=lambda path: path.name)
def test_public_headers_include_the_standard_library_alone(path):
    assert not [name for name in includes_in(path) if "/" in name or "." in name.removesuffix(".h")]


@pytest.mark.parametrize("path", sources_under("ops"), ids=lambda path: path.name)
def test_ops_use_the_stable_interface_alone(path):
    torch_headers = [name for name in includes_in(path) if re.match(r"(torch|ATen|c10)/", name)]
    allowed = ("torch/csrc/stable/", "torch/csrc/inductor/aoti_torch/c/", "torch/headeronly/")
    assert all(name.startswith(allowed) for name in torch_headers)


def test_there_is_something_to_check():
    assert len(python_files(PACKAGE)) > 20
    assert sources_under("kernels")
    assert sources_under("ops")


def test_table_in_the_documentation_has_the_same_layers():
    text = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `srdgan_rt/(\w+)(?:\.py|/)`", text, re.MULTILINE)) - {"weights"}
    assert documented == ALLOWED.keys() - {"__init__", "__main__"}


def test_documented_permissions_are_those_that_are_tested():
    text = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    base = re.search(r'"Base" stands for ([^.]+)\.', text)
    assert set(re.findall(r"\w+", base[1])) - {"and"} == BASE
    rows = re.findall(r"^\| `srdgan_rt/(\w+)(?:\.py|/)` \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert len(rows) > 20
    for layer, permitted in rows:
        if layer not in ("cli", "weights"):  # all, and no code
            words = set(re.findall(r"\w+", permitted))
            assert words - {"base"} | (BASE if "base" in words else set()) == ALLOWED[layer], layer
