#!/usr/bin/env python3
"""A server or a client of Debian's python3-websockets that counts for itself, and prints that at its end:
websocket_library.py server PORT | client PORT CONNECTIONS MESSAGES [COMPRESSION]. With CERTIFICATE in the environment, the
path of a certificate and its key, they talk TLS."""
import asyncio
import collections
import contextlib
import json
import os
import random
import signal
import ssl
import sys

sys.path.append("/usr/lib/python3/dist-packages")
import websockets  # noqa: E402, of Debian's own Python
from websockets.extensions.permessage_deflate import PerMessageDeflate  # noqa: E402

CERTIFICATE = os.environ.get("CERTIFICATE")
sent = collections.Counter()
size = compressed = 0
encode = PerMessageDeflate.encode


def encode_and_note(self, frame):
    global compressed
    frame = encode(self, frame)
    compressed += len(frame.data) if frame.rsv1 else 0
    return frame


PerMessageDeflate.encode = encode_and_note


def note(message):
    global size
    sent["text" if isinstance(message, str) else "binary"] += 1
    size += len(message.encode() if isinstance(message, str) else message)


async def echo(connection):
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in connection:
            await connection.send(message)
            note(message)


def context(is_server):
    if not CERTIFICATE:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    if is_server:
        made.load_cert_chain(CERTIFICATE)
    else:
        made.load_verify_locations(CERTIFICATE)
    return made


async def serve(port):
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with websockets.serve(echo, "127.0.0.1", port, ping_interval=None, max_size=None, ssl=context(True)):
        print("ready", flush=True)
        await stop


async def talk(port, messages, compression, seed):
    generator = random.Random(seed)
    how = {"ssl": context(False), "server_hostname": "localhost"} if CERTIFICATE else {}
    uri = f"{'wss' if CERTIFICATE else 'ws'}://127.0.0.1:{port}/"
    async with websockets.connect(uri, ping_interval=None, max_size=None, compression=compression, **how) as connection:
        for _ in range(messages):
            data = generator.randbytes(generator.choice((0, 5, 125, 126, 1000, 65535, 65536, 200000)))
            message = data.hex() if generator.random() < 0.5 else data
            await connection.send(message)
            note(message)
            if await connection.recv() != message:
                raise AssertionError("not the same")
            await (await connection.ping())
            sent["ping"] += 1
        await connection.close(code=generator.choice((1000, 1001, 3999, 4000)))


async def main(role, port, connections=0, messages=0, compression=None):
    if role == "server":
        await serve(int(port))
    else:
        await asyncio.gather(*(talk(int(port), int(messages), compression, i) for i in range(int(connections))))
    print(json.dumps({"sent": sent, "bytes": compressed or size}), flush=True)


asyncio.run(main(*sys.argv[1:]))
