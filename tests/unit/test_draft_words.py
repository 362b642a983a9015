"""Names of columns, in English and French and in any spelling, and the targets that they mean."""

from __future__ import annotations

import pytest

from importer.draft.rules import rules, score, targets
from importer.draft.words import MEANINGS, words_of
from importer.reference import EVENT_NAMES, find

EXPECTED = {
    "id": "order_id OrderID orderId ORDER-ID invoiceNo InvoiceNo numero_commande NumeroCommande N°_commande no_facture "
    "transaction_id ref_commande orderid numcommande order.id",
    "context.event_timestamp": "date_commande InvoiceDate order_date ordered_at created_at timestamp datecommande "
    "placedAt event_time date date_add Horodatage purchase_date",
    "value": "montant_ttc total grandTotal order_total total_ttc OrderAmount final_amount total_paid_tax_incl",
    "revenue": "montant_ht net_amount revenue total_ht ca",
    "tax_amount": "tva tax_amount TaxTotal montant_tva",
    "shipping_amount": "frais_port frais_de_livraison shipping_cost shippingAmount",
    "payment_method": "payment_method paiement moyen_de_paiement mode_paiement PaymentType",
    "currency": "currency devise currency_code CurrencyCode",
    "status": "statut order_status etat_commande Status",
    "coupon": "code_promo coupon_code voucher",
    "items[].product.id": "StockCode sku ref_produit product_id code_article conversion_items.product.id",
    "items[].product.name": "product_name libelle_produit Description designation lineTitle",
    "items[].quantity": "Quantity qty quantite Qté line_quantity conversion_items.final_quantity",
    "items[].product.price": "UnitPrice prix_unitaire_ht unit_price price prix unit_price_tax_excl",
    "items[].value": "line_total montant_ligne_ttc conversion_items.final_amount",
    "user.id": "CustomerID customer_id code_client client user_id customer.id",
    "user.email": "email courriel e-mail E_MAIL adresse_email user.user_email customer_email adresse_mail mail",
    "user.phone": "phone téléphone tel mobile phone_number customerPhone",
    "user.firstname": "prenom first_name FirstName",
    "user.lastname": "last_name lastname nom_de_famille",
    "user.zipcode": "code_postal postcode zip billing_address.postal_code cp",
    "user.city": "ville city billing_city",
    "user.country": "pays country Country billing_address.country_code",
    "user.gender": "sexe gender civilité",
    "user.birthdate": "date_naissance birthdate DateOfBirth dob date_de_naissance",
    "user.consent_categories": "consent_categories consentements optin_email",
    "user.consistent_anonymous_id": "visitor_id id_visiteur",
    "url": "page_url url pageUrl",
    "page_type": "page_type template pageType",
    "context.device.ip": "ip ip_address adresse_ip",
    "context.device.user_agent": "user_agent userAgent useragent",
}


@pytest.mark.parametrize(
    ("name", "target"), [(name, target) for target, names in EXPECTED.items() for name in names.split()]
)
def test_a_name_means_its_target_before_any_other(name: str, target: str) -> None:
    words = words_of(name)
    assert max(targets(), key=lambda other: score(other, words)) == target, words


@pytest.mark.parametrize(
    "name",
    ["session_id", "parent_code", "payment_date", "updated_at", "comment", "shipping_address.label", "birth_city"],
)
def test_other_names_mean_no_order_id_and_no_time(name: str) -> None:
    assert not score("id", words_of(name))
    assert not score("context.event_timestamp", words_of(name))


def test_rules_use_words_that_names_can_have() -> None:
    digits = {"1", "2", "3"}
    assert {word for rule in rules() for word in rule.words | rule.beside} <= MEANINGS | digits


def test_every_target_is_one_of_the_reference() -> None:
    unknown = [target for target in targets() if not any(find(event, target) for event in EVENT_NAMES)]
    assert unknown == []
