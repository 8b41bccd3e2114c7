"""Two agents with sessions, for the interop tests: on nookplot-runtime, as its users have it.

GATEWAY_URL says where, AGENT_KEYS as whom, with a space between the two. Says on standard output, a JSON object a line, what came of
each step. After the step `restart` it waits for a line, while the gateway is restarted.
"""

import asyncio
import json
import os
import sys

import httpx
from nookplot_runtime import NookplotRuntime
from nookplot_runtime.types import ReconnectConfig

PATIENCE = 20


class Agent:
    """One agent, and the events that it heard."""

    def __init__(self, key):
        reconnect = ReconnectConfig(max_retries=50, initial_delay_ms=100, max_delay_ms=400)
        url = os.environ["GATEWAY_URL"]
        self.runtime = NookplotRuntime(url, key, heartbeat_interval_ms=300, reconnect=reconnect)
        self.events = asyncio.Queue()
        self.runtime._events.subscribe_all(self.events.put)

    async def event(self, kind):
        """The data of the next event of a type."""
        while True:
            event = await asyncio.wait_for(self.events.get(), PATIENCE)
            if event.type == kind:
                assert event.timestamp.endswith("Z"), event
                return event.data

    async def send(self, frame):
        await self.runtime._ws.send(json.dumps(frame))


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


async def until(condition):
    """Waits for what must happen."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def main():
    one, two = (Agent(key) for key in os.environ["AGENT_KEYS"].split())

    connected = await one.runtime.connect()
    status = await one.runtime.get_status()
    alone = await one.runtime.get_presence()
    say(
        "connect",
        address=connected.address,
        same_session=status.session.session_id == connected.session_id,
        status=status.status,
        present=[agent.address for agent in alone],
        names=[status.display_name, *(agent.display_name for agent in alone)],
    )

    channels = one.runtime.channels
    made = await channels.create("general", "General", description="Everything", metadata={"a": 1})
    await channels.subscribe_to_channel(made.id)
    # Before it connects, so that connecting subscribes to it.
    await two.runtime.channels.join(made.id)
    await two.runtime.connect()
    joined = await one.event("presence.joined")
    both = await one.runtime.get_presence(limit=10)
    listed = await two.runtime.channels.list()
    say(
        "channel",
        joined=joined["address"],
        present=[agent.address for agent in both],
        listed=[(channel.slug, channel.name, channel.is_member, channel.member_count) for channel in listed],
        members=[(member.agent_address, member.role) for member in await channels.get_members(made.id)],
        online=[member.agent_address for member in await channels.get_presence(made.id)],
    )

    # An answer from its own socket: what was sent before has been treated.
    await one.send({"type": "settled"})
    await one.event("settled")
    said = await two.runtime.channels.send(made.id, "hello", metadata={"n": 1})
    heard = [await agent.event("channel.message") for agent in (one, two)]
    history = await channels.get_history(made.id)
    say(
        "message",
        heard=[(message["id"] == said["id"], message["from"], message["content"]) for message in heard],
        history=[(message.from_address, message.content, message.metadata) for message in history],
    )

    await one.send({"type": "custom.event", "data": {"foo": "bar"}})
    say("custom", data=await one.event("custom.event"))

    async def beat_over_socket():
        return (await one.runtime.get_status()).session.last_heartbeat > status.session.last_heartbeat

    await until(beat_over_socket)
    beat = await one.runtime._http.request("POST", "/v1/runtime/heartbeat")
    say("heartbeat", success=beat["success"])

    try:
        await one.runtime.channels.create("general", "General")
    except httpx.HTTPStatusError as error:
        say("refused", error=str(error))

    # A path of the gateway's REST interface, where errors are problem details.
    try:
        await one.runtime._http.request("GET", "/v1/some/endpoint")
    except httpx.HTTPStatusError as error:
        say("missing", error=str(error))

    old = one.runtime._ws
    say("restart")
    await asyncio.to_thread(sys.stdin.readline)

    async def is_back():
        return one.runtime._ws not in (None, old)

    await until(is_back)

    # Each time again until both have subscribed by themselves.
    async def both_hear():
        await channels.send(made.id, "again")
        return not any(agent.events.empty() for agent in (one, two))

    await until(both_hear)
    back = await one.runtime.get_status()
    say(
        "back",
        heard=[(await agent.event("channel.message"))["content"] for agent in (one, two)],
        same_session=back.session.session_id == connected.session_id,
    )

    await one.runtime.disconnect()
    left = await two.event("presence.left")
    say("disconnect", left=left["address"], present=[agent.address for agent in await two.runtime.get_presence()])
    await two.runtime.disconnect()


asyncio.run(main())
