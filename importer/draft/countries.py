"""Countries of ISO 3166-1 by code and by their usual names in English and French, and the currencies of ISO 4217."""

from __future__ import annotations

from functools import cache

from importer.draft.synonyms import plain
from importer.draft.words import one_of

# code of two letters, of three letters, names
_TABLE = """
AD AND Andorra|Andorre; AE ARE United Arab Emirates|Émirats arabes unis|UAE|EAU; AF AFG Afghanistan
AG ATG Antigua and Barbuda|Antigua-et-Barbuda; AI AIA Anguilla; AL ALB Albania|Albanie; AM ARM Armenia|Arménie
AO AGO Angola; AQ ATA Antarctica|Antarctique; AR ARG Argentina|Argentine; AS ASM American Samoa|Samoa américaines
AT AUT Austria|Autriche|Österreich; AU AUS Australia|Australie; AW ABW Aruba; AX ALA Åland Islands|Îles Åland
AZ AZE Azerbaijan|Azerbaïdjan; BA BIH Bosnia and Herzegovina|Bosnie-Herzégovine|Bosnia; BB BRB Barbados|Barbade
BD BGD Bangladesh; BE BEL Belgium|Belgique|België; BF BFA Burkina Faso; BG BGR Bulgaria|Bulgarie
BH BHR Bahrain|Bahreïn; BI BDI Burundi; BJ BEN Benin|Bénin; BL BLM Saint Barthélemy|Saint-Barthélemy
BM BMU Bermuda|Bermudes; BN BRN Brunei|Brunei Darussalam; BO BOL Bolivia|Bolivie; BQ BES Bonaire
BR BRA Brazil|Brésil|Brasil; BS BHS Bahamas; BT BTN Bhutan|Bhoutan; BV BVT Bouvet Island|Île Bouvet
BW BWA Botswana; BY BLR Belarus|Biélorussie; BZ BLZ Belize; CA CAN Canada; CC CCK Cocos Islands|Îles Cocos
CD COD Democratic Republic of the Congo|République démocratique du Congo|DR Congo; CF CAF Central African Republic|République centrafricaine
CG COG Congo; CH CHE Switzerland|Suisse|Schweiz; CI CIV Côte d'Ivoire|Ivory Coast; CK COK Cook Islands|Îles Cook
CL CHL Chile|Chili; CM CMR Cameroon|Cameroun; CN CHN China|Chine; CO COL Colombia|Colombie; CR CRI Costa Rica
CU CUB Cuba; CV CPV Cape Verde|Cabo Verde|Cap-Vert; CW CUW Curaçao; CX CXR Christmas Island|Île Christmas
CY CYP Cyprus|Chypre; CZ CZE Czech Republic|Czechia|République tchèque|Tchéquie; DE DEU Germany|Allemagne|Deutschland
DJ DJI Djibouti; DK DNK Denmark|Danemark; DM DMA Dominica|Dominique; DO DOM Dominican Republic|République dominicaine
DZ DZA Algeria|Algérie; EC ECU Ecuador|Équateur; EE EST Estonia|Estonie; EG EGY Egypt|Égypte
EH ESH Western Sahara|Sahara occidental; ER ERI Eritrea|Érythrée; ES ESP Spain|Espagne|España; ET ETH Ethiopia|Éthiopie
FI FIN Finland|Finlande; FJ FJI Fiji|Fidji; FK FLK Falkland Islands|Îles Malouines; FM FSM Micronesia|Micronésie
FO FRO Faroe Islands|Îles Féroé; FR FRA France|France métropolitaine; GA GAB Gabon
GB GBR United Kingdom|Royaume-Uni|UK|Great Britain|Grande-Bretagne|England|Angleterre|Scotland|Écosse|Wales; GD GRD Grenada|Grenade
GE GEO Georgia|Géorgie; GF GUF French Guiana|Guyane française|Guyane; GG GGY Guernsey|Guernesey; GH GHA Ghana
GI GIB Gibraltar; GL GRL Greenland|Groenland; GM GMB Gambia|Gambie; GN GIN Guinea|Guinée; GP GLP Guadeloupe
GQ GNQ Equatorial Guinea|Guinée équatoriale; GR GRC Greece|Grèce; GS SGS South Georgia; GT GTM Guatemala; GU GUM Guam
GW GNB Guinea-Bissau|Guinée-Bissau; GY GUY Guyana; HK HKG Hong Kong; HM HMD Heard Island; HN HND Honduras
HR HRV Croatia|Croatie; HT HTI Haiti|Haïti; HU HUN Hungary|Hongrie; ID IDN Indonesia|Indonésie
IE IRL Ireland|Irlande|EIRE|Republic of Ireland; IL ISR Israel|Israël; IM IMN Isle of Man|Île de Man; IN IND India|Inde
IO IOT British Indian Ocean Territory; IQ IRQ Iraq|Irak; IR IRN Iran; IS ISL Iceland|Islande; IT ITA Italy|Italie|Italia
JE JEY Jersey; JM JAM Jamaica|Jamaïque; JO JOR Jordan|Jordanie; JP JPN Japan|Japon; KE KEN Kenya
KG KGZ Kyrgyzstan|Kirghizistan; KH KHM Cambodia|Cambodge; KI KIR Kiribati; KM COM Comoros|Comores
KN KNA Saint Kitts and Nevis|Saint-Christophe-et-Niévès; KP PRK North Korea|Corée du Nord
KR KOR South Korea|Corée du Sud|Korea|Republic of Korea; KW KWT Kuwait|Koweït; KY CYM Cayman Islands|Îles Caïmans
KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon|Liban; LC LCA Saint Lucia|Sainte-Lucie; LI LIE Liechtenstein
LK LKA Sri Lanka; LR LBR Liberia|Libéria; LS LSO Lesotho; LT LTU Lithuania|Lituanie; LU LUX Luxembourg
LV LVA Latvia|Lettonie; LY LBY Libya|Libye; MA MAR Morocco|Maroc; MC MCO Monaco; MD MDA Moldova|Moldavie
ME MNE Montenegro|Monténégro; MF MAF Saint Martin|Saint-Martin; MG MDG Madagascar; MH MHL Marshall Islands|Îles Marshall
MK MKD North Macedonia|Macédoine du Nord|Macedonia; ML MLI Mali; MM MMR Myanmar|Birmanie; MN MNG Mongolia|Mongolie
MO MAC Macao|Macau; MP MNP Northern Mariana Islands; MQ MTQ Martinique; MR MRT Mauritania|Mauritanie; MS MSR Montserrat
MT MLT Malta|Malte; MU MUS Mauritius|Maurice|Île Maurice; MV MDV Maldives; MW MWI Malawi; MX MEX Mexico|Mexique
MY MYS Malaysia|Malaisie; MZ MOZ Mozambique; NA NAM Namibia|Namibie; NC NCL New Caledonia|Nouvelle-Calédonie
NE NER Niger; NF NFK Norfolk Island; NG NGA Nigeria|Nigéria; NI NIC Nicaragua; NL NLD Netherlands|Pays-Bas|The Netherlands|Holland|Hollande
NO NOR Norway|Norvège; NP NPL Nepal|Népal; NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand|Nouvelle-Zélande; OM OMN Oman
PA PAN Panama; PE PER Peru|Pérou; PF PYF French Polynesia|Polynésie française; PG PNG Papua New Guinea|Papouasie-Nouvelle-Guinée
PH PHL Philippines; PK PAK Pakistan; PL POL Poland|Pologne; PM SPM Saint Pierre and Miquelon|Saint-Pierre-et-Miquelon
PN PCN Pitcairn; PR PRI Puerto Rico|Porto Rico; PS PSE Palestine; PT PRT Portugal; PW PLW Palau|Palaos; PY PRY Paraguay
QA QAT Qatar; RE REU Réunion|La Réunion; RO ROU Romania|Roumanie; RS SRB Serbia|Serbie
RU RUS Russia|Russie|Russian Federation; RW RWA Rwanda; SA SAU Saudi Arabia|Arabie saoudite
SB SLB Solomon Islands|Îles Salomon; SC SYC Seychelles; SD SDN Sudan|Soudan; SE SWE Sweden|Suède; SG SGP Singapore|Singapour
SH SHN Saint Helena|Sainte-Hélène; SI SVN Slovenia|Slovénie; SJ SJM Svalbard; SK SVK Slovakia|Slovaquie
SL SLE Sierra Leone; SM SMR San Marino|Saint-Marin; SN SEN Senegal|Sénégal; SO SOM Somalia|Somalie; SR SUR Suriname
SS SSD South Sudan|Soudan du Sud; ST STP Sao Tome and Principe|Sao Tomé-et-Principe; SV SLV El Salvador|Salvador
SX SXM Sint Maarten; SY SYR Syria|Syrie; SZ SWZ Eswatini|Swaziland; TC TCA Turks and Caicos Islands; TD TCD Chad|Tchad
TF ATF French Southern Territories|Terres australes françaises; TG TGO Togo; TH THA Thailand|Thaïlande
TJ TJK Tajikistan|Tadjikistan; TK TKL Tokelau; TL TLS Timor-Leste|Timor oriental; TM TKM Turkmenistan|Turkménistan
TN TUN Tunisia|Tunisie; TO TON Tonga; TR TUR Turkey|Turquie|Türkiye; TT TTO Trinidad and Tobago|Trinité-et-Tobago
TV TUV Tuvalu; TW TWN Taiwan|Taïwan; TZ TZA Tanzania|Tanzanie; UA UKR Ukraine; UG UGA Uganda|Ouganda
UM UMI United States Minor Outlying Islands; US USA United States|États-Unis|United States of America|America
UY URY Uruguay; UZ UZB Uzbekistan|Ouzbékistan; VA VAT Vatican; VC VCT Saint Vincent|Saint-Vincent-et-les-Grenadines
VE VEN Venezuela; VG VGB British Virgin Islands; VI VIR U.S. Virgin Islands; VN VNM Vietnam|Viêt Nam|Viet Nam; VU VUT Vanuatu
WF WLF Wallis and Futuna|Wallis-et-Futuna; WS WSM Samoa; XK XKX Kosovo; YE YEM Yemen|Yémen; YT MYT Mayotte
ZA ZAF South Africa|Afrique du Sud|RSA; ZM ZMB Zambia|Zambie; ZW ZWE Zimbabwe
"""  # noqa: E501  (one entry after the other)
CURRENCIES = one_of(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK "
    "HTG HUF IDR ILS "
    "INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD "
    "MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK "
    "SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND "
    "VUV WST XAF XCD "
    "XOF XPF YER ZAR ZMW ZWL"
)
_NOWHERE = frozenset({"unknown", "unspecified", "inconnu", "other", "autre", "none", "non_renseigne"})


@cache
def _entries() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    texts = (text.strip() for line in _TABLE.strip().splitlines() for text in line.split(";"))
    return tuple((text[:2], text[3:6], tuple(text[7:].split("|"))) for text in texts)


@cache
def codes() -> frozenset[str]:
    """The codes of two and of three letters."""
    return frozenset(code for two, three, _ in _entries() for code in (two, three))


@cache
def _names() -> dict[str, str]:
    return {plain(name): two for two, three, names in _entries() for name in (two, three, *names)}


def country_of(text: str) -> tuple[bool, str | None]:
    """Whether ``text`` names a country or says that there is none, and its code of two letters."""
    word = plain(text)
    return (True, None) if word in _NOWHERE else (word in _names(), _names().get(word))
