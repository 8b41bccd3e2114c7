"""The snippets of the worker document in Python, on the SDK as its users have it: `worker.py CASE`.

PLATOS_URL and PLATOS_SECRET say where the worker dials. Each case but the last one serves until SIGTERM.
"""

import asyncio
import os
import signal
import sys

from platools import Platools, PlatoolsClient
from platools.core.decorator import make_tool_decorator
from platools.core.registry import ToolRegistry

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@case
async def basic_usage():
    platools = Platools()
    platools.tool()(add)
    await platools.connect()


@case
async def graceful_shutdown():
    platools = Platools()
    platools.tool()(add)
    connecting = asyncio.create_task(platools.connect())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, connecting.cancel)
    try:
        await connecting
    except asyncio.CancelledError:
        print("cancelled")


@case
async def direct_client():
    registry = ToolRegistry()
    make_tool_decorator(registry)()(add)
    client = PlatoolsClient(url=os.environ["PLATOS_URL"], secret=os.environ["PLATOS_SECRET"], registry=registry)
    stops = []
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: stops.append(asyncio.ensure_future(client.stop()))
    )
    await client.run_forever()
    print("stopped")


@case
async def constructor_refuses():
    for url, secret in [("", "secret"), ("https://platform.example.com", "")]:
        try:
            PlatoolsClient(url=url, secret=secret, registry=ToolRegistry())
        except ValueError as error:
            print(error)


asyncio.run(CASES[sys.argv[1]]())
