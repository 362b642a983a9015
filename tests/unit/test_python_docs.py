"""docs/python.md cannot rot: all its examples are run, in their order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from secret_watch import SOURCE_KEY

from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  status: {column: state, map: {P: paid}}
  user.id: customer
  context.event_timestamp: at
"""
EXPORT = """\
order_id,state,customer,at
001,P,c1,2026-01-02T03:04:05Z
002,X,c2,2026-01-02T03:04:05Z
"""


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    Path("orders.yaml").write_text(MAPPING, encoding="utf-8")
    Path("exports").mkdir()
    Path("exports/orders.csv").write_text(EXPORT, encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    with spawn() as url:
        for block in blocks:
            exec(block.replace('site="1234"', f'site="1234", url="{url}"'), names)  # noqa: S102 -- our own examples
        assert received(url)["unique_ids"] == 2
    said = capsys.readouterr().out
    assert "2 rows give 1 events; 1 rows are rejected" in said
    assert "4 no-such-folder/: no such file or folder." in said
    assert "1 sent now, 0 rejected again" in said
