"""JSON Schemas of what is answered and taken: those of msgspec, and what the fields mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from vatwatch.http.field_docs import field_docs

Json: TypeAlias = dict[str, Any]

REFERENCE = "#/components/schemas/{name}"


def any_of(*kinds: type[Any] | None) -> Json:
    """The schema of what is one of these classes. They must be known by other ways, too."""
    return {
        "anyOf": [
            {"type": "null"} if kind is None else {"$ref": REFERENCE.format(name=kind.__name__)}
            for kind in kinds
        ]
    }


def schemas_of(kinds: Iterable[Any], *, complete: bool) -> tuple[dict[Any, Json], Json]:
    """The schema of each type, and the components that these refer to.

    `complete`: an object has all of its fields, also those that have a default, except those whose
    default is UNSET: what is sent is so. Of what is taken fields may be left out, and others are
    refused.
    """
    every = list(dict.fromkeys(kinds))
    found, components = msgspec.json.schema_components(every, ref_template=REFERENCE)
    for kind in _classes(inspect.multi_type_info(every)):
        component = components.get(kind.cls.__name__)
        if component is None:  # it is a part of another one, such as of a list
            continue
        docs = field_docs(kind.cls)
        for name, schema in component.get("properties", {}).items():
            if name in docs:
                schema.setdefault("description", docs[name])
            if {} in schema.get("anyOf", ()):
                # What is encoded already (`msgspec.Raw`) is one of the others.
                schema["anyOf"].remove({})
        for field in kind.fields:
            _add_format(component["properties"][field.encode_name], field.type)
        if complete:
            component["required"] = [each.encode_name for each in kind.fields if _is_sent(each)]
        else:
            component["additionalProperties"] = False
    return dict(zip(every, found, strict=True)), components


def _is_sent(field: inspect.Field) -> bool:
    """Whether it always is: msgspec knows no default of those that may be UNSET."""
    defaults = (field.default, field.default_factory)
    return field.required or any(each is not msgspec.NODEFAULT for each in defaults)


def _add_format(schema: Json, kind: inspect.Type) -> None:
    """Say of times that they are: msgspec does not know that ours have a zone."""
    match kind:
        case inspect.DateTimeType():
            schema["format"] = "date-time"
        case inspect.UnionType(types=types) if any(
            isinstance(each, inspect.DateTimeType) for each in types
        ):
            for one in schema["anyOf"]:
                if one == {"type": "string"}:
                    one["format"] = "date-time"
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            _add_format(schema["items"], item)
        case inspect.TupleType(item_types=items):
            for one, item in zip(schema["prefixItems"], items, strict=True):
                _add_format(one, item)


Fielded: TypeAlias = inspect.StructType | inspect.DataclassType


def _classes(types: Iterable[Any]) -> Iterator[Fielded]:
    """All classes with fields that these types are made of, each once."""
    seen: set[type[Any]] = set()
    waiting = list(types)
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(each)
        elif isinstance(each, inspect.StructType | inspect.DataclassType):
            if each.cls not in seen:
                seen.add(each.cls)
                waiting.extend(field.type for field in each.fields)
                yield each
        elif isinstance(each, inspect.Type):
            waiting.extend(
                getattr(each, name) for name in each.__struct_fields__ if name != "extra"
            )
