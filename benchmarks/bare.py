"""What aiohttp alone reaches: a loop that posts one constant body, so many requests under way.

Run as ``python -m benchmarks.bare REQUESTS BODY_BYTES CONCURRENCY URL``. It reads each answer, and prints one
JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

HEADERS = {"Content-Type": "application/json"}


async def post_all(requests: int, body: bytes, concurrency: int, url: str) -> None:
    """Post ``body`` so often. Raises what aiohttp raises."""
    numbers = iter(range(requests))

    async def worker(session: aiohttp.ClientSession) -> None:
        for _ in numbers:
            async with session.post(url, data=body, headers=HEADERS) as answer:
                answer.raise_for_status()
                await answer.read()

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as workers:
        for _ in range(concurrency):
            workers.create_task(worker(session))


def main() -> None:
    """Post, and say how much it was."""
    requests, size, concurrency = map(int, sys.argv[1:4])
    body = b'{"text":"' + b"x" * (size - len('{"text":""}')) + b'"}'
    asyncio.run(post_all(requests, body, concurrency, sys.argv[4] + "/events?tc_s=1234&token=none"))
    print(json.dumps({"events": requests, "requests": requests, "bytes": requests * len(body)}))


if __name__ == "__main__":
    main()
