"""Janus from its Debian package: a process of its own, driven over its WebSocket API; rooms recorded as .mjr."""

import asyncio
import itertools
import json
import resource
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.media.pipe import Program

_MAIN = """
general: {{ configs_folder = "{home}"  plugins_folder = "/usr/lib/{arch}/janus/plugins"
  transports_folder = "/usr/lib/{arch}/janus/transports"  debug_level = 3  event_loops = 1
  protected_folders = []  log_to_stdout = true }}
media: {{ }}
nat: {{ ice_enforce_list = "{host}"  full_trickle = false  ice_lite = false }}
plugins: {{ disable = "{others}" }}
transports: {{ disable = "{carriers}" }}
"""
_SOCKET = 'general: {{ json = "compact"  ws = true  ws_port = {port}  ws_ip = "127.0.0.1"  wss = false }}\n'


def available() -> bool:
    return shutil.which("janus") is not None and shutil.which("janus-pp-rec") is not None


class Janus:
    """One server and one session; a handle for each of its peer connections."""

    def __init__(self, home: Path, host: str) -> None:
        self.home = home
        (folder,) = Path("/usr/lib").glob("*/janus")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        names = {
            kind: [path.name for path in (folder / kind).glob("*.so")] for kind in ("plugins", "transports")
        }
        text = _MAIN.format(
            home=home,
            arch=folder.parent.name,
            host=host,
            others=",".join(name for name in names["plugins"] if "videoroom" not in name),
            carriers=",".join(name for name in names["transports"] if "websockets" not in name),
        )
        (home / "janus.jcfg").write_text(text)
        (home / "janus.transport.websockets.jcfg").write_text(_SOCKET.format(port=self._port))
        (home / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        self.process = subprocess.Popen(
            ["janus", "-F", str(home), "-o"], stdout=(home / "janus.log").open("w"), stderr=subprocess.STDOUT
        )
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._session = 0

    async def open(self) -> None:
        for _ in range(100):
            try:
                self._socket = await connect(
                    f"ws://127.0.0.1:{self._port}",
                    subprotocols=[Subprotocol("janus-protocol")],
                    max_size=1 << 22,
                )
                break
            except OSError:
                await asyncio.sleep(0.1)
        else:
            raise SystemExit((self.home / "janus.log").read_text()[-2000:])
        self._reading = asyncio.create_task(self._read(self._socket))
        self._session = (await self._ask(janus="create"))["data"]["id"]

    async def _read(self, connection: ClientConnection) -> None:
        async for raw in connection:
            message = json.loads(raw)
            waiting = self._waiting.get(message.get("transaction", ""))
            if waiting is not None and not waiting.done() and message["janus"] != "ack":
                waiting.set_result(message)

    async def _ask(self, **message: Any) -> dict[str, Any]:
        """The answer, or the event that follows an acknowledgement."""
        assert self._socket is not None
        transaction = str(next(self._numbers))
        waiting = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        session = {"session_id": self._session} if self._session else {}
        await self._socket.send(json.dumps({**message, **session, "transaction": transaction}))
        async with asyncio.timeout(30):
            answer: dict[str, Any] = await waiting
        del self._waiting[transaction]
        if answer["janus"] == "error" or "error_code" in answer.get("plugindata", {}).get("data", {}):
            raise SystemExit(f"Janus: {answer}")
        return answer

    async def _handle(self) -> int:
        done = await self._ask(janus="attach", plugin="janus.plugin.videoroom")
        return int(done["data"]["id"])

    async def _say(self, handle: int, body: dict[str, Any], **jsep: Any) -> dict[str, Any]:
        return await self._ask(janus="message", handle_id=handle, body=body, **jsep)

    async def call(self, number: int, load: Program) -> None:
        """Sets one call up, the calls in order: two who publish and see each other, one who watches both. That
        makes five peer connections."""
        room = 1000 + number
        await self._say(
            await self._handle(),
            {
                "request": "create",
                "room": room,
                "publishers": 4,
                "bitrate": 3_000_000,
                "audiocodec": "opus",
                "videocodec": "vp8",
                "record": True,
                "rec_dir": str(self.home),
                "notify_joining": False,
            },
        )
        feeds = [await self._publish(room, number, role, load) for role in (0, 1)]
        await load.ask(connected=5 * number + 2)  # before, they cannot be watched
        for watched in (feeds[:1], feeds[1:], feeds):
            await self._watch(room, number, watched, load)

    async def _publish(self, room: int, call: int, role: int, load: Program) -> int:
        handle = await self._handle()
        joined = await self._say(handle, {"request": "join", "ptype": "publisher", "room": room})
        offer = (await load.ask(publish=role, call=call))["offer"]
        answer = await self._say(
            handle,
            {"request": "configure", "audio": True, "video": True},
            jsep={"type": "offer", "sdp": offer},
        )
        await load.ask(answered=answer["jsep"]["sdp"], call=call, role=role)
        return int(joined["plugindata"]["data"]["id"])

    async def _watch(self, room: int, call: int, feeds: list[int], load: Program) -> None:
        handle = await self._handle()
        body = {
            "request": "join",
            "ptype": "subscriber",
            "room": room,
            "streams": [{"feed": feed} for feed in feeds],
        }
        offer = (await self._say(handle, body))["jsep"]["sdp"]
        # A peer connection that only takes sends nothing but reports, whoever it belongs to.
        answer = (await load.ask(offer=offer, call=call, role=2))["answer"]
        await self._say(handle, {"request": "start"}, jsep={"type": "answer", "sdp": answer})

    async def close(self, rooms: int) -> None:
        """Ends the rooms, so that the files are closed, and the server."""
        handle = await self._handle()
        for number in range(rooms):
            await self._say(handle, {"request": "destroy", "room": 1000 + number})
        await asyncio.sleep(1)
        assert self._socket is not None
        assert self._reading is not None
        self._reading.cancel()
        await self._socket.close()
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, 20)

    def finish(self) -> tuple[float, list[str]]:
        """CPU seconds of making playable files of what was recorded, and the files."""
        made = []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for raw in sorted(self.home.glob("*.mjr")):
            out = raw.with_suffix(".webm" if "video" in raw.name else ".opus")
            done = subprocess.run(["janus-pp-rec", raw, out], capture_output=True, check=False)
            if done.returncode == 0:
                made.append(str(out))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, made
