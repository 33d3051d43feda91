"""A second WebSocket server and client that nobody here wrote: the Debian package python3-websockets.

  websocket.py serve                         as websocket.mjs: echoes, and understands the same words
  websocket.py suite URL ADDRESS CA COOKIE   a client that tries all of that; prints `ok WHAT`, fails at the first wrong thing
"""

import asyncio
import os
import ssl
import sys
import urllib.parse

import websockets

LAST = 0


async def serve():
    async def talk(socket):
        global LAST
        try:
            async for message in socket:
                command, *words = message.split(" ") if isinstance(message, str) and len(message) < 200 else [""]
                if command == "!ping":
                    await (await socket.ping(b"are you there"))
                    await socket.send("ponged")
                elif command == "!close":
                    await socket.close(int(words[0]), " ".join(words[1:]))
                elif command == "!die":
                    socket.transport.abort()
                elif command == "!fragments":
                    await socket.send([f"{number};" for number in range(int(words[0]))])
                elif command == "!deflate":
                    await socket.send("deflate" if socket.extensions else "plain")
                elif command == "!last":
                    await socket.send(str(LAST))
                else:
                    await socket.send(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            await socket.wait_closed()
            LAST = socket.close_code

    async with websockets.serve(talk, "127.0.0.1", 0, max_size=None, compression="deflate") as server:
        print(f"PORT={server.sockets[0].getsockname()[1]}", flush=True)
        # Ends with its standard input.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)


def same(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: {found[:100]!r}")
    print(f"ok {what}", flush=True)


async def suite(url, address, ca, cookie):
    context = ssl.create_default_context(cafile=ca)
    place = urllib.parse.urlsplit(url)
    where = {"host": address, "port": place.port, "ssl": context, "server_hostname": place.hostname}

    def opened(compression=None):
        return websockets.connect(
            url, extra_headers={"Cookie": cookie}, max_size=None, compression=compression, **where
        )

    async def ask(socket, message):
        await socket.send(message)
        return await asyncio.wait_for(socket.recv(), 20)

    for compression in (None, "deflate"):
        async with opened(compression) as socket:
            same(await ask(socket, "!deflate"), compression or "plain", "what was agreed on")
            for size in (0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20):
                sent = b"frame" * (size // 5) if size > 1 << 20 else os.urandom(size)
                same(await ask(socket, sent), sent, f"{size} bytes, {compression}")
            pieces = ["one", "zw\u00f6lf", "", "x" * 70000]
            same(await ask(socket, pieces), "".join(pieces), "fragments up")
            same(await ask(socket, "!fragments 5"), "0;1;2;3;4;", "fragments down")

            async def around():
                yield "before "
                await asyncio.wait_for(await socket.ping(b"between"), 20)
                yield "after"

            same(await ask(socket, around()), "before after", "fragments around a ping")
            same(await ask(socket, "!ping"), "ponged", "ping down")
            await socket.close(4321, "that is all")
            same((socket.close_code, socket.close_reason), (4321, "that is all"), "close up")
    async with opened() as socket:
        same(await ask(socket, "!last"), "4321", "the code arrived")
        await socket.send("!close 4001 go away")
        await asyncio.wait_for(socket.wait_closed(), 20)
        same((socket.close_code, socket.close_reason), (4001, "go away"), "close down")
    async with opened() as socket:
        await socket.send("!die")
        await asyncio.wait_for(socket.wait_closed(), 20)
        same(socket.close_code, 1006, "a server that dies")
    dying = await opened()
    dying.transport.abort()
    async with opened() as socket:
        for _ in range(50):
            last = await ask(socket, "!last")
            if last == "1006":
                break
            await asyncio.sleep(0.02)
        same(last, "1006", "a client that dies")


if sys.argv[1:] == ["serve"]:
    asyncio.run(serve())
elif sys.argv[1:2] == ["suite"] and len(sys.argv) == 6:
    asyncio.run(suite(*sys.argv[2:]))
else:
    sys.exit(__doc__)
