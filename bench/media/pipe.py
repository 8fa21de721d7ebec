"""Programs of the bench that are talked to in JSON lines."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any


class Program:
    """A process that answers each line with one."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> "Program":
        command = [sys.executable, "-m", module, *arguments]
        return cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 22))

    async def ask(self, **message: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        async with asyncio.timeout(120):
            line = await self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a program of the bench ended at {message!s:.80}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self) -> None:
        if self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                async with asyncio.timeout(20):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
