"""Faults: their text, their composition, and that the same seed decides the same."""

from __future__ import annotations

import pytest

from importer.sandbox.faults import Answer, Cut, FaultBoard, FaultInvalid, Moment, Often, parse_fault


class Sleeper:
    def __init__(self) -> None:
        self.slept = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def board(*texts: str, seed: int = 0) -> tuple[FaultBoard, Sleeper]:
    sleeper = Sleeper()
    return FaultBoard([parse_fault(text) for text in texts], seed, sleeper), sleeper


@pytest.mark.parametrize(
    ("text", "moment", "outcome", "wait_seconds", "often"),
    [
        ("status=503", Moment.READ, (503, ()), 0, Often()),
        ("status=503:0.3", Moment.READ, (503, ()), 0, Often(0.3)),
        ("status=429:3x:2", Moment.READ, (429, (("Retry-After", "2"),)), 0, Often(1.0, 3)),
        ("status=503::-1", Moment.READ, (503, (("Retry-After", "-1"),)), 0, Often()),
        (
            "status=503:1:Wed, 21 Oct 2026 07:28:00 GMT",
            Moment.READ,
            (503, (("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),)),
            0,
            Often(),
        ),
        ("redirect=307", Moment.READ, (307, (("Location", "/elsewhere"),)), 0, Often()),
        ("redirect=302:1:http://a.b:1/c", Moment.READ, (302, (("Location", "http://a.b:1/c"),)), 0, Often()),
        ("reset=before:0.5", Moment.ARRIVED, Cut(reset=True), 0, Often(0.5)),
        ("reset=after", Moment.READ, Cut(reset=True), 0, Often()),
        ("hang=30:1x", Moment.READ, Cut(reset=False), 30, Often(1.0, 1)),
        ("latency=0.25", Moment.READ, None, 0.25, Often()),
        ("store-then-drop", Moment.STORED, Cut(reset=False), 0, Often()),
        ("store-then-drop=0.1", Moment.STORED, Cut(reset=False), 0, Often(0.1)),
    ],
)
def test_texts(text: str, moment: Moment, outcome: object, wait_seconds: float, often: Often) -> None:
    fault = parse_fault(text)
    got = (fault.outcome.status, fault.outcome.headers) if isinstance(fault.outcome, Answer) else fault.outcome
    assert (fault.text, fault.moment, got, fault.wait_seconds, fault.often) == (
        text, moment, outcome, wait_seconds, often,
    )  # fmt: skip


def test_html_is_a_200_with_a_page() -> None:
    outcome = parse_fault("html=0.1").outcome
    assert outcome.status == 200
    assert outcome.headers == (("Content-Type", "text/html; charset=utf-8"),)
    assert outcome.text.startswith("<!DOCTYPE html>")


def test_an_unknown_name_gets_the_list_and_the_nearest() -> None:
    with pytest.raises(FaultInvalid) as raised:
        parse_fault("latncy=2")
    message = str(raised.value)
    assert "'latncy'. Did you mean latency?" in message
    for name in ("status", "redirect", "html", "reset", "hang", "latency", "store-then-drop"):
        assert f"{name}" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status=abc", "'abc' is no status from 200 to 599"),
        ("status=600", "'600' is no status"),
        ("status=101", "'101' is no status"),
        ("status", "'' is no status"),
        ("redirect=200", "'200' is no status from 300 to 399"),
        ("status=503:2", "'2' is neither a share from 0 to 1 nor a number of times such as 3x"),
        ("status=503:-0.1", "'-0.1' is neither a share"),
        ("status=503:nan", "'nan' is neither a share"),
        ("status=503:0.3:2\r\nSet-Cookie: a", "cannot be printed"),
        ("reset=during", "'during' is neither before nor after"),
        ("hang=soon", "'soon' is no number of seconds"),
        ("latency=-1", "'-1' is no number of seconds"),
        ("latency=inf", "'inf' is no number of seconds"),
        ("latency=1:0.5:more", "'more' is one part too many"),
        ("html=0.5:more", "'more' is one part too many"),
        ("store-then-drop=often", "'often' is neither a share"),
    ],
)
def test_a_bad_value_is_told_with_the_form_to_write(text: str, said: str) -> None:
    with pytest.raises(FaultInvalid) as raised:
        parse_fault(text)
    assert said in str(raised.value)
    assert f"Write {text.partition('=')[0]}" in str(raised.value)


async def test_the_first_fault_that_ends_a_request_ends_it() -> None:
    faults, sleeper = board("latency=0.5", "status=503", "latency=9", "status=500")
    assert (await faults.strike(Moment.READ)).status == 503
    assert sleeper.slept == [0.5]
    assert faults.fired == {"latency=0.5": 1, "status=503": 1}


async def test_a_fault_strikes_at_its_moment_only() -> None:
    faults, _ = board("store-then-drop", "reset=before")
    assert await faults.strike(Moment.READ) is None
    assert await faults.strike(Moment.ARRIVED) == Cut(reset=True)
    assert await faults.strike(Moment.STORED) == Cut(reset=False)
    assert faults.fired == {"store-then-drop": 1, "reset=before": 1}


async def test_times_are_the_first_ones() -> None:
    faults, _ = board("status=503:2x", "status=429:1x")
    outcomes = [await faults.strike(Moment.READ) for _ in range(5)]
    assert [outcome and outcome.status for outcome in outcomes] == [503, 503, 429, None, None]


async def test_a_share_is_kept_and_a_seed_repeats_it() -> None:
    async def decisions(seed: int) -> tuple[list[bool], dict[str, int]]:
        faults, _ = board("status=503:0.3", seed=seed)
        return [await faults.strike(Moment.READ) is not None for _ in range(4_000)], faults.fired

    first, fired = await decisions(1)
    assert 1_100 < sum(first) < 1_300
    assert fired == {"status=503:0.3": sum(first)}
    assert (await decisions(1))[0] == first != (await decisions(2))[0]


async def test_a_share_of_zero_never_fires() -> None:
    faults, _ = board("status=503:0")
    assert not any([await faults.strike(Moment.READ) for _ in range(100)])
    assert not faults.fired


async def test_replaced_faults_keep_what_fired_and_get_their_times_again() -> None:
    faults, _ = board("status=503:1x")
    await faults.strike(Moment.READ)
    faults.replace([])
    assert await faults.strike(Moment.READ) is None
    faults.replace([parse_fault("status=503:1x")])
    assert await faults.strike(Moment.READ) is not None
    assert faults.fired == {"status=503:1x": 2}
    assert faults.active == ["status=503:1x"]
