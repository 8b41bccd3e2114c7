"""Any version of the official client for Python, or FastMCP, against a server: lists, and makes every call of a file.

Its argument is the file: the server, the revision to ask for if it is not the client's own choice, and the cases. It prints a report as JSON.
"""

import asyncio
import contextlib
import importlib.metadata
import json
import os
import sys

import mcp

from checks import Server

PATIENCE = 30


@contextlib.asynccontextmanager
async def of_first_generation(server, revision):
    """A session of `mcp` 1.x: its functions to list a page and to call, and the revision."""
    from datetime import timedelta

    from mcp import ClientSession, StdioServerParameters, types
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client

    # The session has no setting for it.
    types.LATEST_PROTOCOL_VERSION = revision or types.LATEST_PROTOCOL_VERSION
    if "url" in server:
        streams = streamablehttp_client(server["url"], headers=headers(server))
    else:
        streams = stdio_client(StdioServerParameters(**server))
    async with streams as (reader, writer, *_):
        async with ClientSession(reader, writer, read_timeout_seconds=timedelta(seconds=PATIENCE)) as session:
            initialized = await session.initialize()
            yield session.list_tools, session.call_tool, initialized.protocolVersion


@contextlib.asynccontextmanager
async def of_second_generation(server, revision):
    """A client of `mcp` 2.x."""
    import httpx2
    from mcp import Client, StdioServerParameters
    from mcp.client import session
    from mcp.client.streamable_http import streamable_http_client

    mode = mode_of(session, revision)
    async with contextlib.AsyncExitStack() as stack:
        if "url" in server:
            http = httpx2.AsyncClient(headers=headers(server), timeout=PATIENCE, trust_env=False)
            to = streamable_http_client(server["url"], http_client=await stack.enter_async_context(http))
        else:
            to = StdioServerParameters(**server)
        client = await stack.enter_async_context(Client(to, mode=mode, read_timeout_seconds=PATIENCE))

        async def list_tools(cursor):
            return await client.list_tools(cursor=cursor)

        yield list_tools, client.call_tool, client.protocol_version


@contextlib.asynccontextmanager
async def of_fastmcp(server, revision):
    """A client of FastMCP, which reads all pages itself."""
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
    from mcp.client import session

    mode = mode_of(session, revision)
    if "url" in server:
        to = StreamableHttpTransport(server["url"], headers=headers(server))
    else:
        to = StdioTransport(server["command"], server["args"], env=server["env"])
    async with Client(to, mode=mode, timeout=PATIENCE) as client:

        async def list_tools(_cursor):
            return mcp.types.ListToolsResult(tools=await client.list_tools())

        yield list_tools, client.call_tool_mcp, negotiated(client)


def negotiated(client):
    session = client.session
    return session.protocol_version


def mode_of(session, revision):
    """The mode in which a client of the second generation agrees on a revision."""
    if not revision or revision >= "2026":
        return revision or "auto"
    # The session has no setting for it.
    session.LATEST_HANDSHAKE_VERSION = revision
    return "legacy"


def headers(server):
    return {"Authorization": f"Bearer {server['token']}"}


def how():
    if "fastmcp" in sys.argv[2]:
        return of_fastmcp
    return of_second_generation if hasattr(mcp, "Client") else of_first_generation


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(asked):
    async with how()(asked["server"], asked["revision"]) as (list_tools, call, revision):
        tools, cursor = [], None
        while cursor is not None or not tools:
            page = plain(await list_tools(cursor))
            tools += page["tools"]
            cursor = page.get("nextCursor")
            # Only the first page is read by many clients.
            if cursor:
                break
        server = Server(revision, tools)
        problems = list(server.schemas())
        called = 0
        for case in asked["cases"]:
            name = case["tool"]
            if name not in server.tools:
                problems.append((name, "it is not listed"))
                continue
            problems += [(name, problem) for problem in server.arguments(case)]
            try:
                result = plain(await call(name, case["arguments"]))
            except Exception as error:
                problems.append((name, f"{type(error).__name__}: {str(error)[:300]}"))
                continue
            called += 1
            problems += [(name, problem) for problem in server.result(case, result)]
    print(json.dumps({"revision": revision, "tools": sorted(server.tools), "called": called, "problems": problems}))


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        asyncio.run(main(json.load(file)))
