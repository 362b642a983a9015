"""The importer with less patience than the command line has: ``python hasty.py POLICY ARGUMENTS...``.

POLICY is a RetryPolicy as JSON. All else is as ``python -m importer ARGUMENTS...``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # the importer to be tested is the one beside the tests

from importer.cli import main
from importer.settings import RetryPolicy, RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = {"base_backoff_seconds": 0.01, "max_backoff_seconds": 0.1, "request_timeout_seconds": 60.0}
"""For faults that are answered at once."""


@contextlib.contextmanager
def policy_of(policy: dict[str, float]) -> Iterator[None]:
    """Let the command line wait as ``policy`` says."""
    run = importlib.import_module("importer.cli.run")
    with mock.patch.object(run, "RunSettings", partial(RunSettings, retry=RetryPolicy(**policy))):
        yield


if __name__ == "__main__":
    with policy_of(json.loads(sys.argv.pop(1))):
        main()
