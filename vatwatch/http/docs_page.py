"""The page of /docs: the OpenAPI document, to read and to try.

One page of plain HTML that needs no script to be read. `assets/docs.js` finds endpoints and sends
requests from it. Nothing of it comes from another host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from vatwatch.http.schemas import Json

# Longer lists of choices are typed in, with the first one as the example.
MOST_OPTIONS = 12
# Of an example; the whole answer is had by sending the request.
EXAMPLE_LINES = 60

_CODE = re.compile(r"`([^`]+)`")


def docs_page(document: Json) -> str:
    """The page, as HTML."""
    info = document["info"]
    by_tag: dict[str, tuple[Json, list[tuple[str, str, Json]]]]
    by_tag = {tag["name"]: (tag, []) for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]][1].append((method.upper(), path, operation))
    used = [(tag, operations) for tag, operations in by_tag.values() if operations]
    schemas = document["components"]["schemas"]
    body = [
        "<header>",
        f"<h1>{_text(info['title'])} API <small>{_text(info['version'])}</small></h1>",
        *(f"<p>{_text(part)}</p>" for part in info["description"].strip().split("\n\n")),
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>. '
        'The service itself: <a href="/api/status">/api/status</a>.</p>',
        "</header>",
        _TOOLS,
        _contents(used),
        "<main>",
        *(_family(tag, operations, document) for tag, operations in used),
        "<section><h2>Types</h2>",
        *(_schema(name, schema) for name, schema in schemas.items()),
        "</section>",
        "</main>",
    ]
    return page(f"{info['title']} API", "\n".join(body), script=True)


def page(title: str, body: str, *, script: bool = False) -> str:
    """A whole page around this body."""
    scripts = '\n<script src="/docs/docs.js" defer></script>' if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        '<link rel="icon" href="/docs/icon.svg" type="image/svg+xml">\n'
        f'<link rel="stylesheet" href="/docs/docs.css">{scripts}\n'
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


_TOOLS = """\
<form id="tools" role="search" hidden>
<label>Find <input type="search" id="find" placeholder="flights, near, 429 …"></label>
<output id="found"></output>
<label>API key <input type="password" id="key" autocomplete="off"></label>
</form>"""


def _contents(families: Iterable[tuple[Json, list[tuple[str, str, Json]]]]) -> str:
    parts = (
        f"<li>{_text(tag['name'].capitalize())}<ul>"
        + "".join(
            f'<li><a href="#{operation["operationId"]}">{method} {escape(path)}</a></li>'
            for method, path, operation in operations
        )
        + "</ul></li>"
        for tag, operations in families
    )
    return (
        '<nav aria-label="Endpoints"><details><summary>Endpoints</summary>'
        f"<ul>{''.join(parts)}</ul></details></nav>"
    )


def _family(tag: Json, operations: Iterable[tuple[str, str, Json]], document: Json) -> str:
    name = tag["name"].capitalize()
    each = "\n".join(_operation(*operation, document) for operation in operations)
    return (
        f"<section><h2>{_text(name)}</h2>\n<p>{_text(tag['description'])}</p>\n{each}\n</section>"
    )


def _operation(method: str, path: str, operation: Json, document: Json) -> str:
    parts = [
        f'<details class="operation" id="{operation["operationId"]}"><summary>'
        f'<b class="{method.lower()}">{method}</b> <code>{escape(path)}</code> '
        f"{_text(operation['summary'])}</summary>",
        *(f"<p>{_text(part)}</p>" for part in operation["description"].split("\n\n")),
        _key(operation.get("security", [])),
        _parameters(operation["parameters"]),
        _body(operation),
        _answers(operation["responses"], document),
        _example(operation["responses"]),
        _form(method, path, operation),
        "</details>",
    ]
    return "\n".join(part for part in parts if part)


def _key(security: list[Json]) -> str:
    if not security or {} in security:
        return ""
    ((scope,),) = security[0].values()
    return f"<p>Needs a key with the scope <code>{_text(scope)}</code>.</p>"


def _parameters(parameters: list[Json]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><th scope=row><code>{escape(each['name'])}</code></th>"
        f"<td>{_type(each['schema'])}</td><td>{_text(each['description'])}</td></tr>"
        for each in parameters
    )
    return _table("Parameters", ("name", "value", "meaning"), rows)


def _body(operation: Json) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    (media,) = body["content"].items()
    return f"<p>Body: {escape(media[0])}, {_type(media[1]['schema'])}</p>"


def _answers(responses: Json, document: Json) -> str:
    rows = []
    for status, response in responses.items():
        if "$ref" in response:
            response = _followed(response["$ref"], document)
        kinds = "; ".join(
            f"{escape(media)}: {_type(content['schema'])}"
            for media, content in response.get("content", {}).items()
        )
        rows.append(
            f"<tr><th scope=row>{status}</th><td>{_text(response['description'])}</td>"
            f"<td>{kinds or 'no body'}</td></tr>"
        )
    return _table("Answers", ("status", "when", "what"), "".join(rows))


def _followed(reference: str, document: Json) -> Json:
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    followed: Json = found
    return followed


def _example(responses: Json) -> str:
    for response in responses.values():
        for content in response.get("content", {}).values():
            if "example" in content:
                lines = json.dumps(content["example"], indent=2, ensure_ascii=False).splitlines()
                shown = lines[:EXAMPLE_LINES] + ["…"] * (len(lines) > EXAMPLE_LINES)
                text = "\n".join(shown)
                return (
                    "<details><summary>Example of an answer</summary>"
                    f"<pre tabindex=0>{escape(text)}</pre></details>"
                )
    return ""


def _form(method: str, path: str, operation: Json) -> str:
    """To send a request. Hidden until the script, which it needs, has come."""
    fields = "".join(
        f"<label>{escape(each['name'])} {_field(each)}</label>" for each in operation["parameters"]
    )
    if "requestBody" in operation:
        fields += '<label>body <textarea data-in="body" rows="4">{}</textarea></label>'
    return (
        f'<form class="try" data-method="{method}" data-path="{escape(path)}" hidden>{fields}'
        "<button>Send</button><output></output></form>"
    )


def _field(parameter: Json) -> str:
    name, place, schema = escape(parameter["name"]), parameter["in"], parameter["schema"]
    attributes = f'name="{name}" data-in="{place}"'
    choices = ["true", "false"] if schema.get("type") == "boolean" else schema.get("enum", [])
    if choices and len(choices) <= MOST_OPTIONS:
        options = "".join(f"<option>{escape(str(each))}</option>" for each in ["", *choices])
        return f"<select {attributes}>{options}</select>"
    example = parameter["example"]
    shown = ",".join(map(str, example)) if isinstance(example, list) else str(example)
    value = f' value="{escape(shown)}"' if place == "path" else ""
    return f'<input {attributes} placeholder="{escape(shown)}"{value}>'


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><th scope=row><code>{escape(field)}</code>{'' if field in required else '?'}</th>"
        f"<td>{_type(of)}</td><td>{_text(of.get('description', ''))}</td></tr>"
        for field, of in schema.get("properties", {}).items()
    )
    inner = _table("", ("field", "type", "meaning"), rows) if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<details class="type" id="type-{escape(name)}"><summary>{escape(name)}</summary>'
        f"<p>{_text(schema.get('description', ''))}</p>{inner}</details>"
    )


def _table(caption: str, heads: Iterable[str], rows: str) -> str:
    titled = f"<caption>{caption}</caption>" if caption else ""
    columns = "".join(f"<th scope=col>{head}</th>" for head in heads)
    return f"<div class=wide><table>{titled}<tr>{columns}</tr>{rows}</table></div>"


def _type(schema: Json) -> str:
    """What a schema takes, in words."""
    return " or ".join(dict.fromkeys(_kinds(schema)))


def _kinds(schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        yield f'<a href="#type-{name}">{name}</a>'
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _kinds(each)
    elif "enum" in schema:
        yield from (
            f"<code>{escape(json.dumps(each).strip(chr(34)))}</code>" for each in schema["enum"]
        )
    elif schema.get("type") == "array":
        items = schema.get("items") or {}
        yield f"list of {_type(items)}" if items else "list"
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        yield f"object of {_type(schema['additionalProperties'])}"
    elif "minimum" in schema and "maximum" in schema:
        yield f"{schema['minimum']} to {schema['maximum']}"
    elif "format" in schema:
        yield escape(schema["format"])
    else:
        yield escape(str(schema.get("type", "anything")))


def _text(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
