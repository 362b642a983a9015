from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from importer.checkpoint import REPLAY, Holder, ImportKey, ImportStatus, KnownSource, RunRecord, StoredIdentity, Tally
from importer.cli.standing import MEANINGS, standing
from importer.cli.status import _ago, _text
from importer.errors import ExitCode
from importer.records import Span
from importer.settings import DEFAULT_URL

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_source(number: int, path: Path, *, total: int | None = 10, done: int = 10, **changes: Any) -> KnownSource:  # noqa: ANN401
    values: dict[str, Any] = {
        "number": number, "path": str(path), "name": path.name, "identity": StoredIdentity(1, 1, ""), "dialect": {},
        "total_rows": total, "acknowledged_rows": done, "ambiguous_rows": 0, "tally": Tally(sent=done, accepted=done),
    }  # fmt: skip
    return KnownSource(**{**values, **changes})


def a_run(code: int | None = 0, hours_ago: float = 1, number: int = 1, **details: Any) -> RunRecord:  # noqa: ANN401
    ended = (NOW - timedelta(hours=hours_ago)).isoformat(timespec="milliseconds")
    return RunRecord(number, ended, None if code is None else ended, code, details)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abcd":
        (tmp_path / f"{name}.csv").write_text("x\n")
    return tmp_path


def an_import(folder: Path, *sources: KnownSource, runs: tuple[RunRecord, ...] = (), **changes: Any) -> ImportStatus:  # noqa: ANN401
    values: dict[str, Any] = {
        "path": folder / ".importer/m.sqlite", "key": ImportKey(folder / "m.yaml", DEFAULT_URL, "7"), "holder": None,
        "sources": sources or (a_source(0, folder / "a.csv"),), "runs": runs or (a_run(),), "rejects": {},
    }  # fmt: skip
    return ImportStatus(**{**values, **changes})


def test_every_exit_code_has_words() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_a_complete_import_needs_nothing(folder: Path) -> None:
    body = standing(an_import(folder), NOW)
    assert (body["status"], body["command"]) == ("complete", None)
    assert body["next"].startswith("nothing")
    assert body["seconds_since_complete"] == 3600
    assert body["last_run"]["meaning"] == "done"
    assert body["rows"] == {"sent": 10, "filtered": 0, "rejected": 0, "duplicate": 0, "pending": 0, "ambiguous": 0}


@pytest.mark.parametrize("code", [*ExitCode, None, 99])
def test_an_incomplete_import_says_what_to_do_first_and_which_command(folder: Path, code: int | None) -> None:
    sources = (a_source(0, folder / "a.csv"), a_source(1, folder / "b.csv", total=None, done=3))
    body = standing(an_import(folder, *sources, runs=(a_run(code),)), NOW)
    assert body["status"] == "incomplete"
    assert body["command"] == f"importer run {folder}/m.yaml {folder}/b.csv --site 7"
    assert "run the same command again" in body["next"]
    assert body["rows"]["pending"] is None
    first = {1: "bug", 2: "mapping", 4: "file", 6: "key", 7: "disk", 8: "what stopped it"}
    assert body["next"].startswith("run the same") == (code not in first)
    assert first.get(code or 0, "") in body["next"]


def test_a_failed_run_over_complete_files_is_to_be_repeated(folder: Path) -> None:
    body = standing(an_import(folder, runs=(a_run(0, 30), a_run(5, 1, number=2))), NOW)
    assert (body["status"], body["command"]) == ("complete", None)
    assert "run the same command again" in body["next"]
    assert body["seconds_since_complete"] == 30 * 3600
    assert body["last_run"]["meaning"] == "destination unavailable"


def test_a_run_with_a_limit_is_not_a_complete_one(folder: Path) -> None:
    body = standing(an_import(folder, runs=(a_run(0, 1, limit=10),)), NOW)
    assert (body["last_complete"], body["seconds_since_complete"]) == (None, None)
    assert "no run is known" in "\n".join(_text(body))


def test_a_clock_that_went_back_gives_no_negative_age(folder: Path) -> None:
    assert standing(an_import(folder, runs=(a_run(0, -5),)), NOW)["seconds_since_complete"] == 0


def test_a_command_names_all_that_makes_the_import(folder: Path) -> None:
    key = ImportKey(folder / "m.yaml", "http://127.0.0.1:8", "7", "my test")
    source = a_source(0, folder / "a.csv", done=1)
    body = standing(an_import(folder, source, key=key, path=folder / "other/m.sqlite"), NOW)
    assert body["command"] == (
        f"importer run {folder}/m.yaml {folder}/a.csv --site 7 --url http://127.0.0.1:8 --test-code 'my test' "
        f"--state-dir {folder}/other"
    )


def test_no_command_for_files_that_are_gone_or_too_many(folder: Path) -> None:
    gone = an_import(folder, a_source(0, folder / "gone.csv", done=1))
    many = an_import(folder, *(a_source(n, folder / f"{name}.csv", done=1) for n, name in enumerate("abcd")))
    assert [standing(item, NOW)["command"] for item in (gone, many)] == [None, None]


def test_a_sandbox_needs_nothing(folder: Path) -> None:
    body = standing(
        an_import(folder, a_source(0, folder / "a.csv", done=1), key=ImportKey(folder, "sandbox", "s")), NOW
    )
    assert body["command"] is None
    assert "sandbox" in body["next"]


def test_who_runs_is_named(folder: Path) -> None:
    holder = Holder(1, "elsewhere", "2026-11-23T10:00")
    body = standing(an_import(folder, runs=(a_run(None),), holder=holder), NOW)
    assert (body["status"], body["last_run"]["meaning"]) == ("running", "running")
    assert body["holder"] == {"pid": 1, "host": "elsewhere", "since": "2026-11-23T10:00"}
    assert "  running    process 1 on elsewhere, since 2026-11-23T10:00" in list(_text(body))


def test_ambiguous_rows_are_listed_by_file(folder: Path) -> None:
    sources = tuple(a_source(n, folder / f"{name}.csv", total=5000, done=1) for n, name in enumerate("ab"))
    ambiguous = (Span(1, 2, 4), Span(1, 1000, 1501))
    body = standing(an_import(folder, *sources, runs=(a_run(None),), ambiguous=ambiguous), NOW)
    assert body["rows"]["ambiguous"] == 503
    assert body["last_run"]["meaning"].startswith("killed")
    assert body["sources"][1]["ambiguous_rows"] == [{"first": 2, "last": 3}, {"first": 1000, "last": 1500}]
    text = "\n".join(_text(body))
    assert "503 rows at most were sent without an answer" in text
    assert "b.csv: rows 2 to 3, 1,000 to 1,500" in text


def test_rejects_are_to_be_retried_until_none_is_left(folder: Path) -> None:
    rejects = folder / "r.ndjson"
    rejects.write_text('{"row": 1}\n{"row": 2}\nthe line that a run is writing\n')
    rejected = a_source(0, folder / "a.csv", tally=Tally(sent=8, rejected={"mapping": 2}))
    item = an_import(folder, rejected, runs=(a_run(3),), rejects={str(rejects): 22, str(folder / "gone"): 5})
    body = standing(item, NOW)
    assert [file["lines"] for file in body["rejects_files"]] == [2, None]
    assert body["command"] == f"importer retry {folder}/m.yaml {rejects} --site 7"

    replay = {"dialect": {REPLAY: {}}, "tally": Tally(sent=2)}
    again = a_source(1, folder / "a.csv", total=2, done=2, **replay)
    body = standing(an_import(folder, rejected, again, rejects=item.rejects), NOW)
    assert (body["rows"]["sent"], body["rows"]["rejected"]) == (10, 0)
    assert body["next"].startswith("nothing")
    assert "1 of 1 complete" in "\n".join(_text(body))


def test_long_lists_are_cut(folder: Path) -> None:
    many = tuple(a_source(number, folder / f"{number}.csv", done=1) for number in range(12))
    lines = list(_text(standing(an_import(folder, *many), NOW)))
    assert "             and 7 more files" in lines
    assert len(lines) < 15


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")]
)
def test_how_long_ago(seconds: float, text: str) -> None:
    assert _ago(seconds) == text
