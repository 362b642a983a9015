"""What values of columns become: maps, hashes, formats, questions. The drafts are those of whole exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from drafting import answered, drafted, live, validated

from importer.draft.build import build
from importer.draft.countries import CURRENCIES, codes, country_of
from importer.draft.facts import recognise
from importer.draft.model import Field, Setting
from importer.draft.sample import take_sample
from importer.draft.synonyms import ENUMERATED, meaning_of
from importer.draft.trial import trial
from importer.draft.write import render
from importer.mapping.yaml_loader import compose
from importer.reference import find
from importer.reference.retail import PAYMENT_METHODS, PURCHASE_STATUSES


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def purchases(**columns: list[str]) -> str:
    """Orders with an id, a customer, a time in UTC, a total in EUR, and ``columns`` of one length."""
    count = len(next(iter(columns.values())))
    fixed = {
        "order_id": [f"{number:05d}" for number in range(count)],
        "customer_id": ["7"] * count,
        "ordered_at": ["2024-01-02T03:04:05Z"] * count,
        "total": ["10.50"] * count,
        "currency": ["EUR"] * count,
    }
    return pl.DataFrame(fixed | columns).write_csv()


def parsed(text: str) -> Any:  # noqa: ANN401  (any JSON)
    """The draft as its reader reads it."""
    root, problems = compose(text)
    assert root is not None
    assert not problems
    return root.plain()


FIELDS: list[tuple[str, list[str], str, Any]] = [
    ("statut", ["Livrée", "annulée"], "status", {"map": {"Livrée": "delivered", "annulée": "canceled"}}),
    ("status", ["shipped"], "status", None),
    ("status", ["P", "S"], "status", {"map": {"P": "TODO", "S": "TODO"}}),
    ("paiement", ["CB", "Virement"], "payment_method",
     {"map": {"CB": "card", "Virement": "by_bank_transfer_in_advance"}}),
    ("canal", ["web", "magasin"], "type", {"map": {"web": "online", "magasin": "offline"}}),
    ("civilite", ["Mme", "M.", "?"], "user.gender", {"map": {"Mme": "f", "M.": "m", "?": "TODO"}}),
    ("sexe", ["F", "H", "X"], "user.gender", {"map": {"F": "f", "H": "m", "X": None}}),
    ("pays", ["FR", "BE"], "user.country", None),
    ("pays", ["fr", "be"], "user.country", {"clean": ["trim", "upper"]}),
    ("pays", ["France", "Mordor"], "user.country", {"map": {"France": "FR", "Mordor": "TODO"}}),
    ("email", ["a@b.org"], "user.email_sha256", {"clean": ["trim", "lower"], "hash": "sha256"}),
    ("email", ["A" * 64], "user.email_sha256", {"clean": ["trim", "lower"]}),
    ("email_md5", ["0" * 31 + "a"], "user.email_md5", {"clean": ["trim", "lower"]}),
    ("telephone", ["+33612345678"], "user.phone", {"clean": ["trim", "e164"]}),
    ("phone", ["0612345678"], "user.phone", {"clean": ["trim", "e164"], "country": "TODO"}),
    ("consents", ["1|3", "2"], "user.consent_categories", {"split": "|"}),
    ("consents", ["1;3", "2"], "user.consent_categories", {"split": ";"}),
    ("optin", ["oui", "non"], "user.consent_categories", {"split": "|", "map": {"oui": "TODO", "non": None}}),
    ("naissance", ["31/12/1980"], "user.birthdate", {"format": "%d/%m/%Y"}),
    ("naissance", ["01/12/1980"], "user.birthdate", {"format": "TODO"}),
    ("naissance", ["1980-12-31"], "user.birthdate", None),
    ("new_customer", ["oui", "non"], "user.is_new_customer", {"map": {"oui": True, "non": False}}),
    ("new_customer", ["1", "0"], "user.is_new_customer", None),
    ("coupon", ["a: #b", "it's"], "coupon", None),
]  # fmt: skip


@pytest.mark.parametrize(("column", "values", "target", "spec"), FIELDS)
def test_fields(column: str, values: list[str], target: str, spec: Any) -> None:  # noqa: ANN401  (any JSON)
    found = parsed(drafted(purchases(**{column: values})).text)["fields"][target]
    assert found == (column if spec is None else {"column": column, **spec})


def test_a_number_with_the_sign_of_a_currency_is_cast() -> None:
    draft = drafted(purchases(shipping_cost=["4,90 €", "5 €"]).replace("10.50", "10"))
    assert parsed(draft.text)["fields"]["shipping_amount"]["sql"].startswith("CAST(REPLACE(")
    assert draft.trial.rejected == 0


def test_a_french_number_among_french_names_is_taken_for_one_and_said_to_be_guessed() -> None:
    text = drafted(purchases(telephone=["0612345678"], ville=["Lyon"], prenom=["Ann"])).text
    assert "{column: telephone, clean: [trim, e164], country: FR}" in text
    assert "# FR is guessed" in text


def test_personal_values_are_shown_by_their_shape() -> None:
    text = drafted(purchases(email=["ann.lee@example.org"], note_email=["eve@example.org"], prenom=["Annabel"])).text
    assert not any(secret in text for secret in ("ann.lee", "eve@", "Annabel"))
    assert "# email: aaa.aaa@aaaaaaa.aaa" in text


def test_unused_columns_stand_there_with_an_example_and_what_is_missing_with_its_words() -> None:
    text = drafted(purchases(warehouse=["North 4"])).text
    assert "  #   warehouse: North 4\n" in text
    assert f"  # payment_method: {{value: …}}   # required by the reference: {', '.join(PAYMENT_METHODS)}\n" in text


def test_null_words_are_declared() -> None:
    draft = drafted(purchases(coupon=["NULL", "A"] * 10 + ["N/A"], shipping_cost=["4.90", "5"] * 10 + ["-"]))
    assert 'null_values: ["NULL", N/A, "-"]' in live(draft.text) or 'null_values: ["NULL", "N/A", "-"]' in live(
        draft.text
    )
    assert draft.trial.rejected == 0
    assert "NA" not in live(drafted(purchases(country=["NA", "FR"])).text).partition("fields:")[0]


def test_an_id_keeps_its_leading_zeros_and_is_the_key() -> None:
    text = drafted(purchases(coupon=["A", "B"])).text
    assert "  # Stays text, so its leading zeros live.\n  id: order_id\n" in text
    assert "key: order_id" in live(text)


@pytest.mark.parametrize(
    ("header", "rows", "key"),
    [
        ("ts,visitor_id,page_url", ["1700000001,v,https://a.org/"] * 2, "position"),
        (
            "ts,visitor_id,page_url",
            ["1700000001,v,https://a.org/", "1700000002,v,https://a.org/"],
            ["visitor_id", "ts"],
        ),
        ("hit_id,ts,visitor_id,page_url", ["a,1700000001,v,https://a.org/", "b,1700000001,v,https://a.org/"], "hit_id"),
    ],
)
def test_the_key_is_what_is_unique(header: str, rows: list[str], key: str | list[str]) -> None:
    assert parsed(drafted("\n".join([header, *rows, ""])).text)["key"] == key


def test_a_zone_is_asked_for_unless_the_name_says_it() -> None:
    content = purchases(coupon=["A"]).replace("T03:04:05Z", " 03:04:05")
    assert "timezone: TODO" in live(drafted(content).text)
    assert "timezone: UTC" in live(drafted(content.replace("ordered_at", "ordered_at_utc")).text)
    assert "timezone" not in live(drafted(purchases(coupon=["A"])).text)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("price_eur", "EUR"),
        ("total", "TODO"),
        ("Total (£)", "GBP"),
        ("total_usd", "USD"),
    ],
)
def test_a_currency_that_no_column_has(header: str, code: str) -> None:
    text = drafted(f"order_id,customer_id,date,{header}\n1,7,2024-01-02,10.5\n2,7,2024-01-03,11.5\n").text
    assert parsed(text)["fields"]["currency"] == {"value": code}


def test_the_event_may_stand_in_a_column() -> None:
    draft = drafted(purchases(event_type=["vente", "remboursement", "zzz"]))
    names = {"vente": "purchase", "remboursement": "refund", "zzz": "TODO"}
    assert parsed(draft.text)["event"] == {"column": "event_type", "map": names}
    assert [place for place, _ in draft.todos] == ["event"]


@pytest.mark.parametrize(
    ("name", "content", "event"),
    [
        ("leads.csv", "id,date,email\n1,2024-01-02,a@b.org\n", "generate_lead"),
        ("x.csv", "lead_id,date,email\n1,2024-01-02,a@b.org\n", "generate_lead"),
        ("x.csv", "search_term,date,visitor_id\nshoes,2024-01-02,v\n", "search"),
        ("inscriptions.csv", "date,email\n2024-01-02,a@b.org\n", "sign_up"),
        ("x.csv", "a,b\nx,y\n", "TODO"),
    ],
)
def test_the_event_is_guessed_from_columns_and_file(name: str, content: str, event: str) -> None:
    assert parsed(drafted(content, name).text)["event"] == event


def test_an_event_that_is_given_is_taken() -> None:
    text = drafted(purchases(coupon=["A"]), event="purchas").text
    assert parsed(text)["event"] == "purchas"
    assert "did you mean `purchase`" in text
    assert parsed(text)["fields"]["value"] == {"column": "total", "type": "number"}


SALES = "order_no|sold_on|customer|article|qty|price_eur\n" + "".join(
    f"{order}|2024-01-{order:02d}T10:00:00Z|7|A{line}|{-1 if order == 5 else 1}|{line + 1}.50\n"
    for order in range(1, 21)
    for line in range(1 + order % 2)
)


def test_negative_quantities_are_refunds_with_positive_amounts() -> None:
    draft = drafted(SALES)
    text = live(draft.text)
    assert "event: {sql: \"CASE WHEN SUM(price_eur * qty) < 0 THEN 'refund' ELSE 'purchase' END\"}" in text
    assert 'value: {sql: "ABS(SUM(price_eur * qty))", round: 2}' in text
    assert 'quantity: {sql: "ABS(qty)"}' in text
    assert "# 1 orders of the sample are negative" in draft.text
    report = validated(answered(draft.text, {}))
    assert (report.exit_code, report.events.accepted) == (0, 20)
    assert "CASE" not in drafted(SALES, event="purchase").text


def test_amounts_that_differ_within_an_order_are_summed_up() -> None:
    content = "order_id,customer_id,date,sku,amount\n" + "".join(
        f"{n // 2},7,2024-01-02,s{n},{n}.5\n" for n in range(8)
    )
    assert 'value: {sql: "SUM(amount)", round: 2}' in live(drafted(content).text)


def test_a_total_on_each_line_is_no_sum_for_one_mistake() -> None:
    rows = [f"{n // 2},7,2024-01-02,s{n},{99 if n == 3 else 10}\n" for n in range(40)]
    draft = drafted("order_id,customer_id,date,sku,total\n" + "".join(rows))
    assert parsed(draft.text)["fields"]["value"] == "total"


def test_an_export_that_says_things_of_an_order_on_its_first_line_only() -> None:
    header = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem sku,Payment Method,Id\n"
    rows = [
        f"#{order},a@b.org,{'paid' if first else ''},{'EUR' if first else ''},{'9.90' if first else ''},"
        f"2024-01-02 10:00:00 +0100,1,s{first},{'Acme Pay' if first else ''},{f'55{order}' if first else ''}\n"
        for order in range(10, 30)
        for first in (1, 0)
    ]
    draft = drafted(header + "".join(rows))
    mapping = parsed(draft.text)
    assert (mapping["group_by"], mapping["fields"]["id"]) == ("Name", "Id")
    assert mapping["fields"]["value"] == {"sql": 'SUM("Total")', "round": 2}
    assert mapping["fields"]["payment_method"]["map"] == {"Acme Pay": "TODO"}
    assert (draft.trial.events, draft.trial.rejected) == (20, 0)


def test_an_order_that_comes_once_is_no_group() -> None:
    text = live(drafted("order_id,customer_id,date,sku,amount\n1,7,2024-01-02,a,1.5\n2,7,2024-01-02,b,2.5\n").text)
    assert "group_by" not in text
    assert "key: order_id" in text


def test_copies_of_an_order_are_no_lines() -> None:
    content = "order_id,customer_id,date,sku,amount\n" + "".join(f"{n // 2},7,2024-01-02,s,1.5\n" for n in range(8))
    assert "group_by" not in live(drafted(content).text)


def test_an_order_with_lines_of_both_signs_keeps_their_signs() -> None:
    content = SALES + "30|2024-01-30T10:00:00Z|7|A0|3|9.50\n30|2024-01-30T10:00:00Z|7|A1|-1|1.00\n"
    draft = drafted(content)
    assert parsed(draft.text)["fields"]["items"]["each"]["quantity"] == "qty"
    assert "# 1 have lines of both signs" in draft.text


LINES = "order_id,customer_id,date,line_no,sku,code,nom,prenom,ville,line_price,total\n" + "".join(
    f"{n // 2},7,2024-01-02,{n % 2 + 1},s{n},z,Lee,Ann,Lyon,2.5,5\n" for n in range(8)
)


def test_numbers_of_lines_are_no_ids_of_articles_and_a_bare_code_means_nothing() -> None:
    draft = drafted(LINES)
    fields = parsed(draft.text)["fields"]
    assert fields["items"]["each"] == {"id": "sku", "product.id": "sku", "product.price": "line_price"}
    assert (fields["id"], fields["user.lastname"]) == ("order_id", "nom")
    assert "#   line_no: 1\n" in draft.text
    assert "#   code: z\n" in draft.text


def test_a_bare_code_is_no_order() -> None:
    assert (
        "id" not in parsed(drafted("code,customer_id,date,total\nA,7,2024-01-02,3\nB,7,2024-01-02,4\n").text)["fields"]
    )


def test_the_time_of_a_change_is_not_that_of_the_event() -> None:
    draft = drafted("order_id,customer_id,updated_at,total\n1,7,2024-01-02,3\n2,7,2024-01-02,4\n")
    assert parsed(draft.text)["fields"]["context.event_timestamp"] == "TODO"


def test_orders_whose_ids_are_floats_are_grouped_by_whole_numbers() -> None:
    frame = pl.DataFrame({"order_id": [1.0, 1.0, 2.0], "sku": ["a", "b", "c"], "customer_id": ["7"] * 3})
    frame = frame.with_columns(date=pl.lit("2024-01-02T00:00:00Z"), total=pl.lit(3))
    draft = drafted(frame, "export.parquet")
    assert parsed(draft.text)["source"] == {"columns": {"order_id": "integer"}}
    assert (draft.trial.events, draft.trial.problem) == (2, "")


def test_an_address_on_a_purchase_is_warned_of() -> None:
    assert "all members of `user` apply" in drafted(LINES).text
    assert "all members of `user` apply" not in drafted(LINES.replace("ville", "zone")).text


def test_a_field_that_does_not_compile_becomes_a_comment_with_the_reason() -> None:
    Path("export.csv").write_text(LINES, encoding="utf-8")
    facts = recognise(take_sample("export.csv"), None)
    draft = build(facts)
    draft.fields.append(Field("gift", {"sql": "nowhere > 1"}))
    draft.entries.append(Field("colour", {"sql": "NOW()"}))
    tried = trial(draft, facts)
    assert (tried.events, tried.problem) == (4, "")
    refused = [item.target for item in (*draft.fields, *draft.entries) if item.refused]
    assert refused == ["gift", "colour"]
    text = render(draft)
    assert "gift" not in live(text)
    assert "# left out: " in text
    assert "# colour: {sql: NOW()}" in text or '# colour: {sql: "NOW()"}' in text


def test_a_draft_that_cannot_work_says_so() -> None:
    Path("export.csv").write_text(LINES, encoding="utf-8")
    facts = recognise(take_sample("export.csv"), None)
    draft = build(facts)
    draft.settings.append(Setting("where", "nowhere = 1"))
    assert "nowhere" in trial(draft, facts).problem


def test_statuses_and_methods_are_those_of_the_reference() -> None:
    for target in ENUMERATED:
        prop = find("purchase", target) or find("page_view", target)
        assert prop is not None
    assert {meaning_of("status", word)[1] for word in PURCHASE_STATUSES} == set(PURCHASE_STATUSES)
    assert {meaning_of("payment_method", word)[1] for word in PAYMENT_METHODS} == set(PAYMENT_METHODS)


@pytest.mark.parametrize("word", ["not shipped", "non livrée", "pas payé", "P", ""])
def test_what_is_not_known_is_not_guessed(word: str) -> None:
    assert meaning_of("status", word) == (False, None)


def test_countries() -> None:
    assert len(codes()) == 2 * 249
    assert [country_of(name)[1] for name in ("EIRE", "Royaume-Uni", "Côte d\u2019Ivoire", "fra", "États Unis")] == [
        "IE", "GB", "CI", "FR", "US",
    ]  # fmt: skip
    assert country_of("Unspecified") == (True, None)
    assert country_of("Atlantis") == (False, None)
    assert {"EUR", "USD", "CHF"} <= CURRENCIES
