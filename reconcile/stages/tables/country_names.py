"""[pure] The rows of countries.csv and country_names.csv: CLDR's English names, and others.

Not needed at run time; `generate.py` calls it. Reading ignores case, accents, punctuation and a
leading "the", and takes & for "and", so a name stands here once.
"""

from collections.abc import Iterator

from babel import Locale

# Codes of CLDR that are no country of ISO 3166-1, and those of territories within one.
NO_COUNTRY = {"CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "UN", "XA", "XB", "ZZ"}
WITHIN = {"AC": "SH", "TA": "SH"}

# ISO's own names, former ones and short ones, where CLDR has another.
OTHER_NAMES = {
    "AE": ("UAE", "Emirates"),
    "AX": ("Aland",),
    "BN": ("Brunei Darussalam",),
    "BO": ("Plurinational State of Bolivia", "Bolivia (Plurinational State of)"),
    "BQ": ("Bonaire, Sint Eustatius and Saba", "Bonaire"),
    "CC": ("Cocos Islands",),
    "CD": (
        "Democratic Republic of the Congo", "Congo (Democratic Republic of the)", "DR Congo",
        "Congo, Democratic Republic", "Congo (DRC)", "DRC", "Zaire",
    ),
    "CG": ("Congo", "Republic of the Congo", "Congo (Republic)"),
    "CI": ("Ivory Coast",),
    "CN": ("People's Republic of China", "Mainland China"),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falkland Islands (Malvinas)",),
    "FM": ("Federated States of Micronesia", "Micronesia (Federated States of)"),
    "GB": (
        "UK", "Great Britain", "United Kingdom of Great Britain and Northern Ireland", "Britain",
    ),
    "GM": ("Gambia, The",),
    "HK": ("Hong Kong",),
    "IR": ("Islamic Republic of Iran", "Iran (Islamic Republic of)"),
    "KP": ("Democratic People's Republic of Korea", "Korea (Democratic People's Republic of)"),
    "KR": ("Republic of Korea", "Korea, Republic of", "Korea, South", "Korea"),
    "LA": ("Lao People's Democratic Republic", "Lao PDR"),
    "MD": ("Republic of Moldova", "Moldova, Republic of"),
    "MF": ("Saint Martin (French part)",),
    "MK": ("Macedonia", "Republic of North Macedonia"),
    "MM": ("Myanmar", "Burma"),
    "MO": ("Macao", "Macau"),
    "NL": ("Holland",),
    "PS": ("Palestine", "State of Palestine", "Palestine, State of"),
    "PN": ("Pitcairn",),
    "RU": ("Russian Federation",),
    "SH": ("Saint Helena, Ascension and Tristan da Cunha",),
    "ST": ("Sao Tome",),
    "SX": ("Sint Maarten (Dutch part)",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey",),
    "TW": ("Taiwan, Province of China", "Chinese Taipei"),
    "TZ": ("United Republic of Tanzania", "Tanzania, United Republic of"),
    "US": ("USA", "United States of America", "America"),
    "UM": ("United States Minor Outlying Islands",),
    "VA": ("Holy See", "Vatican"),
    "VE": ("Bolivarian Republic of Venezuela", "Venezuela (Bolivarian Republic of)"),
    "VG": ("Virgin Islands (British)", "Virgin Islands, British"),
    "VI": ("United States Virgin Islands", "Virgin Islands (U.S.)", "Virgin Islands, US"),
    "VN": ("Viet Nam",),
    "XK": ("Republic of Kosovo",),
}  # fmt: skip


def countries() -> Iterator[tuple[str, str]]:
    """Each country once, by the name that it is shown by."""
    for code, name in Locale("en").territories.items():
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRY and code not in WITHIN:
            yield code, name


def country_names() -> Iterator[tuple[str, str]]:
    for code, name in Locale("en").territories.items():
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRY:
            country = WITHIN.get(code, code)
            yield country, name
            if name.startswith("St. "):
                yield country, name.replace("St. ", "Saint ", 1)
    for country, names in OTHER_NAMES.items():
        for name in names:
            yield country, name
