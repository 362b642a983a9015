"""What holds for all tests, on whatever machine and however they were started."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# pytest's importlib mode puts no test folder on the path; tests import `fakes`
sys.path.insert(0, str(Path(__file__).parent))

from secret_watch import files_with_key, shows_key

# How long an example takes is the machine's business. What else the environment chose (CI: the same examples
# every time) stays.
settings.register_profile("any machine", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Whoever is started in the background of a shell ignores SIGINT, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The source key stands nowhere: what tests read is searched when they read it, what is left when they have ended.


def _searched(owner: type, name: str) -> None:
    """From now on what the method ``name`` of ``owner`` returns, some texts, is searched for the source key."""
    read = getattr(owner, name)

    def read_and_search(self: object, *arguments: object, **options: object) -> Any:  # noqa: ANN401
        found = read(self, *arguments, **options)
        assert not [text for text in found if text and shows_key(text)], "the source key is in the output"
        return found

    setattr(owner, name, read_and_search)


_searched(pytest.CaptureFixture, "readouterr")
_searched(subprocess.Popen, "communicate")


@pytest.fixture(autouse=True)
def _no_key_in_files(request: pytest.FixtureRequest) -> Iterator[None]:
    uses_files = "tmp_path" in request.fixturenames
    folder = request.getfixturevalue("tmp_path") if uses_files else None
    yield
    found = files_with_key(folder) if folder is not None and folder.exists() else []
    assert not found, "the source key is in files"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:  # noqa: ANN401 -- generator of a report
    """What was printed and logged, and that no test has read."""
    report = yield
    if report.passed and any(shows_key(text) for _, text in report.sections):
        report.outcome, report.longrepr = "failed", "the source key is in the output"
    return report
