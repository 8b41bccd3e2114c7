#!/usr/bin/env python3
"""Shows that nobody who reads the journal holds up the gateway: python3 bench/journal.py target/release/platools-gateway

Fills a journal with five million calls, and asks for every list that a viewer can ask for, by several viewers at once, while other callers
call a tool. Fails if a list takes more than two seconds until it is answered or refused, if the 99th percentile of the calls more than
doubles, or if a sign of life for systemd is missed. Needs Linux, Python 3.9 and 5 GB of disk, and nothing from any registry.
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import random
import shutil
import socket
import sqlite3
import struct
import tempfile
import time

WATCHDOG_SECONDS = 2.0
LIMIT_SECONDS = 2.0
CALLERS = 4
PAUSE_SECONDS = 0.02

FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO calls (call_id, project_id, started_ms, stored_bytes, tool, entity_id, entity, environment_id, environment, credential, role,
    agent_id, user_id, outcome, total_ms, worker_ms, arguments_bytes, result_bytes, arguments_state, result_state, arguments, result)
SELECT 'call_' || lower(hex(randomblob(16))), p.id, :now - (:rows - i) * 300, 1400,
    CASE WHEN i % 1000003 = 0 THEN 'rare' ELSE 'tool_' || (i % 40) END,
    'ent_' || (i % 20), 'entity-' || (i % 20), 'env_' || (i % 3), 'environment', 'key_1', 'operator',
    CASE WHEN i % 2 THEN 'agt_' || (i % 50) END, 'u-' || (i * 7919 % 20000),
    CASE WHEN i % 33 THEN 'ok' ELSE 'tool_failed' END, i % 500, i % 400, 180, 180, 'kept', 'kept',
    '{"order_id":"ord-' || i || '","note":"' || hex(zeroblob(70)) || '"}', '{"status":"shipped","text":"' || hex(zeroblob(70)) || '"}'
FROM n, projects p
"""


class Gateway:
    """The program, and systemd's end of the socket over which it says that it is alive."""

    def __init__(self, program, data):
        self.program, self.data = program, data
        self.signs = []

    async def start(self):
        path = os.path.join(self.data, "notify")
        if os.path.exists(path):
            os.remove(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.notify.setblocking(False)
        environment = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC=str(int(WATCHDOG_SECONDS * 1e6)))
        arguments = ["serve", "--data", self.data, "--listen", "127.0.0.1:0", "--journal-max-size", "100GiB", "--journal-max-age", "3650d"]
        for limit in ("--key-calls-per-second", "--address-requests-per-second"):
            if limit in await help_of(self.program):
                arguments += [limit, "100000"]
        log = open(os.path.join(self.data, "log"), "ab")
        self.process = await asyncio.create_subprocess_exec(self.program, *arguments, env=environment, stdout=-1, stderr=log)
        self.key = None
        while True:
            line = (await self.process.stdout.readline()).decode().strip()
            if line.startswith("admin key"):
                self.key = line.split()[-1]
            if line.startswith("listening on "):
                host, port = line.split("//")[1].split(":")
                self.address = (host, int(port))
                break
            assert self.process.returncode is None, "see the log"
        self.watch = asyncio.create_task(self.watch_signs())

    async def watch_signs(self):
        loop = asyncio.get_running_loop()
        while True:
            if b"WATCHDOG=1" in await loop.sock_recv(self.notify, 256):
                self.signs.append(time.monotonic())

    async def stop(self):
        self.watch.cancel()
        self.process.terminate()
        await self.process.wait()
        self.notify.close()


async def help_of(program):
    process = await asyncio.create_subprocess_exec(program, "serve", "--help", stdout=-1)
    return (await process.communicate())[0].decode()


class Http:
    """One connection that is kept."""

    def __init__(self, address, key):
        self.address, self.key, self.reader = address, key, None

    async def ask(self, method, path, body=None, headers=()):
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address, limit=1 << 24)
        text = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.address[0]}:{self.address[1]}", f"Authorization: Bearer {self.key}"]
        head += [f"Content-Length: {len(text)}", *headers, "", ""]
        self.writer.write("\r\n".join(head).encode() + text)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.writer.close()
            self.reader = None
        return int(head[0].split()[1]), headers, body


async def serve_tool(address, secret):
    """A worker with one tool, which returns its argument."""
    reader, writer = await asyncio.open_connection(*address, limit=1 << 24)
    nonce = base64.b64encode(os.urandom(16)).decode()
    writer.write((f"GET /ws/sdk HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAuthorization: Bearer {secret}\r\nUpgrade: websocket\r\n"
                  f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n").encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")

    def send(opcode, payload):
        length = len(payload)
        head = bytes([0x80 | opcode]) + (bytes([0x80 | length]) if length < 126 else bytes([0xFE]) + struct.pack(">H", length))
        writer.write(head + b"\0\0\0\0" + payload)

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    tool = {"name": "echo", "description": "Return n.", "input_schema": schema, "output_schema": None, "auth": "none", "roles": [],
            "annotations": {}}
    send(1, json.dumps({"type": "tool_register", "tools": [tool]}).encode())
    beat = time.monotonic()
    while True:
        first, length = await reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack(">H", await reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await reader.readexactly(8))
        payload = await reader.readexactly(length)
        if first & 0xF == 9:
            send(10, payload)
        if first & 0xF == 8:
            return
        if first & 0xF == 1:
            frame = json.loads(payload)
            if frame["type"] == "tool_call":
                reply = {"type": "tool_result", "call_id": frame["call_id"], "result": frame["params"]["n"], "latency_ms": 0}
                send(1, json.dumps(reply).encode())
        if time.monotonic() - beat > 10:
            beat = time.monotonic()
            send(1, b'{"type":"heartbeat","tools_health":{}}')


async def call(gateway, until, is_named, latencies):
    http, number = Http(gateway.address, gateway.key), 0
    while time.monotonic() < until:
        number += 1
        headers = [f"Idempotency-Key: {id(http)}-{number}"] if is_named else []
        begun = time.monotonic()
        status, _, body = await http.ask("POST", "/v1/tools/echo/call", {"arguments": {"n": number}}, headers)
        latencies.append(time.monotonic() - begun)
        assert status == 200, body
        await asyncio.sleep(PAUSE_SECONDS)


def lists(now):
    """Every combination of what a list of calls can be narrowed by."""
    def day(days):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - days * 86400))
    parts = {
        "tool": ["rare", "tool_7", "none"],
        "entityId": ["ent_7"],
        "environmentId": ["env_1"],
        "agentId": ["agt_7"],
        "userId": ["u-7", "nobody"],
        "outcome": ["ok", "tool_failed", "none"],
        "since": [day(3)],
        "until": [day(9)],
        "limit": ["1000"],
    }
    choices = [[None, *(f"{name}={value}" for value in values)] for name, values in parts.items()]
    for chosen in itertools.product(*choices):
        yield "/v1/calls?" + "&".join(part for part in chosen if part)


async def view(gateway, key, paths, until, seen):
    http = Http(gateway.address, key)
    for path in itertools.cycle(paths):
        if time.monotonic() >= until:
            return
        begun = time.monotonic()
        status, headers, body = await http.ask("GET", path)
        seen.append((time.monotonic() - begun, status, path))
        assert status in (200, 429, 503), (status, path, body[:300])
        if status != 200:
            assert "retry-after" in headers, (status, headers)
            await asyncio.sleep(0.05)


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def fill(data, rows):
    database = sqlite3.connect(os.path.join(data, "gateway.sqlite"))
    # Without a log of what is written, which would take as much room again.
    database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
    with database:
        database.execute(FILL, {"rows": rows, "now": int(time.time() * 1000)})
        database.execute("UPDATE journal_size SET bytes = (SELECT SUM(stored_bytes) FROM calls)")
    database.close()


async def measure(options, data):
    credentials = os.path.join(data, "credentials")
    if not os.path.exists(credentials):
        gateway = Gateway(options.gateway, data)
        await gateway.start()
        admin = Http(gateway.address, gateway.key)
        secret = json.loads((await admin.ask("POST", "/v1/entities", {"slug": "bench"}))[2])["secret"]
        viewer = json.loads((await admin.ask("POST", "/v1/keys", {"role": "viewer"}))[2])["secret"]
        await gateway.stop()
        begun = time.monotonic()
        fill(data, options.rows)
        print(f"written in {time.monotonic() - begun:.0f} s")
        with open(credentials, "w") as file:
            json.dump([gateway.key, secret, viewer], file)
    with open(credentials) as file:
        key, secret, viewer = json.load(file)
    print(f"{options.rows} calls, {os.path.getsize(os.path.join(data, 'gateway.sqlite')) >> 20} MiB")

    gateway = Gateway(options.gateway, data)
    await gateway.start()
    gateway.key = key
    worker = asyncio.create_task(serve_tool(gateway.address, secret))
    await asyncio.sleep(1)
    paths = list(dict.fromkeys(lists(time.time())))
    random.Random(1).shuffle(paths)
    figures = {viewers: ([], [], []) for viewers in (0, options.viewers)}
    # In turns, because what else the machine does changes while this runs.
    for turn in range(options.turns):
        for viewers, (plain, named, seen) in figures.items():
            until = time.monotonic() + options.seconds
            tasks = [call(gateway, until, False, plain) for _ in range(CALLERS)]
            tasks += [call(gateway, until, True, named) for _ in range(CALLERS)]
            start = len(seen)
            shares = [(paths[start:] + paths[:start])[number::viewers] for number in range(viewers)]
            await asyncio.gather(*tasks, *(view(gateway, viewer, share, until, seen) for share in shares))
    ok, results = True, {}
    for viewers, (plain, named, seen) in figures.items():
        results[viewers] = (percentile(plain, 0.99), percentile(named, 0.99))
        for kind, latencies in (("calls", plain), ("named calls", named)):
            print(f"{viewers:3} viewers: {len(latencies)} {kind}, p50 {percentile(latencies, 0.5) * 1e3:.1f} ms, "
                  f"p99 {percentile(latencies, 0.99) * 1e3:.1f} ms")
        if seen:
            took, refused = [one[0] for one in seen], sum(one[1] != 200 for one in seen)
            different = len({one[2] for one in seen if one[1] == 200})
            print(f"{viewers:3} viewers: {len(seen)} lists, {refused} refused; {different} of {len(paths)} different ones answered; "
                  f"p50 {percentile(took, 0.5) * 1e3:.0f} ms, p99 {percentile(took, 0.99) * 1e3:.0f} ms, longest {max(took) * 1e3:.0f} ms")
            for slow in sorted(seen, reverse=True)[:3]:
                print(f"    {slow[0] * 1e3:.0f} ms, {slow[1]}: {slow[2]}")
            ok &= max(took) <= LIMIT_SECONDS
    gaps = [later - sooner for sooner, later in zip(gateway.signs, gateway.signs[1:])]
    print(f"signs of life: {len(gateway.signs)}, longest gap {max(gaps):.2f} s of {WATCHDOG_SECONDS} s")
    ok &= max(gaps) < WATCHDOG_SECONDS
    for kind, before, after in zip(("calls", "named calls"), *results.values()):
        print(f"p99 of {kind}: {after / before:.2f} times that without viewers")
        ok &= after <= 2 * before
    worker.cancel()
    await gateway.stop()
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("gateway", help="the program platools-gateway, in release mode")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--turns", type=int, default=6, help="with viewers and without, in turns")
    parser.add_argument("--seconds", type=float, default=15, help="for each turn with, and each without")
    parser.add_argument("--viewers", type=int, default=8)
    parser.add_argument("--keep", metavar="FOLDER", help="keep the data here, and take what an earlier run has left")
    options = parser.parse_args()
    data = options.keep or tempfile.mkdtemp(prefix="journal-")
    os.makedirs(data, exist_ok=True)
    try:
        ok = asyncio.run(measure(options, data))
    finally:
        if not options.keep:
            shutil.rmtree(data)
    raise SystemExit(0 if ok else 1)


main()
