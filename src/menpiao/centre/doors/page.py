"""The description as a page for people: plain HTML, nothing loaded from anywhere."""

from collections.abc import Mapping
from html import escape
from typing import Any

_TEXTS = {
    "zh": {
        "title": "门票接口说明",
        "other": '<a href="?language=en" lang="en">English</a>',
        "file": "OpenAPI 3.1 文件",
        "parameters": "参数",
        "body": "请求",
        "answers": "答复",
        "auth": "凭证",
        "links": "长连接",
        "up": "终端发送",
        "down": "中心发送",
        "closes": "关闭码",
        "messages": "消息格式",
        "reasons": "拒绝代码",
        "required": "必填",
    },
    "en": {
        "title": "Doors of the ticket centre",
        "other": '<a href="?language=zh" lang="zh-CN">中文</a>',
        "file": "OpenAPI 3.1 document",
        "parameters": "Parameters",
        "body": "Body",
        "answers": "Answers",
        "auth": "Proof",
        "links": "Links",
        "up": "From the terminal",
        "down": "From the centre",
        "closes": "Close codes",
        "messages": "Messages",
        "reasons": "Codes of refusal",
        "required": "required",
    },
}
_STYLE = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881}
body{font:1rem/1.6 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;max-width:60rem;
margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
section{border:1px solid var(--line);border-radius:.5rem;padding:.25rem 1rem 1rem;margin:1rem 0}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
border-top:1px solid var(--line);padding:.35rem .75rem .35rem 0}
th:first-child{min-width:6rem}code{background:var(--soft);padding:.1em .3em;border-radius:.25em}
"""


def wanted_language(text: str) -> str:
    """``zh`` or ``en``, from a language code or an Accept-Language header; Chinese first."""
    return "en" if text.strip().lower().startswith("en") else "zh"


def page(document: Mapping[str, Any], language: str) -> str:
    """The page in Chinese (``zh``) or English (``en``)."""
    words = _TEXTS[language]
    parts = [
        f"<h1>{words['title']}</h1>",
        f'<p><a href="/openapi.json">{words["file"]}</a> · {words["other"]}</p>',
    ]
    for tag in document["tags"]:
        zh, _, en = tag["description"].partition("\n\n")
        parts.append(f"<h2>{escape(en if language == 'en' else zh)}</h2>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    parts.append(_operation(path, method, operation, language))
    parts += [_links(document["x-links"], language), _reasons(document["x-reasons"], language)]
    parts.append(f"<h2>{words['messages']}</h2>")
    parts += [
        _message(name, schema, words) for name, schema in document["components"]["schemas"].items()
    ]
    code = "en" if language == "en" else "zh-CN"
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{words['title']}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any], language: str) -> str:
    words = _TEXTS[language]
    text = operation["description" if language == "en" else "summary"]
    rows = []
    if operation.get("security"):
        rows.append((words["auth"], ", ".join(key for one in operation["security"] for key in one)))
    for one in operation.get("parameters", ()):
        name = f"<code>{escape(one['name'])}</code> ({one['in']})"
        need = f" · {words['required']}" if one["required"] else ""
        rows.append((words["parameters"], f"{name} {_kind(one['schema'])}{need}"))
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    rows += [(words["body"], _kind(media.get("schema", {}))) for media in bodies]
    for status, answer in operation["responses"].items():
        kinds = [
            _kind(media["schema"]) if "schema" in media else f"<code>{escape(name)}</code>"
            for name, media in answer.get("content", {}).items()
        ]
        said = _marked(answer["description"])
        rows.append((f"{words['answers']} {status}", " · ".join([*kinds, said])))
    head = f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{_marked(text)}</p>"
    return f"<section>{head}{_table(rows)}</section>"


def _links(links: Mapping[str, Any], language: str) -> str:
    words = _TEXTS[language]
    parts = [f"<h2>{words['links']}</h2>"] if links else []
    for path, link in links.items():
        rows = [
            ("Sec-WebSocket-Protocol", f"<code>{escape(link['subprotocol'])}</code>"),
            (words["up"], _kind(link["fromAsker"])),
            (words["down"], _kind(link["fromCentre"])),
        ]
        rows += [
            (f"{words['closes']} {code}", escape(told[language]))
            for code, told in link["closes"].items()
        ]
        parts.append(f"<section><h3><code>{escape(path)}</code></h3>{_table(rows)}</section>")
    return "".join(parts)


def _reasons(reasons: Mapping[str, Any], language: str) -> str:
    rows = [
        (f"<code>{code}</code>", f"{told['status']} · {escape(told[language])}")
        for code, told in reasons.items()
    ]
    return f"<h2>{_TEXTS[language]['reasons']}</h2>{_table(rows)}"


def _message(name: str, schema: Mapping[str, Any], words: Mapping[str, str]) -> str:
    required = set(schema.get("required", ()))
    rows = []
    for field, kind in schema.get("properties", {}).items():
        need = f" · {words['required']}" if field in required else ""
        told = f"<br>{_marked(kind['description'])}" if "description" in kind else ""
        rows.append((f"<code>{escape(field)}</code>", f"{_kind(kind)}{need}{told}"))
    text = _marked(schema.get("description", ""))
    return f'<section id="{name}"><h3>{name}</h3><p>{text}</p>{_table(rows)}</section>'


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words; a message is a link to its place on the page."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        parts = schema.get("prefixItems") or [schema.get("items", {})]
        return f"[{', '.join(_kind(part) for part in parts)}]"
    rules = [
        f"{sign} {schema[key]}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"), ("minLength", "|x| ≥"))
        if key in schema
    ]
    rules += [f"|x| ≤ {schema['maxLength']}"] if "maxLength" in schema else []
    rules += [f"<code>{escape(schema['pattern'])}</code>"] if "pattern" in schema else []
    named = schema.get("format") or schema.get("type", "")
    return " ".join([escape(str(named)), *rules])


def _marked(text: str) -> str:
    """Text with what stands between backticks as code."""
    parts = escape(text).replace("``", "`").split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><th scope="row">{a}</th><td>{b}</td></tr>' for a, b in rows)
    return f"<table>{cells}</table>" if rows else ""
