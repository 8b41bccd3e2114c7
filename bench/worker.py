"""The tools of the benchmark on the Python SDK: worker.py URL."""

import asyncio
import sys

from platools import Platools
from platools.transport import PlatoolsClient

platools = Platools(url=sys.argv[1], secret="bench")


@platools.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@platools.tool()
async def wait(a: int, b: int) -> int:
    """Add two numbers after a wait, the shortest there is."""
    await asyncio.sleep(0)
    return a + b


@platools.tool()
async def echo(text: str) -> str:
    """Return the text."""
    return text


asyncio.run(PlatoolsClient(url=sys.argv[1], secret="bench", registry=platools.registry).run_forever())
