"""Programs of their own that talk to a server: by a connection per request, or better."""
import ipaddress
import os
import subprocess
import sys

import harness

# In a namespace that the test makes; but times are those of a destination in whichever namespace, as other tests may
# have it, so the address is of this process alone.
ADDRESS = str(ipaddress.IPv4Address("127.0.0.0") + os.getpid())
PORT = 5000

SERVER = """
import asyncio

async def answer(reader, writer):
    while (data := await reader.read(1)) not in (b"", b"q"):
        writer.write(data)
        await writer.drain()
    writer.close()

async def serve():
    server = await asyncio.start_server(answer, "ADDRESS", PORT, backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(serve())
"""

CLIENT = """
import ctypes, errno, socket, sys, threading, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode())
kept, counts, stopped = [], [0, 0], threading.Event()
lives = [float("inf"), 0]

def ask(sock, what=b"x"):
    sock.sendall(what)
    return sock.recv(1)

def connected():
    sock = socket.socket()
    error = sock.connect_ex(("ADDRESS", PORT))
    counts[error != 0] += 1
    if error == 0:
        return sock
    sock.close()
    if error != errno.EADDRNOTAVAIL:
        raise OSError(error, "connect")

def request(pause=0):
    calling = time.monotonic()
    sock = connected()
    opened = time.monotonic()
    if sock:
        ask(sock)
    time.sleep(pause)
    closing = time.monotonic()
    if sock:
        sock.close()
        lives[:] = min(lives[0], closing - opened), max(lives[1], time.monotonic() - calling)

def run(pause):
    while not stopped.is_set():
        request(pause)

def do(command, number):
    if command == "request":
        for _ in range(int(number)):
            request()
    elif command == "keep":
        kept.extend(connected() for _ in range(int(number)))
    elif command == "leak":
        for _ in range(int(number)):
            kept.append(connected())
            ask(kept[-1], b"q")
    elif command == "reuse":
        for _ in range(int(number)):
            ask(kept[0])
    elif command == "run":
        counts[:] = 0, 0
        lives[:] = float("inf"), 0
        global since, thread
        since, thread = time.monotonic(), threading.Thread(target=run, args=(float(number),))
        thread.start()
    elif command == "stop":
        stopped.set()
        thread.join()
        return time.monotonic() - since
    return 0

for line in sys.stdin:
    seconds = do(*line.split())
    print(*counts, seconds, *lives, flush=True)
"""


def _start(namespace, program, *arguments):
    program = program.replace("ADDRESS", ADDRESS).replace("PORT", str(PORT))
    return subprocess.Popen([sys.executable, "-c", program, *arguments],
                            preexec_fn=namespace.join, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class Server:
    def __init__(self, namespace):
        self.child = _start(namespace, SERVER)
        if self.child.stdout.readline() != "ready\n":
            raise AssertionError("the server gave up")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.terminate()
        self.child.communicate(timeout=harness.LIMIT)


class Client:
    """One that calls itself `name`, and counts what it does."""

    def __init__(self, namespace, name):
        self.name, self.opened, self.refused, self.seconds = name, 0, 0, 0.0
        self.shortest_life = self.longest_life = None  # seconds; of those that were not kept
        self.child = _start(namespace, CLIENT, name)

    def _do(self, command, number=0):
        self.child.stdin.write(f"{command} {number}\n")
        self.child.stdin.flush()
        answer = map(float, self.child.stdout.readline().split())
        opened, refused, self.seconds, self.shortest_life, self.longest_life = answer
        self.opened, self.refused = int(opened), int(refused)

    def request(self, number):
        """So many requests, each by a connection of its own."""
        self._do("request", number)

    def keep(self, number):
        """So many connections that stay open."""
        self._do("keep", number)

    def leak(self, number):
        """So many connections that the server closes, and the client does not."""
        self._do("leak", number)

    def reuse(self, number):
        """So many requests by the first connection that was kept."""
        self._do("reuse", number)

    def run(self, seconds):
        """Requests without end, by connections that live so long; counts from now on."""
        self._do("run", seconds)

    def stop(self):
        self._do("stop")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.communicate(timeout=harness.LIMIT)
