"""A client of the Model Context Protocol, as the official package has it: lists and calls, and prints what it saw as JSON.

Its arguments say how it reaches the worker, `http` or `stdio`, and how it agrees on a revision, `legacy` or `auto`. PROGRAM, which `stdio`
starts, or URL and TOKEN are in the environment.
"""

import asyncio
import contextlib
import json
import os
import sys

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


@contextlib.asynccontextmanager
async def server(how):
    if how == "stdio":
        yield StdioServerParameters(command=os.environ["PROGRAM"], args=["serve", "stdio"])
        return
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    # No proxy of the environment knows the way to this loopback interface.
    async with httpx2.AsyncClient(headers=headers, timeout=20, trust_env=False) as http:
        yield streamable_http_client(os.environ["URL"], http_client=http)


async def main(how, mode):
    seen = {}
    reports = []

    async def progress(done, total, message):
        reports.append([done, total, message])

    async with server(how) as to, Client(to, mode=mode, read_timeout_seconds=20) as client:
        seen["revision"] = client.protocol_version
        seen["server"] = client.server_info.name
        seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        added = await client.call_tool("add", {"a": 40, "b": 2})
        seen["added"] = [added.content[0].text, added.structured_content, added.is_error]
        failed = await client.call_tool("fail", {})
        seen["failed"] = [failed.content[0].text, failed.is_error]
        misfit = await client.call_tool("add", {"a": "forty"})
        seen["misfit"] = misfit.is_error
        counted = await client.call_tool("count", {"to": 20}, progress_callback=progress)
        seen["counted"] = counted.content[0].text
        seen["last"] = max(reports)
        try:
            await client.call_tool("nothing", {})
        except MCPError as error:
            seen["unknown"] = error.error.code
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
