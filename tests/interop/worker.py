"""A worker on the Python SDK, for the interop tests. PLATOS_URL and PLATOS_SECRET say where it dials."""

import asyncio
import dataclasses
from typing import Annotated, Any

import platools
from platools import Platools, PlatosContext
from pydantic import BaseModel, Field

worker = Platools()


class Line(BaseModel):
    """One line of an order."""

    sku: str
    quantity: Annotated[int, Field(ge=1)] = 1


class Order(BaseModel):
    """An order and what it comes to."""

    lines: list[Line]
    units: int


@worker.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: The first number.
        b: The second number.
    """
    return a + b


@worker.tool(auth="user", roles=["support"], annotations={"readOnlyHint": True})
async def echo(text: str) -> str:
    """Return the text, after others had their turn."""
    await asyncio.sleep(0)
    return text


@worker.tool()
async def order(lines: list[Line]) -> Order:
    """Count the units of an order."""
    parsed = [Line.model_validate(line) for line in lines]
    return Order(lines=parsed, units=sum(line.quantity for line in parsed))


@worker.tool()
def nothing() -> None:
    """Return nothing."""


@worker.tool()
def fail(reason: str) -> str:
    """Raise an error."""
    raise ValueError(reason)


@worker.tool()
async def fail_later(reason: str) -> str:
    """Raise an error, after others had their turn."""
    await asyncio.sleep(0)
    raise RuntimeError(reason)


@worker.tool()
def learn(name: str) -> None:
    """Add a tool of that name, which the platform hears of when the worker registers again."""

    @worker.tool(name=name)
    def learned() -> str:
        """Return the name."""
        return name


@worker.tool()
def who_calls(note: str, ctx: PlatosContext) -> dict[str, Any]:
    """Return everything the SDK knows about the call, by each of its ways to ask."""
    full = platools.current_context()
    return {
        "note": note,
        "ctx": {"call_id": ctx.call_id, "context": dict(ctx.context), "entity_ids": ctx.entity_ids, "raw": ctx.raw},
        "current": {
            "user_id": platools.current_user_id(),
            "user_token": platools.current_user_token(),
            "entity_token": platools.current_entity_token(),
            "agent_id": platools.current_agent_id(),
            "thread_id": platools.current_thread_id(),
            "entity_id": platools.current_entity_id(),
            "call_id": platools.current_call_id(),
            "scope": platools.current_scope(),
        },
        "full": None if full is None else dataclasses.asdict(full),
    }


asyncio.run(worker.connect())
