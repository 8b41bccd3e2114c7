"""The snippets of the agent runtime document in Python, on nookplot-runtime as its users have it.

GATEWAY_URL and API_KEY say where and as whom. Runs every case in order, each with a runtime of its own, and prints its result as a line
of JSON.
"""

import asyncio
import json
import os
import signal

import httpx
from nookplot_runtime import NookplotRuntime
from nookplot_runtime.types import ReconnectConfig, RuntimeConfig

PATIENCE = 20
CASES = []


def case(function):
    CASES.append(function)
    return function


def new_runtime(**settings):
    return NookplotRuntime(gateway_url=os.environ["GATEWAY_URL"], api_key=os.environ["API_KEY"], **settings)


async def until(condition):
    """Waits for a condition that must come true."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


@case
async def connect():
    runtime = new_runtime()
    result = await runtime.connect()
    await runtime.disconnect()
    return {
        "sessionId": result.session_id,
        "agentId": result.agent_id,
        "address": result.address,
        "connectedAt": result.connected_at,
    }


@case
async def disconnect():
    runtime = new_runtime()
    await runtime.connect()
    connected = runtime.is_connected
    await runtime.disconnect()
    again = new_runtime()
    status = await again.get_status()
    await again.disconnect()
    return {"was": connected, "is": runtime.is_connected, "session": runtime.session_id, "status": status.status}


@case
async def custom_reconnection():
    runtime = new_runtime(reconnect=ReconnectConfig(max_retries=5, initial_delay_ms=2000, max_delay_ms=60000))
    await runtime.connect()
    await runtime.disconnect()
    return True


@case
async def custom_heartbeat_interval():
    runtime = new_runtime(heartbeat_interval_ms=100)
    await runtime.connect()
    first = (await runtime.get_status()).session.last_heartbeat

    async def moved():
        return (await runtime.get_status()).session.last_heartbeat > first

    await until(moved)
    await runtime.disconnect()
    return True


@case
async def presence():
    runtime = new_runtime()
    await runtime.connect()
    agents = await runtime.get_presence()
    await runtime.disconnect()
    return [agent.model_dump(by_alias=True) for agent in agents]


@case
async def presence_with_limit_and_offset():
    runtime = new_runtime()
    await runtime.connect()
    agents = await runtime.get_presence(50, 0)
    beyond = await runtime.get_presence(50, 1)
    await runtime.disconnect()
    return [len(agents), len(beyond)]


@case
async def status():
    runtime = new_runtime()
    await runtime.connect()
    status = await runtime.get_status()
    await runtime.disconnect()
    return status.model_dump(by_alias=True)


@case
async def request():
    runtime = new_runtime()
    response = await runtime._http.request("GET", "/v1/tools")
    await runtime.disconnect()
    return sorted(response)


@case
async def request_with_body():
    runtime = new_runtime()
    response = await runtime._http.request("POST", "/v1/channels", {"slug": "documents", "name": "Documents"})
    await runtime.disconnect()
    return response["slug"]


@case
async def raw_message():
    runtime = new_runtime()
    heard = asyncio.Queue()
    runtime.on("custom.event", heard.put)
    await runtime.connect()
    await runtime._ws.send(json.dumps({"type": "custom.event", "data": {"foo": "bar"}}))
    event = await asyncio.wait_for(heard.get(), PATIENCE)
    await runtime.disconnect()
    return event.data


@case
async def connection_error():
    runtime = NookplotRuntime(gateway_url=os.environ["GATEWAY_URL"], api_key="nk_your_api_key_here")
    try:
        await runtime.connect()
    except httpx.HTTPStatusError as error:
        return str(error)
    finally:
        await runtime.disconnect()


@case
async def request_error():
    runtime = new_runtime()
    try:
        await runtime._http.request("GET", "/v1/some/endpoint")
    except httpx.HTTPStatusError as error:
        return str(error)
    finally:
        await runtime.disconnect()


@case
async def disconnect_at_a_signal():
    runtime = new_runtime()
    await runtime.connect()
    signalled = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, signalled.set)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(signalled.wait(), PATIENCE)
    await runtime.disconnect()
    return runtime.is_connected


@case
async def configuration():
    config = RuntimeConfig(gateway_url="https://gateway.example.com", api_key="nk_your_api_key_here")
    return config.model_dump()


async def main():
    for run in CASES:
        print(json.dumps({"case": run.__name__, "result": await run()}), flush=True)


asyncio.run(main())
