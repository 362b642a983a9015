"""Whatever columns an export has and whatever is in them: there is a draft, and it compiles."""

from __future__ import annotations

import polars as pl
import pytest
from drafting import drafted, live
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import SourceUnreadable

NAMES = [
    "order_id", "N° commande", "date", "created_at", "Heure", "client", "email", "pays", "statut", "type", "event",
    "montant", "prix unitaire", "qty", "sku", "libellé", "optin", "devise", "sexe", "naissance", "url", "ip",
    "catégorie", "code", "payment method", "line_no", "total ht", "tva", "colors", "value", "x.y", 'a "b"', "select",
]  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(
        ["", "NULL", "-", "oui", "non", "FR", "France", "EUR", "shipped", "web", "purchase", "a@b.org", "M", "1|2"]
    ),
    st.sampled_from(
        ["0612345678", "+33612345678", "12,50", "1 234,50", "1.5", "1,234", "4,90 €", "-3", "007", "1700000000"]
    ),
    st.sampled_from(["2024-01-02", "03/04/2024", "25/04/2024 10:00", "2024-01-02T03:04:05Z", "20240102", "10:15"]),
    st.integers(-5, 2000).map(str),
    st.text(max_size=6),
)
COLUMNS = st.lists(st.sampled_from(NAMES), min_size=2, max_size=8, unique=True)
TABLES = COLUMNS.flatmap(
    lambda names: st.integers(1, 6).flatmap(
        lambda rows: st.fixed_dictionaries(
            {
                name: st.one_of(st.lists(CELLS, min_size=rows, max_size=rows), CELLS.map(lambda cell: [cell] * rows))
                for name in names
            }
        )
    )
)


@pytest.mark.parametrize("name", ["export.csv", "export.parquet"])
@given(table=TABLES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_draft_always_compiles(
    name: str, table: dict[str, list[str]], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    frame = pl.DataFrame(table)
    try:
        draft = drafted(frame.write_csv(separator=";") if name.endswith("csv") else frame, name)
    except SourceUnreadable:
        return  # such as a file of which each cell is empty
    assert draft.trial.problem == ""
    if "group_by" not in live(draft.text):
        assert draft.trial.events + draft.trial.rejected == draft.trial.rows
