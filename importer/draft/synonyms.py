"""What the codes and words of exports mean in the enumerations of the event reference, in English and in French."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from importer.draft.words import one_of

_ORDER_STATUS = {
    "canceled": "cancelled canceled cancel void voided aborted annule annulee annulation abandonnee refused "
    "refusee rejected",
    "delivered": "delivered completed complete done fulfilled closed livre livree livraison effectuee "
    "terminee terminé cloturee "
    "received recue",
    "in_progress": "in_progress processing paid confirmed accepted validated open new placed payee paye "
    "validee confirmee "
    "encours en_cours en_preparation preparation nouvelle acceptee captured authorized",
    "partially_delivered": "partially_delivered partiellement_livree",
    "partially_returned": "partially_returned partially_refunded partiellement_retournee partiellement_remboursee",
    "partially_shipped": "partially_shipped partiellement_expediee",
    "pending_shipment": "pending_shipment awaiting_shipment ready_to_ship to_ship a_expedier "
    "en_attente_expedition prete",
    "returned": "returned refunded return refund retournee retour remboursee rembourse",
    "shipped": "shipped sent dispatched in_transit expediee expedie envoyee en_livraison en_transit",
    "pending": "pending waiting awaiting_payment on_hold unpaid en_attente attente en_attente_paiement "
    "en_attente_de_paiement "
    "non_payee",
}
_PAYMENT = {
    "card": "card cb creditcard credit_card debit_card carte carte_bancaire carte_bleue carte_de_credit visa "
    "mastercard amex "
    "maestro stripe bank_card",
    "online_payment_system": "paypal apple_pay applepay google_pay googlepay amazon_pay alipay klarna paylib "
    "lydia wallet "
    "wechat_pay ideal sofort giropay",
    "by_bank_transfer_in_advance": "transfer bank_transfer wire wire_transfer virement virement_bancaire vir "
    "sepa_transfer",
    "check_in_advance": "check cheque chq",
    "direct_debit": "direct_debit prelevement sepa_direct_debit prelevement_sepa",
    "cod": "cod cash_on_delivery cash especes contre_remboursement",
    "by_invoice": "invoice by_invoice facture sur_facture on_account",
    "coupon": "coupon voucher gift_card giftcard carte_cadeau bon_cadeau cheque_cadeau avoir",
    "other": "other autre autres",
}
_TYPE = {
    "online": "online web www site website internet ecommerce e_commerce app mobile mobile_app application en_ligne",
    "offline": "offline store shop magasin boutique retail pos instore in_store caisse",
    "call": "call phone telephone tel call_center callcenter centre_appel",
}
_GENDER = {
    "f": "f female femme woman w mme mlle madame mademoiselle mrs ms miss feminin",
    "m": "m male homme man h mr monsieur masculin",
    None: "u unknown other autre x n_a inconnu inconnue non_renseigne not_specified unspecified none nb non_binaire",
}
_PAGE_TYPE = {
    "home": "home homepage accueil index",
    "landing": "landing landing_page",
    "product_list": "product_list category categorie list listing plp catalog catalogue collection",
    "product": "product produit pdp product_page fiche_produit detail",
    "content_list": "content_list blog_list",
    "content": "content article blog contenu editorial",
    "search": "search recherche search_results resultats",
    "funnel": "funnel checkout tunnel commande payment paiement delivery livraison",
    "funnel_confirmation": "confirmation order_confirmation thank_you merci funnel_confirmation",
    "success": "success",
    "account": "account compte my_account mon_compte login",
    "cart": "cart basket panier",
    "legal": "legal mentions_legales cgv privacy terms",
}
_EVENT = {
    "purchase": "purchase order sale sales vente commande achat transaction conversion invoice facture",
    "refund": "refund return retour remboursement avoir credit_note credit cancellation annulation",
    "page_view": "page_view pageview page_vue view screen_view hit",
    "view_item": "view_item product_view item_view vue_produit",
    "add_to_cart": "add_to_cart cart_add ajout_panier addtocart",
    "remove_from_cart": "remove_from_cart cart_remove retrait_panier",
    "begin_checkout": "begin_checkout checkout",
    "login": "login connexion sign_in signin",
    "sign_up": "sign_up signup register registration inscription",
    "search": "search recherche",
    "generate_lead": "generate_lead lead form_submit prospect demande contact devis",
    "ad_click": "ad_click click clic",
    "ad_view": "ad_view impression",
}
_TABLES: dict[str, dict[Any, str]] = {
    "status": _ORDER_STATUS,
    "payment_method": _PAYMENT,
    "type": _TYPE,
    "user.gender": _GENDER,
    "page_type": _PAGE_TYPE,
    "event": _EVENT,
}
ENUMERATED = frozenset(_TABLES) - {"event"}
"""Targets whose values are looked up here."""
_MOST_WORDS = 3
_NEGATIONS = one_of("not non no pas un partially partiellement partial partiel partielle awaiting")
YES = frozenset({"1", "true", "t", "yes", "y", "oui", "o", "vrai", "opt_in", "optin", "accepted", "granted"})
NO = frozenset({"0", "false", "f", "no", "n", "non", "faux", "opt_out", "optout", "refused", "denied"})


def plain(text: str) -> str:
    """``text`` in lower case, without accents, its words joined by underscores."""
    bare = unicodedata.normalize("NFKD", text.replace("\u2019", "'")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


@cache
def _lookup(target: str) -> dict[str, Any]:
    entries = ((meaning, f"{meaning or ''} {words}") for meaning, words in _TABLES[target].items())
    return {plain(word): meaning for meaning, words in entries for word in words.split()}


def meaning_of(target: str, text: str) -> tuple[bool, Any]:
    """Whether the value ``text`` of a column is known for ``target``, and the value of the reference.

    ``None`` as value means: leave the member out. French words are known in all their genders and numbers.
    """
    table, word = _lookup(target), plain(text)
    for candidate in (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("e"), f"{word}e"):
        if candidate in table:
            return True, table[candidate]
    parts = word.split("_")
    meanings = {table[part] for part in parts if part in table}
    is_clear = len(meanings) == 1 and len(parts) <= _MOST_WORDS and not _NEGATIONS & set(parts)
    return (True, meanings.pop()) if is_clear else (False, None)
