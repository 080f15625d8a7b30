"""[I/O] Writes five of the tables beside it from their sources; not needed at run time.

    python -m reconcile.stages.tables.generate --networks path/to/mcc-mnc-list.json

| table               | source                                                | licence            |
|---------------------|-------------------------------------------------------|--------------------|
| mcc_countries.csv,  | npm package mcc-mnc-list 1.1.11 by Peter Bakondy,     | package MIT,       |
| networks.csv        | from Wikipedia's lists of mobile network codes (2022) | texts CC BY-SA 3.0 |
| number_prefixes.csv | PyPI package phonenumbers 9.0.43, from libphonenumber | Apache-2.0         |
| countries.csv,      | PyPI package babel 2.18.0, from Unicode's CLDR        | BSD-3, Unicode-3.0 |
| country_names.csv   |                                                       |                    |

`npm pack mcc-mnc-list` and unpacking the archive yields the JSON file, without which its two tables
stay as they are; phonenumbers and babel are development dependencies. The same sources give the
same bytes. error_codes.csv is kept by hand.
"""

import argparse
import csv
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TypedDict

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata

from reconcile.stages.tables.country_names import countries, country_names

LONGEST_PREFIX = 7
NON_GEOGRAPHIC = "001"

# Codes that phonenumbers uses and ISO 3166-1 only reserves: Ascension, Tristan da Cunha.
ISO_OF_RESERVED = {"AC": "SH", "TA": "SH"}

# Where the source names several countries for one MCC, the one that has most of the phones.
MAIN_COUNTRY = {
    "234": "GB",
    "255": "UA",
    "270": "LU",
    "289": "GE",  # the source says GE-AB, a subdivision; unknown to the ITU
    "310": "US",
    "311": "US",
    "313": "US",
    "338": "JM",
    "340": "GP",
    "362": "CW",
    "425": "IL",
    "505": "AU",
    "647": "RE",
}

# Assigned by the ITU, but the source lists no network there.
MCC_WITHOUT_NETWORK = {"332": "VI", "406": "IN", "430": "AE", "431": "AE", "461": "CN"}

# First wins; a word that is not here stands between the two.
STATUS_RANK = {"Operational": 0, "Temporary operational": 0, "Not operational": 2, "Reserved": 3}

# What stands in the source in place of a name.
NO_CARRIER = ("Unknown", "Unassigned", "Reserved", "test")

# Kinds of number that a message may go to; others of a shared code stay with its main country.
NUMBER_TYPES = ("fixed_line", "mobile", "pager", "personal_number", "toll_free", "voip")

# The whole grammar of libphonenumber's patterns.
TOKEN = re.compile(r"\(\?:|\)|\||\?|\\d|\[[\d-]+\]|\{\d+(?:,\d+)?\}|\d")

Row = tuple[str, ...]

Shape = tuple[str, ...]
"""For each of the first positions of a national number, the digits allowed there."""


class Network(TypedDict):
    """One object of mcc-mnc-list.json, as far as it is used."""

    type: str
    countryCode: str | None
    mcc: str
    mnc: str | None
    brand: str | None
    operator: str | None
    status: str


def main() -> None:
    """Write the tables into this folder."""
    parser = argparse.ArgumentParser(description="Regenerate the tables of meaning.")
    parser.add_argument("--networks", type=Path, help="mcc-mnc-list.json")
    listed: Path | None = parser.parse_args().networks
    folder = Path(__file__).parent
    if listed is not None:
        networks: list[Network] = json.loads(listed.read_text("utf-8"))
        write(folder / "mcc_countries.csv", ("mcc", "country"), mcc_countries(networks))
        header = ("mcc", "mnc", "carrier", "mnc_number")
        write(folder / "networks.csv", header, network_rows(networks))
    write(folder / "number_prefixes.csv", ("prefix", "country"), number_prefixes())
    write(folder / "countries.csv", ("iso2", "name"), countries())
    write(folder / "country_names.csv", ("iso2", "name"), country_names())


def write(path: Path, header: Row, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(sorted(rows))


# --- MCC and MNC ------------------------------------------------------------------------------


def mcc_countries(networks: list[Network]) -> Iterator[Row]:
    named = {
        (network["mcc"], network["countryCode"] or "")
        for network in networks
        if network["type"] == "National"
    }
    for mcc, pairs in groupby(sorted(named), key=lambda pair: pair[0]):
        countries = [country for _, country in pairs]
        country = MAIN_COUNTRY.get(mcc, countries[0])
        if mcc not in MAIN_COUNTRY and (len(countries) > 1 or not country.isalpha()):
            raise SystemExit(f"MCC {mcc} is shared by {countries}: add it to MAIN_COUNTRY")
        yield mcc, country
    yield from MCC_WITHOUT_NETWORK.items()


def network_rows(networks: list[Network]) -> Iterator[Row]:
    carriers = best_names(networks)
    by_number: dict[tuple[str, int], set[str]] = {}
    for (mcc, mnc), carrier in carriers.items():
        by_number.setdefault((mcc, int(mnc)), set()).add(carrier)
    numbered = set()
    for (mcc, mnc), carrier in sorted(carriers.items()):
        key = (mcc, int(mnc))
        # Of two spellings with one carrier only the first is numbered: a join finds one row.
        unique = len(by_number[key]) == 1 and key not in numbered
        numbered.add(key)
        yield mcc, mnc, carrier, str(int(mnc)) if unique else ""


def best_names(networks: list[Network]) -> dict[tuple[str, str], str]:
    """One name per MCC and MNC: operational, then of the main country, branded, first listed."""
    best: dict[tuple[str, str], str] = {}
    for network in sorted(networks, key=preference):
        mcc, mnc, carrier = network["mcc"], network["mnc"] or "", carrier_name(network)
        if network["type"] != "Test" and re.fullmatch(r"\d{2,3}", mnc) and carrier:
            best.setdefault((mcc, mnc), carrier)
    return best


def preference(network: Network) -> tuple[int, bool, bool]:
    country = network["countryCode"] or ""
    main_country = MAIN_COUNTRY.get(network["mcc"], country)
    return (
        STATUS_RANK.get(network["status"], 1),
        main_country not in re.split("[/-]", country),
        not network["brand"],
    )


def carrier_name(network: Network) -> str:
    """The brand, else the operator; empty if neither says who it is."""
    for name in (network["brand"], network["operator"]):
        # Double quotes go: Spark and DuckDB read escaped ones differently by default.
        tidy = " ".join((name or "").replace('"', "").split())
        if tidy and not tidy.startswith(NO_CARRIER):
            return tidy
    return ""


# --- Prefixes of numbers ----------------------------------------------------------------------


def number_prefixes() -> Iterator[Row]:
    for calling_code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if NON_GEOGRAPHIC in regions:
            continue
        main_country = iso(regions[0])
        yield str(calling_code), main_country
        if len(regions) > 1:
            room = LONGEST_PREFIX - len(str(calling_code))
            claims = [(iso(region), shape) for region in regions for shape in shapes_of(region)]
            for national, country in owners("", claims, room).items():
                if country != main_country:
                    yield f"{calling_code}{national}", country


def iso(region: str) -> str:
    return ISO_OF_RESERVED.get(region, region)


def owners(national: str, claims: list[tuple[str, Shape]], room: int) -> dict[str, str]:
    """The fewest prefixes below this one that tell its claimants apart, each with its owner."""
    live = [(country, shape) for country, shape in claims if fits(national, shape)]
    countries = {country for country, _ in live}
    if len(countries) == 1 or (countries and len(national) == room):
        # phonenumbers asks the regions in this order, and the first that fits is its answer.
        return {national: live[0][0]}
    found: dict[str, str] = {}
    if countries:
        for digit in "0123456789":
            found |= owners(national + digit, live, room)
    if len(set(found.values())) == 1:
        return {national: next(iter(found.values()))}
    return found


def fits(national: str, shape: Shape) -> bool:
    """A shape that has ended (it was leading digits) fits whatever follows."""
    return all(digit in allowed for digit, allowed in zip(national, shape, strict=False))


def shapes_of(region: str) -> set[Shape]:
    """Where libphonenumber gives leading digits they alone decide, else any valid number does."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise SystemExit(f"phonenumbers knows nothing of {region}")
    if metadata.leading_digits:
        return shapes(metadata.leading_digits)
    kinds = [getattr(metadata, kind) for kind in NUMBER_TYPES]
    patterns = [kind.national_number_pattern for kind in kinds if kind is not None]
    return set().union(*(shapes(pattern) for pattern in patterns if pattern))


def shapes(pattern: str) -> set[Shape]:
    tokens = deque(TOKEN.findall(pattern))
    if "".join(tokens) != pattern:
        raise SystemExit(f"a pattern has a sign that is not understood here: {pattern}")
    return alternatives(tokens)


def alternatives(tokens: deque[str]) -> set[Shape]:
    """Consume tokens up to the end of this group."""
    found: set[Shape] = set()
    branch: set[Shape] = {()}
    while tokens:
        sign = tokens.popleft()
        if sign == ")":
            break
        if sign == "|":
            found |= branch
            branch = {()}
            continue
        piece: set[Shape] = alternatives(tokens) if sign == "(?:" else {(digits(sign),)}
        branch = repeated(branch, piece, *bounds(tokens))
    return found | branch


def digits(sign: str) -> str:
    return "".join(digit for digit in "0123456789" if re.fullmatch(sign, digit))


def bounds(tokens: deque[str]) -> tuple[int, int]:
    """How often the piece just read may stand; consumes the sign that says so."""
    if not tokens or tokens[0][0] not in "?{":
        return 1, 1
    sign = tokens.popleft()
    if sign == "?":
        return 0, 1
    numbers = [int(number) for number in sign[1:-1].split(",")]
    return numbers[0], numbers[-1]


def repeated(branch: set[Shape], piece: set[Shape], least: int, most: int) -> set[Shape]:
    """The branch followed by the piece, cut where no prefix reaches."""
    found = branch if least == 0 else set()
    for times in range(1, most + 1):
        branch = {(head + tail)[:LONGEST_PREFIX] for head in branch for tail in piece}
        if times >= least:
            found = found | branch
    return found


if __name__ == "__main__":
    main()
