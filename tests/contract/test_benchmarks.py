"""The benchmarks run: each scenario with few rows, to a file that the command can print as Markdown."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.servers import python_server, serving

ROOT = Path(__file__).parents[2]

HEAD = b"POST /events/batch?tc_s=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def measured(folder: Path, scenario: str, rows: int = 40) -> None:
    options = ["--rows", str(rows), "--rounds", "1", "--server", "python", "--cache", str(folder)]
    out = run(scenario, *options, "--json", str(folder / "out.json"))
    comparisons = json.loads((folder / "out.json").read_text())["comparisons"]
    assert comparisons
    for comparison in comparisons:
        assert comparison["scenario"] == scenario
        assert all(sample["figure"] > 0 for sample in comparison["rounds"][0].values())
        assert comparison["title"] in out
    assert run("--render", str(folder / "out.json")).count("\n### ") == len(comparisons)


def test_a_scenario_sends_what_it_says_and_can_be_printed(tmp_path: Path) -> None:
    measured(tmp_path, "csv")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["parquet", "single", "validate", "lines", "startup", "memory", "growth"])
def test_every_scenario_runs(tmp_path: Path, request: pytest.FixtureRequest, scenario: str) -> None:
    if "slow" not in request.config.getoption("-m"):
        pytest.skip("pytest -m slow")
    measured(tmp_path, scenario, rows=1000 if scenario == "single" else 40)


@pytest.mark.parametrize("name", ["nginx", "python"])
def test_a_server_answers_when_it_has_the_whole_body_and_counts_it(name: str) -> None:
    if name == "nginx" and shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    with serving(name) as server, socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as one:
        for _ in range(2):
            one.sendall(HEAD + b"x" * 1000)
            one.settimeout(0.2)
            with pytest.raises(TimeoutError):
                one.recv(1)
            one.settimeout(10)
            one.sendall(b"x" * 399_000)
            answer = one.recv(10_000)
            assert (answer[:15], answer[-6:]) == (b"HTTP/1.1 200 OK", b"\r\n\r\n{}")
    assert (server.arrivals.requests, server.arrivals.bytes) == (2, 800_000)
    assert server.arrivals.first > 1_700_000_000
    assert server.cpu_seconds > 0


def test_our_own_server_keeps_bodies_and_counts_events(tmp_path: Path) -> None:
    with (
        python_server(keep=tmp_path / "kept", marker="event", answer='{"a": 1}') as server,
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as one,
    ):
        one.sendall(b"POST / HTTP/1.1\r\ncontent-length: 11\r\n\r\nevent,event")
        assert one.recv(10_000).endswith(b'\r\n\r\n{"a": 1}')
    assert server.arrivals.marked == 2
    assert (tmp_path / "kept").read_bytes() == b"event,event\n"
