"""All that a network and a server can do, mixed at random, while the importer is killed and started again.

A round is one import. Its first runs are disturbed: by a schedule of faults, by events that are refused, by a server
that dies or is stopped for a while, and by kills of the importer. Then nothing is disturbed any more, and the base must
hold.
"""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from actors import running_oracle, wait_until
from base import HastyImporter, Trial, counted, make_job
from faults import HTML_BODY, HTML_HEADERS, Fault, Schedule

if TYPE_CHECKING:
    from pathlib import Path

    from actors import Running
    from base import Job

POLICY = {
    "base_backoff_seconds": 0.01,
    "max_backoff_seconds": 0.2,
    "patience_seconds": 4.0,
    "max_retry_after_seconds": 1.0,
    "connect_timeout_seconds": 2.0,
    "request_timeout_seconds": 2.0,
}
ENDS = {0, 3, 5, 6, -signal.SIGKILL}
MOST_RUNS = 12
SHARED = (  # done to a share of all requests
    *(Fault("reset", at=at) for at in ("head", "body", "read", "stored")),
    *(Fault("close", at=at) for at in ("body", "read", "stored")),
    *(Fault("cut", at=at) for at in ("read", "stored")),
    *(Fault("answer", at="read", status=status) for status in (408, 429, 500, 502, 503, 599)),
    Fault("answer", at="stored", status=500),
    *(Fault("answer", at="stored", status=status, body="") for status in (200, 202, 204)),
    *(
        Fault("answer", at="read", status=503, headers={"Retry-After": text})
        for text in ("0", "-1", "1", "1e9", "{date+1}")
    ),
    Fault("answer", at="head", status=503),
)
SLOW = (  # done to a few requests, each of which waits for its timeout
    *(Fault("hang", at=at) for at in ("head", "body", "read", "stored")),
    *(Fault("drip", at=at, body="{" + " " * 9_000 + "}") for at in ("read", "stored")),
    Fault("drip", at="stored", seconds=0.001),
)
FINAL = (  # ends the run
    Fault("answer", at="read", status=200, headers=HTML_HEADERS, body=HTML_BODY),
    *(Fault("answer", at="read", status=status) for status in (401, 403, 404)),
    Fault("answer", at="read", status=302, headers={"Location": "http://127.0.0.1:9/?{query}"}),
    Fault("die", at="stored"),
    Fault("die", at="body"),
)


def play(seed: int, folder: Path) -> Counter[str]:
    """One import, disturbed until it is let alone."""
    print(f"network: seed {seed}", flush=True)
    dice = Random(seed)
    with ExitStack() as stack:
        importer = HastyImporter(folder, policy=POLICY)
        stack.callback(importer.kill)
        oracle = stack.enter_context(running_oracle(folder / "oracle.ndjson", "0.002"))
        job = _job(dice, folder)
        trial = Trial(job, importer, oracle)
        trial.refused = frozenset(dice.sample(job.orders, dice.choice([0, 0, 1, 4])))
        return _Round(dice, trial, stack).play()


def _job(dice: Random, folder: Path) -> Job:
    single, most = dice.random() < 0.3, dice.choice([3_000, 20_000, 100_000])
    options = ("--endpoint", "single" if single else "batch", "--concurrency", str(dice.choice([1, 2, 4, 8, 16])))
    limits = ("--max-item-bytes", "3000", "--max-body-bytes", str(most))
    rows = dice.randint(50, 400) if single else dice.randint(200, 4_000)
    return make_job(folder, rows, *options, *limits, seed=dice.randrange(10**9), rejected=dice.choice([0, 0, 5]))


@dataclass
class _Round:
    dice: Random
    trial: Trial
    stack: ExitStack
    stops: int = 0

    def play(self) -> Counter[str]:
        """Disturb some runs, then none, and assert the base."""
        trial, code = self.trial, 3 if self.trial.refused or self.trial.job.rejected else 0
        done, ends = False, Counter()
        for number in range(MOST_RUNS):
            if number < MOST_RUNS - 4 and self.dice.random() < 0.8:
                trial.oracle.plan(self._schedule())
                ended_by = self._disturbed()
            else:
                trial.calm()
                ended_by = self._wait(self._start())
            ends[f"exit {ended_by}"] += 1
            if done := ended_by in {0, 3}:
                break
        assert done, f"no end after {MOST_RUNS} runs: {dict(ends)}"
        trial.assert_base(repeats=self._most_repeats(), code=code, unseen_requests=10**9)
        return counted(trial.record) + ends + Counter(runs=len(trial.ended), stops=self.stops)

    def _schedule(self) -> Schedule:
        dice, faults = self.dice, []
        for fault in dice.sample(SLOW, dice.choice([0, 0, 1, 2])):
            first = dice.randint(1, 60)
            faults.append(replace(fault, first=first, last=first + dice.randint(0, 2)))
        if dice.random() < 0.4:
            faults.append(replace(dice.choice(FINAL), first=dice.randint(1, 120)))
        shared = dice.sample(SHARED, dice.randint(0, 5))
        faults += [replace(fault, share=dice.choice([0.02, 0.1, 0.3])) for fault in shared]
        return Schedule(tuple(faults), self.trial.refused, dice.randrange(10**9))

    def _start(self) -> Running:
        trial = self.trial
        return trial.importer.start(trial.job.mapping, trial.job.source, trial.oracle.url, *trial.job.options)

    def _disturbed(self) -> int:
        """A run that may be killed, with a server that may be stopped for a while or die."""
        trial, dice, running = self.trial, self.dice, self._start()
        before = len(trial.record.arrivals)
        what, moment = dice.choice(["nothing", "kill", "stop"]), before + dice.randint(1, 150)
        wait_until(lambda: len(trial.record.arrivals) >= moment or self._is_over(running))
        if what == "kill" and running.send(signal.SIGKILL):
            trial.kills += 1
        if what == "stop" and not self._is_over(running):
            self.stops += 1
            trial.oracle.process.send_signal(signal.SIGSTOP)
            wait_until(lambda: "is down" in running.words.read_text() or self._is_over(running))
            trial.oracle.process.send_signal(signal.SIGCONT)
        return self._wait(running)

    def _is_over(self, running: Running) -> bool:
        return running.process.poll() is not None or self.trial.oracle.process.poll() is not None

    def _wait(self, running: Running) -> int:
        """The exit code. A server that has died comes back."""
        wait_until(lambda: self._is_over(running))
        if self.trial.oracle.process.poll() is not None:
            self.stack.enter_context(self.trial.reborn())
        ended = running.wait()
        self.trial.ended.append(ended)
        assert ended.code in ENDS, f"exit {ended.code}:\n{ended.stderr}"
        return ended.code

    def _most_repeats(self) -> int:
        """What was stored and not acknowledged, what was said to be sent again, and W for each run that was cut short.

        A run that is killed leaves what was in flight; one that gives up, the parts of a batch that was being halved.
        """
        trial = self.trial
        struck = [hit for hit in trial.record.struck() if hit.stored and not hit.fault.startswith("answer 2")]
        reports = [ended.report for ended in trial.ended if ended.report]
        resent = sum(report["events"]["resent"] for report in reports)
        if self.stops:  # then what is tried again arrives too late as well, and resent counts an event once
            resent += sum(report["retries"] for report in reports) * self._most_events
        cut_short = sum(ended.code not in {0, 3} for ended in trial.ended)
        in_flight = int(trial.job.options[3]) * self._most_events
        return sum(len(hit.events) for hit in struck) + resent + cut_short * in_flight

    @property
    def _most_events(self) -> int:
        return max(len(arrival.events) for arrival in self.trial.record.arrivals)
