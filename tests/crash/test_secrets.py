"""The source key of a running import: in no process list, and in its environment only where the user has put it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from actors import PATIENCE_SECONDS, ROOT, wait_until
from secret_watch import SOURCE_KEY, shows_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors import RunningOracle

MAPPING = """\
version: 1
event: purchase
key: order_id
fields: {id: order_id, user.id: customer, context.event_timestamp: {value: 1704164645000}}
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
def test_a_key_from_a_file_is_in_no_process_list_and_in_no_environment(
    tmp_path: Path, start_oracle: Callable[[float], RunningOracle]
) -> None:
    oracle, key, words = start_oracle(0.0), tmp_path / "key", tmp_path / "words"
    key.write_text(f"{SOURCE_KEY}\n")
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "orders.csv").write_text("order_id,customer\n1,c\n")
    command = [sys.executable, "-m", "importer", "run", "m.yaml", "orders.csv", "--url", oracle.url, "--site", "7"]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("IMPORTER_")}
    oracle.answer(0)
    with (
        words.open("wb") as output,
        subprocess.Popen(
            [*command, "--source-key-file", str(key), "--verbose"],
            env={**environment, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        wait_until(lambda: bool(oracle.record.refresh().arrivals))
        about = Path(f"/proc/{process.pid}")
        shown = {name: (about / name).read_bytes() for name in ("cmdline", "environ", "comm", "status")}
        listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, check=False).stdout
        oracle.answer(math.inf)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
    assert b"--source-key-file" in shown["cmdline"]
    assert not [name for name, text in shown.items() if shows_key(text)]
    assert not shows_key(listed)
    assert "token=" in oracle.record.refresh().arrivals[0].query  # it was used
