"""A client of the Model Context Protocol, as the official package has it: lists and calls, and prints what it saw as JSON.

Its arguments say how it reaches the gateway, `http` or `stdio`, and how it agrees on a revision, `legacy` or `auto`. URL and KEY are in
the environment, and PROGRAM, which `stdio` starts.
"""

import asyncio
import contextlib
import json
import os
import sys

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

URL, KEY = os.environ["URL"], os.environ["KEY"]


@contextlib.asynccontextmanager
async def server(how):
    if how == "stdio":
        environment = {"PLATOOLS_GATEWAY_KEY": KEY, "PLATOOLS_GATEWAY_LOG_FILTER": "off"}
        yield StdioServerParameters(command=os.environ["PROGRAM"], args=["mcp", "--url", URL], env=environment)
        return
    # No proxy of the environment knows the way to this loopback interface.
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=20, trust_env=False) as http:
        yield streamable_http_client(f"{URL}/mcp", http_client=http)


async def main(how, mode):
    seen = {"progress": []}

    going_on = []

    async def progress(done, total, message):
        seen["progress"].append([done, total, message])
        going_on.append(asyncio.create_task(client.call_tool("go_on", {})))

    async with server(how) as to, Client(to, mode=mode, read_timeout_seconds=20) as client:
        seen["revision"] = client.protocol_version
        seen["server"] = client.server_info.name
        tools = (await client.list_tools()).tools
        seen["tools"] = sorted(tool.name for tool in tools)
        added = await client.call_tool("add", {"a": 40, "b": 2})
        seen["added"] = [added.content[0].text, added.structured_content, added.is_error]
        order = await client.call_tool("order", {"sku": "a-1"})
        seen["order"] = order.structured_content
        failed = await client.call_tool("fail", {})
        seen["failed"] = [failed.content[0].text, failed.is_error]
        misfit = await client.call_tool("add", {"a": "forty"})
        seen["misfit"] = misfit.is_error
        drawn = await client.call_tool("draw", {})
        seen["drawn"] = len(drawn.content[0].data)
        reported = await client.call_tool("report", {}, progress_callback=progress)
        seen["reported"] = reported.content[0].text
        await asyncio.gather(*going_on)
        try:
            await client.call_tool("nothing", {})
        except MCPError as error:
            seen["unknown"] = error.error.code
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
