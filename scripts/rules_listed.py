"""The generated part of docs/rules.md: each module of rules, its numbers, and why they are so."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from itertools import groupby
from types import ModuleType

import vatwatch.traffic
from vatwatch.traffic.thresholds import RULES_VERSION, Threshold, declared


def listed() -> str:
    """Every module of `vatwatch.traffic` that declares numbers: what it says, and a table."""
    modules = {
        found.name: importlib.import_module(found.name)
        for found in pkgutil.iter_modules(vatwatch.traffic.__path__, "vatwatch.traffic.")
    }
    ours = sorted((each for each in declared() if each.module in modules), key=_module)
    parts = [_part(modules[name], list(numbers)) for name, numbers in groupby(ours, key=_module)]
    return "\n\n".join([f"The version of the rules is {RULES_VERSION}.", *parts])


def _module(number: Threshold) -> str:
    return number.module


def _part(module: ModuleType, numbers: list[Threshold]) -> str:
    title, _, text = (inspect.getdoc(module) or "").partition(".")
    rows = ["| name | value | why | source |", "| --- | --- | --- | --- |"]
    for name, number in zip(_names(module), numbers, strict=True):
        value = f"{_figure(number.value)} {number.unit}".strip()
        rows.append(f"| `{name}` | {value} | {_cell(number.why)} | {_cell(number.source)} |")
    path = module.__name__.replace(".", "/")
    where = f"In `{path}.py`."
    return "\n\n".join(
        part for part in (f"### {title.strip()}", text.strip(), where, "\n".join(rows)) if part
    )


def _names(module: ModuleType) -> list[str]:
    """What the numbers of a module are called, in their order."""
    names = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            names += [ast.unparse(target)] * sum(_declares(part) for part in ast.walk(node.value))
    return names


def _declares(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "threshold"


def _figure(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
