"""What the guard on personal data costs: ``python -m benchmarks.personal``. One core, 25,000 rows, median of rounds.

Columns of typical content have nothing, which is to be proved quickly. In the worst cases each text has something.
The clock of the wall: on a busy machine the lowest of several rounds says more than the median.
"""

from __future__ import annotations

import os
import random
import statistics
import time

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before polars is imported

import polars as pl

from importer.rules.personal import find_personal

ROWS = 25_000
ROUNDS = 31
WORDS = (
    "robe",
    "longue",
    "courte",
    "lin",
    "coton",
    "bio",
    "femme",
    "enfant",
    "running",
    "veste",
    "cuir",
    "noir",
    "bleu",
)
BRANDS = ("Acme", "Globex", "Maison Durand", "Initech", "Umbrella & Co")


def main() -> None:
    """Print milliseconds for each column, and for all of them."""
    chance = random.Random(1)
    print(f"{'column':20}{'median ms':>11}{'lowest ms':>11}   first text")
    typical = [_measure(name, texts) for name, texts in _typical(chance).items()]
    print(f"{'all 12 columns':20}{sum(row[0] for row in typical):11.2f}{sum(row[1] for row in typical):11.2f}")
    for name, texts in _worst(chance).items():
        _measure(name, texts)


def _measure(name: str, texts: list[str | None]) -> tuple[float, float]:
    column, seconds = pl.Series(texts, dtype=pl.String), []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        find_personal(column)
        seconds.append(time.perf_counter() - begin)
    median, lowest = statistics.median(seconds) * 1e3, min(seconds) * 1e3
    print(f"{name:20}{median:11.2f}{lowest:11.2f}   {next(text for text in texts if text)[:70]}")
    return median, lowest


def _typical(chance: random.Random) -> dict[str, list[str | None]]:
    def some(count: int, separator: str) -> str:
        return separator.join(chance.choices(WORDS, k=count))

    shop = "https://www.shop.example.com"
    makers = {
        "order id": lambda: f"FR-{chance.randrange(10**6):09}",
        "sku": lambda: f"SKU{chance.randrange(10**6):06}-{chance.choice('SMLX')}",
        "label": lambda: f"{some(chance.randrange(4, 9), ' ')} {chance.randrange(34, 52)}"[:60],
        "url": lambda: f"{shop}/p/{some(3, '-')}-{chance.randrange(10**7, 10**10)}.html",
        "referrer": lambda: f"{shop}/s?q={some(2, '+')}&page=3&utm_campaign={chance.randrange(10**11, 10**12)}",
        "ip": lambda: ".".join(str(chance.randrange(1, 255)) for _ in range(4)),
        "status": lambda: chance.choice(["in_progress", "shipped", "delivered", "cancelled"]),
        "customer id": lambda: f"{chance.randrange(10**8):08}",
        "brand": lambda: chance.choice(BRANDS),
        "coupon": lambda: chance.choice([None, None, "SUMMER24", "BLACKFRIDAY2024"]),
        "currency": lambda: chance.choice(["EUR", "USD", "GBP"]),
        "category": lambda: chance.choice(["shoes/men/running", "shoes/women", "bags & luggage", "kids > 2-4 years"]),
    }
    return {name: [make() for _ in range(ROWS)] for name, make in makers.items()}


def _worst(chance: random.Random) -> dict[str, list[str | None]]:
    def digits(count: int) -> str:
        return f"{chance.randrange(10**count):0{count}}"

    makers = {
        "every row an e-mail": lambda: f"{chance.choice(WORDS)}.{digits(5)}@example.com",
        "every row a phone": lambda: f"+33 6 {digits(2)} {digits(2)} {digits(2)} {digits(2)}",
        "every row a card": lambda: _with_luhn(f"4{digits(14)}"),
        "every row an IBAN": lambda: _iban(digits(18)),
        "digits, 16 each": lambda: digits(16),
        "EAN-13": lambda: digits(13),
        "dates and times": lambda: (
            f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02} 10:00:{digits(2)[:1]}0"
        ),
        "hashes": lambda: f"{chance.randrange(16**64):064x}",
    }
    return {name: [make() for _ in range(ROWS)] for name, make in makers.items()}


def _with_luhn(body: str) -> str:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    return body + str(-sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10)


def _iban(account: str) -> str:
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


if __name__ == "__main__":
    main()
