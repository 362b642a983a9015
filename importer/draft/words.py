"""The name of a column as words of one language: ``N° commande``, ``orderId``, ``INVOICE_NO`` all are an order's id."""

from __future__ import annotations

import re
import unicodedata
from functools import cache


def one_of(words: str) -> frozenset[str]:
    """The set of ``words``, which stand with blanks between them."""
    return frozenset(words.split())


_LISTS = {
    "address": "address addr adresse",
    "affiliation": "affiliation affiliate affilie",
    "agent": "useragent",
    "birth": "birth birthday birthdate dob naissance anniversaire born",
    "brand": "brand marque manufacturer fabricant",
    "campaign": "campaign campagne",
    "cancelled": "cancelled canceled cancel annule annulee annules annulation",
    "card": "card carte loyalty fidelite",
    "carrier": "carrier transporteur",
    "category": "category categorie categories rayon famille cat department",
    "channel": "channel canal",
    "city": "city ville town localite locality commune",
    "color": "color colors colour colours couleur couleurs",
    "consent": "consent consents consentement consentements optin gdpr rgpd",
    "content": "content contenu",
    "country": "country pays nation",
    "coupon": "coupon coupons voucher promo promocode bon",
    "created": "created add added creation createdat placed ordered passee passe validated validation",
    "currency": "currency devise cur curr monnaie",
    "customer": "customer client user utilisateur buyer acheteur member membre contact account compte "
    "subscriber abonne "
    "cust person personne",
    "date": "date dates day jour dt",
    "discount": "discount remise rabais reduction ristourne",
    "email": "email mail courriel emailaddress",
    "event": "event evenement hit action",
    "excl": "ht excl excluding net hors exc",
    "fee": "fee fees frais cost costs",
    "final": "final paid paye payee",
    "first": "first firstname prenom given forename",
    "gender": "gender sexe sex genre civilite civility salutation",
    "hash": "hash hashed sha256 md5 sha",
    "id": "id no nr num numero number ref reference identifiant identifier code key cle uid uuid guid ids",
    "incl": "ttc incl including gross brut inc",
    "ip": "ip ipaddress",
    "keyword": "keyword keywords",
    "kind": "type kind nature operation",
    "lang": "lang language langue locale",
    "last": "last lastname surname family nomfamille",
    "lead": "lead leads prospect form formulaire demande inquiry",
    "line": "line lines ligne lignes item items row orderline orderlines",
    "medium": "medium",
    "method": "method mode moyen means methode",
    "name": "name nom label libelle designation intitule description desc",
    "new": "new nouveau nouvelle",
    "order": "order orders commande commandes cmd cde transaction invoice facture purchase achat sale sales "
    "vente receipt "
    "ticket conversion booking reservation",
    "original": "original origine initial",
    "page": "page screen ecran",
    "path": "path chemin",
    "payment": "payment paiement pay reglement paymentmethod",
    "phone": "phone telephone tel mobile portable gsm cell phonenumber",
    "price": "price prix pu tarif unitprice",
    "product": "product produit article stock prod",
    "product id": "sku ean gtin asin upc productid articleid",
    "provider": "provider",
    "quantity": "quantity qty qte quantite quantites qt pieces units nb qtity",
    "referrer": "referrer referer provenance",
    "region": "region departement province",
    "returned": "returned retourne retournee rendu refunded rembourse remboursee",
    "revenue": "revenue revenu ca turnover",
    "search": "search recherche query term requete",
    "session": "session visit visite",
    "shipping": "shipping livraison port delivery expedition freight transport shipment",
    "size": "size taille pointure",
    "source": "source",
    "state": "state",
    "status": "status statut etat",
    "store": "store magasin shop boutique",
    "street": "street rue voie",
    "sub": "sub sous",
    "tax": "tax taxes tva vat taxe",
    "template": "template gabarit",
    "time": "time heure timestamp ts datetime horodatage at instant moment epoch ms",
    "title": "title titre",
    "total": "total montant amount sum somme value valeur grand totals amt",
    "unit": "unit unitaire unite",
    "updated": "updated modified maj modification update changed acknowledged",
    "url": "url uri link href lien",
    "utm": "utm",
    "variant": "variant variante",
    "visitor": "visitor visiteur anonymous anonyme cookie caid tcid",
    "zip": "zip zipcode postal postcode postale cp plz",
}  # fmt: skip
_NOISE = one_of(
    "de du des la le les l d the of a an et and au aux en to is by par billing facturation web utc gmt local iso "
    "eur usd gbp chf main my txt str crm"
)
_PAIRS = {
    ("e", "mail"): "email",
    ("opt", "in"): "optin",
    ("user", "agent"): "useragent",
    ("sans", "taxe"): "ht",
    ("hors", "taxe"): "ht",
    ("hors", "taxes"): "ht",
    **{(tax, word): "ttc" for tax in ("tax", "vat") for word in ("incl", "included", "inclusive")},
    **{(tax, word): "ht" for tax in ("tax", "vat") for word in ("excl", "excluded", "exclusive")},
    **{(word, tax): "ttc" for tax in ("tax", "vat") for word in ("incl", "inc", "including", "with")},
    **{(word, tax): "ht" for tax in ("tax", "vat") for word in ("excl", "ex", "excluding", "without")},
    ("zip", "code"): "zip",
    ("code", "postal"): "zip",
    ("postal", "code"): "zip",
    ("code", "promo"): "promo",
    ("post", "code"): "zip",
    ("birth", "day"): "birth",
    ("day", "time"): "time",
    ("mot", "cle"): "keyword",
    ("credit", "card"): "creditcard",
    ("nom", "famille"): "lastname",
}
_VOCABULARY = {word: tuple(meaning.split()) for meaning, words in _LISTS.items() for word in words.split()}
MEANINGS = frozenset(part for meaning in _LISTS for part in meaning.split())
"""The words that :func:`words_of` knows; others it leaves as they are."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SHORTEST_PART = 2


def words_of(name: str) -> frozenset[str]:
    """The words of the name of a column, in one spelling: without accents, articles, plural or language."""
    text = re.sub(r"[nN]\s*[°º]|№", " no ", name)
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    tokens = re.findall(r"[a-z]+|\d+", _CAMEL.sub(" ", plain).lower())
    telling = [token for token in _whole(tokens) if token not in _NOISE]
    return frozenset(meaning for token in _paired(telling) for meaning in _meanings(token))


def raw_words(name: str) -> frozenset[str]:
    """The words of a name as they are written, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return frozenset(re.findall(r"[a-z]+", _CAMEL.sub(" ", plain).lower()))


def _whole(tokens: list[str]) -> list[str]:
    """Words and digits that belong together: ``sha256``."""
    text = " ".join(tokens).replace("sha 256", "sha256").replace("md 5", "md5")
    return re.sub(r"\b(sha|md)(\d+) ?", r"\1\2 ", text).split()


def _paired(tokens: list[str]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        if found and (pair := _PAIRS.get((found[-1], token))):
            found[-1] = pair
        else:
            found.append(token)
    return found


@cache
def _meanings(token: str) -> tuple[str, ...]:
    return _VOCABULARY.get(token) or _glued(token) or (token,)


def _glued(token: str) -> tuple[str, ...]:
    """The meanings of words that were written as one: ``orderid``, ``datecommande``."""
    for cut in range(len(token) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        first = _VOCABULARY.get(token[:cut])
        if first is None:
            continue
        rest = token[cut:]
        following = _VOCABULARY.get(rest) or (() if rest in _NOISE else _glued(rest))
        if following:
            return (*first, *following)
    return ()
