"""Walks through the five tools with the Python SDK, 1.x or 2.x, and prints one JSON object for each way to confirm.

usage: client.py PORTUS WORKTREE WAY..., where WAY is `argument`, `elicitation` or `input-required`
"""
import asyncio
import contextlib
import json
import os
import subprocess
import sys

from mcp import StdioServerParameters

try:
    from mcp import Client  # 2.x
except ImportError:
    Client = None

from mcp import types

HERE = os.path.dirname(os.path.abspath(__file__))


class Walk:
    def __init__(self, portus, worktree, way):
        self.worktree, self.way, self.asked = worktree, way, []
        self.server = StdioServerParameters(command=portus, args=["mcp"], cwd=worktree, env=dict(os.environ))

    async def answer(self, context, params):
        self.asked.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    @contextlib.asynccontextmanager
    async def session(self):
        callback = None if self.way == "argument" else self.answer
        if Client:
            mode = "legacy" if self.way == "elicitation" else "2026-07-28"
            async with Client(self.server, mode=mode, elicitation_callback=callback) as client:
                yield client
        else:
            from mcp import ClientSession
            from mcp.client.stdio import stdio_client

            async with stdio_client(self.server) as (read, write):
                async with ClientSession(read, write, elicitation_callback=callback) as client:
                    await client.initialize()
                    yield client

    async def go(self):
        async with self.session() as client:
            async def call(tool, **arguments):
                result = await client.call_tool(tool, arguments)
                plain = result.model_dump(by_alias=True, mode="json")
                text = "".join(block["text"] for block in plain["content"])
                return {"text": text, "structured": plain.get("structuredContent"), "error": bool(plain.get("isError"))}

            said = {"way": self.way}
            said["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            said["requested"] = await call("request_port", service="web")
            port = said["requested"]["structured"]["leases"][0]["port"]
            said["pending"] = await call("check_port", service="web")
            server = subprocess.Popen(
                [sys.executable, os.path.join(HERE, "server.py"), str(port)],
                cwd=self.worktree, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            assert server.stdout.readline(), "the server did not start"
            said["pid"] = server.pid
            said["up"] = await call("check_port", service="web")
            said["listed"] = await call("list_ports", listeners=True)
            said["error"] = await call("request_port", prefered=1)
            if self.way == "argument":
                said["refused"] = await call("free_port", service="web")
                said["freed"] = await call("free_port", service="web", confirm=True)
            else:
                said["freed"] = await call("free_port", service="web")
            said["ended"] = server.wait()
            said["asked"] = self.asked
            said["again"] = await call("request_port", service="web")
            said["released"] = await call("release_port", service="web")
            print(json.dumps(said), flush=True)


async def main():
    portus, worktree, *ways = sys.argv[1:]
    for way in ways:
        await Walk(portus, worktree, way).go()


asyncio.run(main())
