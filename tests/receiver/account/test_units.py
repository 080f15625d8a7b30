"""Units as the standard splits a text; where nothing can be torn, as Plivo's own rule of thumb."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.account.units import measure
from tests.simulator.units import units_of

PLAIN = "abcdefghijklmnopqrstuvwxyzÄÖÑÜ @$\n"


@pytest.mark.parametrize(
    ("text", "alphabet", "length", "units"),
    [
        ("a", "GSM-7", 1, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("€" * 80, "GSM-7", 160, 1),
        ("ж" * 70, "UCS-2", 70, 1),
        ("ж" * 71, "UCS-2", 71, 2),
        ("ж" * 134, "UCS-2", 134, 2),
        ("ж" * 135, "UCS-2", 135, 3),
        ("🎉" * 35, "UCS-2", 70, 1),
        ("a" * 70 + "ж", "UCS-2", 71, 2),
        ("ç", "UCS-2", 1, 1),  # GSM 03.38 has only the capital one
        ("`", "UCS-2", 1, 1),
        ("\x1b", "UCS-2", 1, 1),  # the escape itself is no character
    ],
)
def test_a_text_has_so_many_units(text: str, alphabet: str, length: int, units: int) -> None:
    size = measure(text)
    assert (size.alphabet, size.length, size.units) == (alphabet, length, units)


def test_an_escape_sequence_is_not_torn_apart() -> None:
    # 306 septets would fit into two units, were the euro sign not on the edge of the first
    assert measure("a" * 152 + "€" + "a" * 152).units == 3
    assert measure("a" * 151 + "€" + "a" * 153).units == 2


def test_a_surrogate_pair_is_not_torn_apart() -> None:
    assert measure("ж" * 66 + "🎉" + "ж" * 66).units == 3
    assert measure("ж" * 65 + "🎉" + "ж" * 67).units == 2


def test_the_characters_that_make_it_ucs_2_are_named_once_each() -> None:
    assert measure("naïve – naïve €").foreign == ("ï", "–")
    assert measure("as it is").foreign == ()


def test_what_plivo_does_not_take_is_too_long() -> None:
    assert not measure("a" * 1600).is_too_long
    assert measure("a" * 1601).is_too_long
    assert not measure("ж" * 737).is_too_long
    assert measure("ж" * 738).is_too_long


@settings(max_examples=60)
@given(st.text(alphabet=PLAIN + "жщ", max_size=400))
def test_without_pairs_the_units_are_those_of_the_pretend_plivo(text: str) -> None:
    assert measure(text).units == units_of(text)


@settings(max_examples=60)
@given(st.text(alphabet=PLAIN + "€[]🎉", max_size=400))
def test_pairs_never_make_fewer_units(text: str) -> None:
    assert units_of(text) <= measure(text).units <= units_of(text) + 1
