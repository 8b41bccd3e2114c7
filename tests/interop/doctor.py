"""The doctor of the Python SDK: reads cases from standard input, and writes the findings of each.

A case has `tools`, as a manifest has them, and optionally `agent_tools` and `roles_in_use`.
"""

import json
import sys

from platools.doctor import analyze_tools
from platools.types import ToolDef


def definition(tool):
    return ToolDef(
        name=tool["name"],
        description=tool.get("description", ""),
        func=lambda: None,
        input_schema=tool["input_schema"],
        output_schema=tool.get("output_schema"),
        auth="none",
        roles=tuple(tool.get("roles", ())),
        rate_limit=None,
        timeout=None,
        annotations=tool.get("annotations", {}),
        is_async=False,
    )


def known(case, key):
    return set(case[key]) if key in case else None


def findings(case):
    report = analyze_tools(
        [definition(tool) for tool in case["tools"]],
        agent_tool_names=known(case, "agent_tools"),
        roles_in_use=known(case, "roles_in_use"),
    )
    return [[finding.code, finding.severity, finding.tool, finding.param] for finding in report.findings]


json.dump([findings(case) for case in json.load(sys.stdin)], sys.stdout)
