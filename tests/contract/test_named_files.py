"""The file that is named is read and no other, whatever it is called or is; what is written is for its owner alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rude import http, rude_server
from secret_watch import SOURCE_KEY

import importer
from importer.cli import main
from importer.cli.console import set_up_logging

if TYPE_CHECKING:
    from importer.report import Snapshot

HEADER = "order_id,total,customer\n"
MAPPING = """\
version: 1
event: purchase
key: order_id
fields: {id: order_id, value: total, user.id: customer, context.event_timestamp: {value: 1704164645000}}
"""
Command = Callable[..., tuple[int, dict[str, Any], str]]
pytestmark = pytest.mark.timeout(60)  # what waits for a FIFO waits for ever


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, two folders below that of the test."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    return below


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001 -- is there first
    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        set_up_logging()
        monkeypatch.setattr("sys.argv", ["importer", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), json.loads(out) if out.startswith("{") else {}, err

    return call


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with rude_server(lambda _: http(200)) as url:
        yield url


def _export(path: str, rows: int, bad: int = 0) -> str:
    lines = [f"{path}-{number},1,c\n" for number in range(rows)] + [f"x{number},bad,c\n" for number in range(bad)]
    Path(path).write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


# Sources


@pytest.mark.parametrize(
    "name",
    ["../../x.csv", "data[1].csv", "-rf.csv", "*.csv", "a?.csv", "~.csv", "$HOME.csv", "a b;c.csv", "file:x.csv"],
)
def test_the_file_that_is_named_is_read_and_no_other(command: Command, name: str) -> None:
    for other in ("data1.csv", "x.csv", "ab.csv", "rf.csv"):
        _export(other, 50)
    _export(name, 3)
    for more in ([], ["--limit", "9"]):
        code, report, err = command("validate", "--json", *more, "--", "m.yaml", name)
        assert (code, report["rows"]["read"]) == (0, 3), err
    code, _, err = command("explain", "--json", "--", "m.yaml", f"{name}:3")
    assert (code, err) == (0, err)


def test_a_name_that_begins_with_a_dash_is_no_option_and_a_dash_alone_is_not_built_yet(command: Command) -> None:
    _export("-rf.csv", 3)
    assert command("validate", "m.yaml", "-rf.csv")[0] == 2
    code, report, _ = command("validate", "--json", "m.yaml", "./-rf.csv")
    assert (code, report["rows"]["read"]) == (0, 3)
    assert command("validate", "m.yaml", "-")[0] == 2


def _fifo(name: str) -> str:
    os.mkfifo(name)
    return name


def _directory(name: str) -> str:
    Path(name).mkdir()
    return name


def _loop(name: str) -> str:
    Path(name).symlink_to(name)
    return name


ODD = {
    "fifo": lambda: _fifo("odd.csv"),
    "zeros": lambda: "/dev/zero",
    "nothing": lambda: "/dev/null",
    "folder": lambda: _directory("odd.csv"),
    "loop": lambda: _loop("odd.csv"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_refused_at_once_wherever_it_is_named(command: Command, kind: str, server: str) -> None:
    odd, good = ODD[kind](), _export("good.csv", 3)
    Path("looks-up.yaml").write_text(
        MAPPING.replace("value: total", f"product.name: {{lookup: {{file: {odd}, on: customer, take: total}}}}")
    )
    place = ["--site", "7", "--url", server, "--yes"]
    calls = {
        (4,): [["validate", "m.yaml", odd], ["preview", "m.yaml", odd], ["init", odd]],
        (2, 4): [["validate", odd, good], ["validate", "looks-up.yaml", good], ["retry", "m.yaml", odd, *place[:4]]],
        (2,): [["run", "m.yaml", good, *place, "--rejects", odd]],
    }
    if kind != "fifo":  # that may well bring a key or a certificate, and is waited for
        calls[2,] += [["run", "m.yaml", good, *place, "--source-key-file", odd]]
        calls[2,] += [["run", "m.yaml", good, *place[:2], "--url", "https://127.0.0.1:9", "--ca-file", odd, "--yes"]]
    for codes, arguments in ((codes, one) for codes, each in calls.items() for one in each):
        code, _, err = command(*arguments)
        assert (code in codes, "This is a bug" in err) == (True, False), (arguments, code, err)
    assert not list(Path(".importer").glob("*.ndjson"))


def test_the_key_may_come_through_a_pipe(command: Command, server: str) -> None:
    """As in ``--source-key-file <(pass show key)``."""
    reader, writer = os.pipe()
    os.write(writer, f"{SOURCE_KEY}\n".encode())
    os.close(writer)
    good = _export("good.csv", 3)
    options = ["--site", "7", "--url", server, "--yes", "--json", "--source-key-file", f"/dev/fd/{reader}"]
    code, report, err = command("run", "m.yaml", good, *options)
    os.close(reader)
    assert (code, report["rows"]["sent"]) == (0, 3), err


# What is written


def test_names_of_an_import_lead_nowhere_outside_of_the_state_directory(command: Command, server: str) -> None:
    good = _export("good.csv", 2, bad=1)
    before = {path for path in Path("../..").rglob("*") if "state" not in path.parts}
    options = [
        "--url",
        f"{server}/../../../x",
        "--test-code",
        "../../../../x",
        "--state-dir",
        "state",
        "--yes",
        "--json",
    ]
    code, report, err = command("run", "m.yaml", good, "--site", "..%2f..%2f../../../x", *options)
    assert (code, report["rows"]["rejected"]) == (3, 1), err
    assert {path for path in Path("../..").rglob("*") if "state" not in path.parts} == before
    assert {Path(report[name]).parent for name in ("checkpoint", "rejects")} <= {Path("state"), Path("state").resolve()}


KINDS = {
    "plain": MAPPING,
    "grouped": MAPPING.replace("key: order_id", "group_by: [order_id]"),
    "dedupe": MAPPING.replace("key: order_id", "key: order_id\ndedupe: true"),
}


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("folder", "no_umask")
@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_written_is_for_its_owner_alone_also_while_it_is_written(
    kind: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importer.duplicates.MEMORY_EVENTS", 10)
    seen: dict[str, int] = {}

    class Looks:
        def update(self, _: Snapshot) -> None:
            for path in Path("state").rglob("*"):
                seen[path.name] = stat.S_IMODE(path.lstat().st_mode)

    Path("m.yaml").write_text(KINDS[kind], encoding="utf-8")
    _export("orders.csv", 300, bad=0 if kind == "grouped" else 3)
    Path("orders.csv").write_text(
        Path("orders.csv").read_text(encoding="utf-8") + "orders.csv-0,1,c\n", encoding="utf-8"
    )
    looks, place = Looks(), {"site": "7", "source_key": SOURCE_KEY, "url": server, "state_dir": "state"}
    report = importer.run("m.yaml", "orders.csv", progress=looks, **place)
    looks.update(report.snapshot(None))
    assert report.status == "complete"
    assert {name.rpartition(".")[2] for name in seen} >= {"sqlite", "sqlite-wal", "sqlite-shm", "ndjson", "lock"}
    assert {"grouped": "run-", "dedupe": "left-out", "plain": ""}[kind] in " ".join(seen)
    assert not {name: oct(mode) for name, mode in seen.items() if mode & 0o077}
    assert stat.S_IMODE(Path("state").stat().st_mode) == 0o700


def test_a_rejects_file_that_is_a_link_is_written_where_it_leads_and_only_if_nothing_is_there(
    command: Command, server: str
) -> None:
    export = _export("orders.csv", 2, bad=2)
    place = ["--site", "7", "--url", server, "--yes", "--json", "--rejects", "link"]
    Path("precious").write_text("do not touch\n", encoding="utf-8")
    Path("link").symlink_to("precious")
    code, _, err = command("run", "m.yaml", export, *place)
    assert (code, "not empty" in err) == (2, True)
    assert Path("precious").read_text(encoding="utf-8") == "do not touch\n"

    Path("link").unlink()
    Path("link").symlink_to("elsewhere")
    code, report, err = command("run", "m.yaml", export, *place)
    assert (code, Path(report["rejects"])) == (3, Path("elsewhere").resolve()), err
    assert len(Path("elsewhere").read_text(encoding="utf-8").splitlines()) == 2
    assert stat.S_IMODE(Path("elsewhere").stat().st_mode) == 0o600
    assert Path("link").is_symlink()
