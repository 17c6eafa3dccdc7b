"""What the fields of a type mean, as its source says it: the text below a field."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any


def field_docs(kind: type[Any]) -> dict[str, str]:
    """The docstrings of the fields of a class and of its bases, by the name of the field."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= _module_docs(base.__module__).get(base.__qualname__, {})
    return found


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """Of the classes of a module. Empty for modules without a source, such as built-in ones."""
    if not module.startswith("vatwatch"):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _docs(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docs(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = inspect.cleandoc(below.value.value)
    return found
