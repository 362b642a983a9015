"""What holds for all tests, on whatever machine and however they were started."""

import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# pytest's importlib mode puts no test folder on the path; tests import `fakes`
sys.path.insert(0, str(Path(__file__).parent))

# How long an example takes is the machine's business. What else the environment chose (CI: the same examples
# every time) stays.
settings.register_profile("any machine", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Whoever is started in the background of a shell ignores SIGINT, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
