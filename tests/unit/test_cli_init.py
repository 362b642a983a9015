"""The command ``init``: where the draft goes, what is said, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from drafting import live, page_views, shop_lines

from importer.cli.init import init
from importer.errors import UsageInvalid


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("export.csv").write_text(shop_lines(), encoding="utf-8")


def run(*arguments: str) -> None:
    init.main(list(arguments), standalone_mode=False)


def test_the_draft_goes_to_stdout_and_the_words_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    run("export.csv")
    out, err = capsys.readouterr()
    assert out.startswith("# A first mapping of export.csv")
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    assert "30 orders in 75 rows, by InvoiceNo" in err
    assert "with each TODO filled in, the 75 rows give 30 events" in err
    assert "next: fill in 3 TODOs, then: importer validate MAPPING export.csv" in err
    assert "TODO timezone: the zone of the times in InvoiceDate" in err


def test_a_file_is_written_once_and_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    run("export.csv", "--output", "my map.yaml")
    assert "then: importer validate 'my map.yaml' export.csv" in capsys.readouterr().err
    before = Path("my map.yaml").read_text(encoding="utf-8")
    with pytest.raises(UsageInvalid, match=r"my map\.yaml exists, and nothing is overwritten"):
        run("export.csv", "--output", "my map.yaml")
    assert Path("my map.yaml").read_text(encoding="utf-8") == before


def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageInvalid, match="cannot be written: No such file or directory"):
        run("export.csv", "--output", "nowhere/map.yaml")
    assert not capsys.readouterr().out


def test_the_event_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    run("export.csv", "--event", "add_to_cart")
    assert "\nevent: add_to_cart\n" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "code"), [(["export.csv"], 0), (["nowhere.csv"], 4)])
def test_as_a_process(arguments: list[str], code: int) -> None:
    Path("export.csv").write_text(page_views(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "importer", "init", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert bool(live(done.stdout)) == (code == 0)
    assert "Traceback" not in done.stderr
