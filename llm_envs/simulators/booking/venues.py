"""The venue database of the booking dialogue: restaurants, hotels and museums of an invented town.

A fixed grammar of names, streets and numbers generates the venues. So the database needs no data file and is
the same on every machine. Every split has its own venues. The names of two splits never coincide, but all are
composed from the same words, so a word-level vocabulary built from train covers test.

Text convention of the whole booking dialogue: lower case, words and punctuation marks separated by
single spaces. A venue reads ``golden lotus , thai , north , cheap , 12 mill street , code kd4 ,
phone 4172 8830``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

TYPES = ("restaurant", "hotel", "museum")
FOODS = ("thai", "italian", "indian", "chinese", "french", "mexican", "greek", "japanese")
STYLES = ("quiet", "modern", "cosy", "elegant", "romantic")
THEMES = ("art", "science", "history", "music", "nature")
AREAS = ("north", "south", "east", "west", "centre")
PRICES = ("cheap", "moderate", "expensive")

#: What sets venues of one type apart has a different slot for each type.
KIND_SLOT = {"restaurant": "food", "hotel": "style", "museum": "theme"}
#: Slot -> values, for everything a user may constrain and a query may name.
SLOT_VALUES: dict[str, tuple[str, ...]] = {
    "type": TYPES,
    "food": FOODS,
    "style": STYLES,
    "theme": THEMES,
    "area": AREAS,
    "price": PRICES,
}
#: What a user may ask about a venue.
REQUESTABLE = ("phone", "address", "postcode", "price", "area")

NAME_ADJECTIVES = [
    "golden",
    "silver",
    "old",
    "blue",
    "red",
    "green",
    "white",
    "little",
    "royal",
    "happy",
    "lucky",
    "wild",
    "hidden",
    "sunny",
    "copper",
    "crystal",
    "velvet",
    "amber",
    "ivory",
    "noble",
    "merry",
    "gentle",
]
NAME_NOUNS = [
    "lotus",
    "mill",
    "lion",
    "garden",
    "bridge",
    "harbour",
    "tower",
    "fox",
    "swan",
    "lantern",
    "anchor",
    "oak",
    "rose",
    "star",
    "crown",
    "river",
    "moon",
    "pearl",
    "falcon",
    "willow",
    "maple",
    "fountain",
]
STREETS = [
    "mill",
    "church",
    "market",
    "station",
    "park",
    "castle",
    "king",
    "queen",
    "abbey",
    "elm",
    "cedar",
    "chapel",
    "victoria",
    "forest",
    "meadow",
    "canal",
]
STREET_KINDS = ("street", "road", "lane")
HOUSE_NUMBERS = tuple(str(number) for number in range(11, 27))
PHONE_TOKENS = tuple(str(1009 + 137 * step) for step in range(60))
POSTCODES = tuple(
    letters + str(digit)
    for letters in ("nb", "ks", "tr", "wl", "gm", "pc", "hd", "vx")
    for digit in range(2, 7)
)

#: Split -> (residues of the name grammar that belong to it, number of venues, seed).
_SPLITS: dict[str, tuple[tuple[int, ...], int, int]] = {
    "train": ((2, 3), 200, 101),
    "validation": ((1,), 110, 102),
    "test": ((0,), 110, 103),
}
_TYPE_SHARES = (0.5, 0.25, 0.25)
_ROWS_SHOWN = 2
_COUNTED_UP_TO = 8


@dataclass(frozen=True)
class Venue:
    """One bookable place; ``kind`` is its food, style or theme, depending on ``type``."""

    name: str
    type: str
    kind: str
    area: str
    price: str
    phone: str
    address: str
    postcode: str

    def value(self, slot: str) -> str | None:
        """Returns the venue's value of a slot, or None if its type has no such slot."""
        if slot in ("food", "style", "theme"):
            return self.kind if KIND_SLOT[self.type] == slot else None
        return str(getattr(self, slot))

    def satisfies(self, constraints: Mapping[str, str]) -> bool:
        """Returns True if the venue has every value of ``constraints``."""
        return all(self.value(slot) == value for slot, value in constraints.items())

    def row(self) -> str:
        """The venue as a row of a database reply."""
        return (
            f"{self.name} , {self.kind} , {self.area} , {self.price} , {self.address} , "
            f"code {self.postcode} , phone {self.phone}"
        )


class Database:
    """The venues of one split, searchable by slot values and by name."""

    def __init__(self, split: str, venues: tuple[Venue, ...]) -> None:
        self.split = split
        self.venues = venues
        self._by_name = {venue.name: venue for venue in venues}
        self._found: dict[frozenset[tuple[str, str]], tuple[Venue, ...]] = {}

    def __len__(self) -> int:
        return len(self.venues)

    def __iter__(self) -> Iterator[Venue]:
        return iter(self.venues)

    def get(self, name: str) -> Venue | None:
        """Returns the venue of that name, or None."""
        return self._by_name.get(name)

    def find(self, constraints: Mapping[str, str]) -> list[Venue]:
        """Returns all venues that satisfy ``constraints``, in the database's order."""
        asked = frozenset(constraints.items())  # goals repeat a few questions
        if asked not in self._found:
            self._found[asked] = tuple(venue for venue in self.venues if venue.satisfies(constraints))
        return list(self._found[asked])

    def answer(self, constraints: Mapping[str, str]) -> str:
        """The reply to a query: how many venues match, and the first two of them as rows."""
        found = self.find(constraints)
        if not found:
            return "nothing found ."
        count = str(len(found)) if len(found) <= _COUNTED_UP_TO else "many"
        rows = " ; ".join(venue.row() for venue in found[:_ROWS_SHOWN])
        return f"{count} found : {rows} ."


@cache
def make_database(split: str) -> Database:
    """Returns the database of a split, the same on every call and every machine.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        ValueError: If the split is unknown.
    """
    if split not in _SPLITS:
        raise ValueError(f"unknown split {split!r}; the venue database has {', '.join(_SPLITS)}")
    residues, size, seed = _SPLITS[split]
    rng = np.random.default_rng(seed)
    names = [
        f"{adjective} {noun}"
        for (i, adjective), (j, noun) in product(enumerate(NAME_ADJECTIVES), enumerate(NAME_NOUNS))
        if (i + j) % 4 in residues
    ]
    chosen = rng.permutation(len(names))[:size]
    return Database(split, tuple(_make_venue(rng, names[index]) for index in chosen))


def _make_venue(rng: np.random.Generator, name: str) -> Venue:
    def pick(options: tuple[str, ...] | list[str]) -> str:
        return options[int(rng.integers(len(options)))]

    kind_of_venue = TYPES[int(np.searchsorted(np.cumsum(_TYPE_SHARES)[:-1], rng.random(), "right"))]
    return Venue(
        name=name,
        type=kind_of_venue,
        kind=pick(SLOT_VALUES[KIND_SLOT[kind_of_venue]]),
        area=pick(AREAS),
        price=pick(PRICES),
        phone=f"{pick(PHONE_TOKENS)} {pick(PHONE_TOKENS)}",
        address=f"{pick(HOUSE_NUMBERS)} {pick(STREETS)} {pick(STREET_KINDS)}",
        postcode=pick(POSTCODES),
    )
