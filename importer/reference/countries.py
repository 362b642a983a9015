"""The countries of ISO 3166-1: codes of two and three letters, and what people call them."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLE: Final = """
AD AND Andorra; AE ARE United Arab Emirates; AF AFG Afghanistan; AG ATG Antigua and Barbuda; AI AIA Anguilla;
AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina; AS ASM American Samoa;
AT AUT Austria; AU AUS Australia; AW ABW Aruba; AX ALA Åland Islands; AZ AZE Azerbaijan;
BA BIH Bosnia and Herzegovina; BB BRB Barbados; BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso;
BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi; BJ BEN Benin; BL BLM Saint Barthélemy; BM BMU Bermuda;
BN BRN Brunei; BO BOL Bolivia; BQ BES Caribbean Netherlands; BR BRA Brazil; BS BHS Bahamas; BT BTN Bhutan;
BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada; CC CCK Cocos Islands;
CD COD Democratic Republic of the Congo; CF CAF Central African Republic; CG COG Congo; CH CHE Switzerland;
CI CIV Ivory Coast; CK COK Cook Islands; CL CHL Chile; CM CMR Cameroon; CN CHN China; CO COL Colombia;
CR CRI Costa Rica; CU CUB Cuba; CV CPV Cape Verde; CW CUW Curaçao; CX CXR Christmas Island; CY CYP Cyprus;
CZ CZE Czechia; DE DEU Germany; DJ DJI Djibouti; DK DNK Denmark; DM DMA Dominica; DO DOM Dominican Republic;
DZ DZA Algeria; EC ECU Ecuador; EE EST Estonia; EG EGY Egypt; EH ESH Western Sahara; ER ERI Eritrea; ES ESP Spain;
ET ETH Ethiopia; FI FIN Finland; FJ FJI Fiji; FK FLK Falkland Islands; FM FSM Micronesia; FO FRO Faroe Islands;
FR FRA France; GA GAB Gabon; GB GBR United Kingdom; GD GRD Grenada; GE GEO Georgia; GF GUF French Guiana;
GG GGY Guernsey; GH GHA Ghana; GI GIB Gibraltar; GL GRL Greenland; GM GMB Gambia; GN GIN Guinea; GP GLP Guadeloupe;
GQ GNQ Equatorial Guinea; GR GRC Greece; GS SGS South Georgia; GT GTM Guatemala; GU GUM Guam; GW GNB Guinea-Bissau;
GY GUY Guyana; HK HKG Hong Kong; HM HMD Heard and McDonald Islands; HN HND Honduras; HR HRV Croatia; HT HTI Haiti;
HU HUN Hungary; ID IDN Indonesia; IE IRL Ireland; IL ISR Israel; IM IMN Isle of Man; IN IND India;
IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran; IS ISL Iceland; IT ITA Italy; JE JEY Jersey;
JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya; KG KGZ Kyrgyzstan; KH KHM Cambodia; KI KIR Kiribati;
KM COM Comoros; KN KNA Saint Kitts and Nevis; KP PRK North Korea; KR KOR South Korea; KW KWT Kuwait;
KY CYM Cayman Islands; KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon; LC LCA Saint Lucia; LI LIE Liechtenstein;
LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho; LT LTU Lithuania; LU LUX Luxembourg; LV LVA Latvia; LY LBY Libya;
MA MAR Morocco; MC MCO Monaco; MD MDA Moldova; ME MNE Montenegro; MF MAF Saint Martin; MG MDG Madagascar;
MH MHL Marshall Islands; MK MKD North Macedonia; ML MLI Mali; MM MMR Myanmar; MN MNG Mongolia; MO MAC Macao;
MP MNP Northern Mariana Islands; MQ MTQ Martinique; MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta;
MU MUS Mauritius; MV MDV Maldives; MW MWI Malawi; MX MEX Mexico; MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia;
NC NCL New Caledonia; NE NER Niger; NF NFK Norfolk Island; NG NGA Nigeria; NI NIC Nicaragua; NL NLD Netherlands;
NO NOR Norway; NP NPL Nepal; NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand; OM OMN Oman; PA PAN Panama; PE PER Peru;
PF PYF French Polynesia; PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland;
PM SPM Saint Pierre and Miquelon; PN PCN Pitcairn; PR PRI Puerto Rico; PS PSE Palestine; PT PRT Portugal;
PW PLW Palau; PY PRY Paraguay; QA QAT Qatar; RE REU Réunion; RO ROU Romania; RS SRB Serbia; RU RUS Russia;
RW RWA Rwanda; SA SAU Saudi Arabia; SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden;
SG SGP Singapore; SH SHN Saint Helena; SI SVN Slovenia; SJ SJM Svalbard and Jan Mayen; SK SVK Slovakia;
SL SLE Sierra Leone; SM SMR San Marino; SN SEN Senegal; SO SOM Somalia; SR SUR Suriname; SS SSD South Sudan;
ST STP Sao Tome and Principe; SV SLV El Salvador; SX SXM Sint Maarten; SY SYR Syria; SZ SWZ Eswatini;
TC TCA Turks and Caicos Islands; TD TCD Chad; TF ATF French Southern Territories; TG TGO Togo; TH THA Thailand;
TJ TJK Tajikistan; TK TKL Tokelau; TL TLS Timor-Leste; TM TKM Turkmenistan; TN TUN Tunisia; TO TON Tonga;
TR TUR Turkey; TT TTO Trinidad and Tobago; TV TUV Tuvalu; TW TWN Taiwan; TZ TZA Tanzania; UA UKR Ukraine;
UG UGA Uganda; UM UMI US Outlying Islands; US USA United States; UY URY Uruguay; UZ UZB Uzbekistan;
VA VAT Vatican City; VC VCT Saint Vincent and the Grenadines; VE VEN Venezuela; VG VGB British Virgin Islands;
VI VIR US Virgin Islands; VN VNM Vietnam; VU VUT Vanuatu; WF WLF Wallis and Futuna; WS WSM Samoa; YE YEM Yemen;
YT MYT Mayotte; ZA ZAF South Africa; ZM ZMB Zambia; ZW ZWE Zimbabwe
"""

# What they are called elsewhere, or by themselves; parts of the United Kingdom, because people write them.
_ALSO: Final = """
AD Andorre; AE EAU; AE UAE; AE Émirats arabes unis; AG Antigua-et-Barbuda; AL Albanie; AM Arménie; AQ Antarctique; AR
Argentine; AS Samoa américaines; AT Autriche; AT Österreich; AU Australie; AX Îles Åland; AZ Azerbaïdjan; BA Bosnia;
BA Bosnie-Herzégovine; BB Barbade; BE Belgique; BE België; BG Bulgarie; BH Bahreïn; BJ Bénin; BL Saint-Barthélemy; BM
Bermudes; BN Brunei Darussalam; BO Bolivie; BQ Bonaire; BR Brasil; BR Brésil; BT Bhoutan; BV Île Bouvet; BY
Biélorussie; CC Îles Cocos; CD DR Congo; CD République démocratique du Congo; CF République centrafricaine; CH
Schweiz; CH Suisse; CH Svizzera; CI Côte d'Ivoire; CK Îles Cook; CL Chili; CM Cameroun; CN Chine; CO Colombie; CV Cabo
Verde; CV Cap-Vert; CX Île Christmas; CY Chypre; CZ Czech Republic; CZ République tchèque; CZ Tchéquie; DE Allemagne;
DE Deutschland; DK Danemark; DK Danmark; DM Dominique; DO République dominicaine; DZ Algérie; EC Équateur; EE Estonie;
EG Égypte; EH Sahara occidental; ER Érythrée; ES Espagne; ES España; ET Éthiopie; FI Finlande; FI Suomi; FJ Fidji; FK
Îles Malouines; FM Micronésie; FO Îles Féroé; FR France métropolitaine; GB Angleterre; GB England; GB Grande-Bretagne;
GB Great Britain; GB Northern Ireland; GB Royaume-Uni; GB Scotland; GB UK; GB Wales; GB Écosse; GD Grenade; GE
Géorgie; GF Guyane; GF Guyane française; GG Guernesey; GL Groenland; GM Gambie; GN Guinée; GQ Guinée équatoriale; GR
EL; GR Grèce; GR Hellas; GW Guinée-Bissau; HM Heard Island; HR Croatie; HT Haïti; HU Hongrie; ID Indonésie; IE EIRE;
IE Eire; IE Irlande; IE Republic of Ireland; IL Israël; IM Île de Man; IN Inde; IQ Irak; IS Islande; IT Italia; IT
Italie; JM Jamaïque; JO Jordanie; JP Japon; KG Kirghizistan; KH Cambodge; KM Comores; KN Saint-Christophe-et-Niévès;
KP Corée du Nord; KR Corée du Sud; KR Korea; KR Republic of Korea; KW Koweït; KY Îles Caïmans; LB Liban; LC
Sainte-Lucie; LR Libéria; LT Lituanie; LU Luxemburg; LV Lettonie; LY Libye; MA Maroc; MD Moldavie; ME Monténégro; MF
Saint-Martin; MH Îles Marshall; MK Macedonia; MK Macédoine du Nord; MM Birmanie; MM Burma; MN Mongolie; MO Macau; MR
Mauritanie; MT Malte; MU Maurice; MU Île Maurice; MX Mexique; MY Malaisie; NA Namibie; NC Nouvelle-Calédonie; NG
Nigéria; NL Holland; NL Hollande; NL Nederland; NL Pays-Bas; NL The Netherlands; NO Norge; NO Norvège; NP Népal; NZ
Nouvelle-Zélande; PE Pérou; PF Polynésie française; PG Papouasie-Nouvelle-Guinée; PL Pologne; PL Polska; PM
Saint-Pierre-et-Miquelon; PR Porto Rico; PT Portugal; PW Palaos; RE La Réunion; RO Roumanie; RS Serbie; RU Russian
Federation; RU Russie; SA Arabie saoudite; SB Îles Salomon; SD Soudan; SE Suède; SE Sverige; SG Singapour; SH
Sainte-Hélène; SI Slovénie; SJ Svalbard; SK Slovaquie; SM Saint-Marin; SN Sénégal; SO Somalie; SS Soudan du Sud; ST
Sao Tomé-et-Principe; SV Salvador; SY Syrie; SZ Swaziland; TD Tchad; TF Terres australes françaises; TH Thaïlande; TJ
Tadjikistan; TL Timor oriental; TM Turkménistan; TN Tunisie; TR Turquie; TR Türkiye; TT Trinité-et-Tobago; TW Taïwan;
TZ Tanzanie; UG Ouganda; UM United States Minor Outlying Islands; US America; US United States of America; US
États-Unis; UZ Ouzbékistan; VA Vatican; VC Saint Vincent; VC Saint-Vincent-et-les-Grenadines; VI U.S. Virgin Islands;
VN Viet Nam; VN Viêt Nam; WF Wallis-et-Futuna; YE Yémen; ZA Afrique du Sud; ZA RSA; ZM Zambie; ZW Zimbabwe
"""


class Country(NamedTuple):
    """A country: code of three letters, and its name in English."""

    alpha3: str
    name: str


@cache
def countries() -> Mapping[str, Country]:
    """All countries by their code of two letters."""
    entries = (entry.split(maxsplit=2) for entry in _TABLE.replace("\n", " ").split(";"))
    return MappingProxyType({alpha2: Country(alpha3, name) for alpha2, alpha3, name in entries})


@cache
def alpha2_by_name() -> Mapping[str, str]:
    """The code of two letters by everything that a country is called: both codes, and names."""
    entries = (entry.split(maxsplit=1) for entry in _ALSO.replace("\n", " ").split(";"))
    names = {name: alpha2 for alpha2, name in entries}
    for alpha2, country in countries().items():
        names |= {alpha2: alpha2, country.alpha3: alpha2, country.name: alpha2}
    return MappingProxyType(names)
