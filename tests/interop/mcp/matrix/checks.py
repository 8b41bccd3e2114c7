"""Checks of the answers of a server: `tools` checks a list, and `result` the result of one call. Each yields the problems it finds.

Tools and results are JSON, as the client's own models write them.
"""

import json

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

# The blocks of content, each with the first revision that has it.
BLOCKS = {"text": "2024-11-05", "image": "2024-11-05", "resource": "2024-11-05", "audio": "2025-03-26", "resource_link": "2025-06-18"}

# The first revision with structured content.
STRUCTURED = "2025-06-18"


class Server:
    """The tools of a server, and its results."""

    def __init__(self, revision, tools):
        self.revision = revision
        self.tools = {tool["name"]: tool for tool in tools}

    def schemas(self):
        for name, tool in self.tools.items():
            for kind in ["inputSchema", "outputSchema"]:
                try:
                    Draft202012Validator.check_schema(tool.get(kind, {}))
                except SchemaError as error:
                    yield name, f"{kind}: {error.message}"

    def arguments(self, case):
        if case.get("fits", True):
            yield from self.misfits(case["tool"], "inputSchema", case["arguments"])

    def misfits(self, name, kind, value):
        schema = self.tools[name].get(kind)
        if schema:
            for error in Draft202012Validator(schema).iter_errors(value):
                yield f"{kind}: {error.message}"

    def result(self, case, result):
        blocks, structured = result["content"], result.get("structuredContent")
        if case.get("broken"):
            # Without schemas of results there is nothing to break.
            is_error = result.get("isError", False)
            if is_error != (self.revision >= STRUCTURED) or structured is not None:
                yield f"a result that breaks its schema is no error: {shown(result)}"
            elif case["broken"] not in "".join(block.get("text", "") for block in blocks):
                yield f"the text of a result that breaks its schema is lost: {shown(blocks)}"
            return
        if case.get("long"):
            if not blocks:
                yield f"nothing is said of a long result: {shown(result)}"
            return
        if result.get("isError"):
            yield f"an error: {shown(blocks)}"
            return
        yield from self.content(case, blocks)
        yield from self.structured(case, structured)

    def content(self, case, blocks):
        expected = case.get("content")
        if expected is None:
            text = blocks[0].get("text", "") if blocks else ""
            wanted = case["result"]
            same = text == wanted if isinstance(wanted, str) else parsed(text) == wanted
            if len(blocks) != 1 or not same:
                yield f"text: {shown(blocks)}"
        elif all(BLOCKS[block["type"]] <= self.revision for block in expected):
            blocks = [without(block, "_meta", "annotations") for block in blocks]
            # Without structured content the value is a text behind the blocks.
            is_text = case["structured"] and self.revision < STRUCTURED
            value = parsed(blocks.pop().get("text", "")) if is_text and blocks else case["result"]
            if blocks != expected or value != case["result"]:
                yield f"content: {shown(blocks)}"
        elif any(BLOCKS[block["type"]] > self.revision for block in blocks):
            yield f"content that {self.revision} does not have: {shown(blocks)}"

    def structured(self, case, structured):
        declared = "outputSchema" in self.tools[case["tool"]]
        if self.revision < STRUCTURED:
            if structured is not None or declared:
                yield f"{self.revision} has no structured content"
        elif case["structured"]:
            if structured != case["result"]:
                yield f"structuredContent: {shown(structured)}"
            elif not declared:
                yield "there is no outputSchema"
            else:
                yield from self.misfits(case["tool"], "outputSchema", structured)
        elif structured is not None:
            yield f"unexpected structuredContent: {shown(structured)}"


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def without(block, *names):
    return {name: value for name, value in block.items() if name not in names and value is not None}


def shown(value):
    return json.dumps(value)[:300]
