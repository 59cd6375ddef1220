"""German word forms: noun phrases that agree, and verbs that conjugate."""

from __future__ import annotations

from dataclasses import dataclass

NOM, ACC, DAT = "nom", "acc", "dat"

# Endings by case, in the order masculine, feminine, neuter, plural ("-" is no ending).
_ORDER = {"m": 0, "f": 1, "n": 2, "pl": 3}
_DER = {NOM: "der die das die", ACC: "den die das die", DAT: "dem der dem den"}
_STRONG = {NOM: "er e es e", ACC: "en e es e", DAT: "em er em en"}
_WEAK = {NOM: "e e e en", ACC: "en e e en", DAT: "en en en en"}
_MIXED = {NOM: "er e es en", ACC: "en e es en", DAT: "en en en en"}
_EIN = {NOM: "- e - e", ACC: "en e - e", DAT: "em er em en"}


def _table(rows: dict[str, str]) -> dict[tuple[str, str], str]:
    return {
        (case, gender): row.split()[i].strip("-")
        for case, row in rows.items()
        for gender, i in _ORDER.items()
    }


DER, STRONG, WEAK, MIXED, EIN = map(_table, (_DER, _STRONG, _WEAK, _MIXED, _EIN))
DER_WORDS = {"this": "dies", "which": "welch", "every": "jed"}
EIN_WORDS = {
    "a": "ein",
    "no": "kein",
    "my": "mein",
    "your": "dein",
    "your (formal)": "Ihr",
    "his": "sein",
    "her": "ihr",
    "its": "sein",
    "our": "unser",
    "their": "ihr",
}
UNINFLECTED = {"": "", "two": "zwei", "three": "drei", "four": "vier", "how many": "wie viele"}

PRONOUNS = {
    "I": ("ich", "mich", "mir"),
    "you": ("du", "dich", "dir"),
    "you (formal)": ("Sie", "Sie", "Ihnen"),
    "he": ("er", "ihn", "ihm"),
    "she": ("sie", "sie", "ihr"),
    "it": ("es", "es", "ihm"),
    "we": ("wir", "uns", "uns"),
    "they": ("sie", "sie", "ihnen"),
    "who": ("wer", "wen", "wem"),
}
PRONOUN_OF_GENDER = {"m": "he", "f": "she", "n": "it"}
CONTRACTIONS = {
    "in dem": "im",
    "in das": "ins",
    "an dem": "am",
    "an das": "ans",
    "zu dem": "zum",
    "zu der": "zur",
    "von dem": "vom",
    "bei dem": "beim",
}


@dataclass(frozen=True, eq=False, slots=True)
class GermanNoun:
    """``weak`` nouns end in -(e)n everywhere but in the nominative singular (der Junge)."""

    form: str
    gender: str
    plural: str
    weak: bool = False

    def decline(self, case: str, plural: bool) -> str:
        """The form of a case: *den Jungen*, *den Kindern*."""
        if plural:
            add_n = case == DAT and not self.plural.endswith(("n", "s"))
            return self.plural + "n" if add_n else self.plural
        return self.plural if self.weak and case != NOM else self.form


@dataclass(frozen=True, eq=False, slots=True)
class GermanAdjective:
    """The form that stands alone, and the comparative."""

    form: str
    comparative: str

    @property
    def stem(self) -> str:
        """What endings are added to: teuer, but teur-e; dunkel, but dunkl-e; hoch, but hoh-e."""
        form = self.form
        if form == "hoch":
            return "hoh"
        if form.endswith("el"):
            return form[:-2] + "l"
        if form.endswith(("euer", "auer")):
            return form[:-2] + "r"
        return form[:-1] if form.endswith("e") else form


def determiner(name: str, case: str, gender: str) -> tuple[str, dict[tuple[str, str], str]]:
    """The German determiner in its form, and the endings of an adjective behind it."""
    if name == "the":
        return DER[case, gender], WEAK
    if name in DER_WORDS:
        return DER_WORDS[name] + STRONG[case, gender], WEAK
    if name in EIN_WORDS:
        if name == "a" and gender == "pl":
            return "", STRONG
        return EIN_WORDS[name] + EIN[case, gender], MIXED
    if name in UNINFLECTED:
        return UNINFLECTED[name], STRONG
    return name.replace("'s", "s"), STRONG


def contract(preposition: str, phrase: str) -> str:
    """Join a preposition with its phrase: *im Garten*, *zur Schule*; *in dem ...* is contracted."""
    article, _, rest = phrase.partition(" ")
    joined = CONTRACTIONS.get(f"{preposition} {article}")
    return f"{joined} {rest}" if joined else f"{preposition} {phrase}"


@dataclass(frozen=True, eq=False, slots=True)
class GermanVerb:
    """A verb's principal parts and what it governs.

    Attributes:
        infinitive: Without a separable prefix, which is ``prefix``.
        third: Third person singular of the present; its vowel is also that of *du*.
        sein: True if *sein* and not *haben* forms the perfect.
        case, preposition: Of the object: *auf* with the accusative for *warten*.
    """

    infinitive: str
    third: str
    preterite: str
    participle: str
    sein: bool = False
    prefix: str = ""
    case: str = ACC
    preposition: str = ""

    @property
    def full_infinitive(self) -> str:
        """The infinitive with its prefix."""
        return self.prefix + self.infinitive

    def present(self, person: str) -> str:
        """The finite form for ``ich``, ``du``, ``er`` or ``wir``."""
        if person == "wir":
            return self.infinitive
        if person == "er":
            return self.third
        stem = self.infinitive.removesuffix("n").removesuffix("e")
        if person == "ich":
            return stem + "e"
        base = self.third.removesuffix("t")
        return base + ("t" if base.endswith(("s", "ß", "z")) else "st")

    def past(self, person: str) -> str:
        """The preterite for ``ich``, ``du``, ``er`` or ``wir``."""
        if person in ("ich", "er"):
            return self.preterite
        if person == "du":
            return self.preterite + "st"
        return self.preterite + ("n" if self.preterite.endswith("e") else "en")


def parse_verb(entry: str) -> GermanVerb:
    """Read ``kaufen gekauft``, ``auf=stehen steht stand ist aufgestanden`` or ``warten gewartet @auf acc``.

    Two parts are a weak verb, four a strong one; *ist* before the participle asks for *sein*.
    """
    forms, _, government = entry.partition(" @")
    parts = forms.split()
    sein = "ist" in parts
    parts = [part for part in parts if part != "ist"]
    prefix, bar, infinitive = parts[0].partition("=")
    if not bar:
        prefix, infinitive = "", parts[0]
    if len(parts) == 2:
        stem = infinitive.removesuffix("n").removesuffix("e")
        joint = "e" if _needs_e(stem) else ""
        third, preterite = stem + joint + "t", stem + joint + "te"
    else:
        third, preterite = parts[1], parts[2]
    governed = government.split()
    case = governed.pop() if governed else ACC
    return GermanVerb(infinitive, third, preterite, parts[-1], sein, prefix, case, " ".join(governed))


def _needs_e(stem: str) -> bool:
    """arbeit-e-t, öffn-e-t, zeichn-e-t, regn-e-t; but wohn-t, lern-t."""
    if stem.endswith(("t", "d")):
        return True
    return (stem.endswith(("m", "n")) and stem[-2] not in "aeiouäöülrhmn") or stem.endswith("chn")


# Present of ich, du, er, wir; then preterite of ich/er. du and wir are formed from it.
IRREGULAR = {
    "sein": ("bin bist ist sind", "war"),
    "haben": ("habe hast hat haben", "hatte"),
    "werden": ("werde wirst wird werden", "wurde"),
    "wissen": ("weiß weißt weiß wissen", "wusste"),
    "können": ("kann kannst kann können", "konnte"),
    "müssen": ("muss musst muss müssen", "musste"),
    "wollen": ("will willst will wollen", "wollte"),
    "sollen": ("soll sollst soll sollen", "sollte"),
    "dürfen": ("darf darfst darf dürfen", "durfte"),
    "möchten": ("möchte möchtest möchte möchten", "wollte"),
    "sollten": ("sollte solltest sollte sollten", "sollte"),
}
_PERSONS = ("ich", "du", "er", "wir")


def irregular(infinitive: str, person: str, past: bool = False) -> str:
    """A form of *sein*, *haben*, *werden*, *wissen* or a modal verb."""
    present, preterite = IRREGULAR[infinitive]
    if not past:
        return present.split()[_PERSONS.index(person)]
    endings = {"ich": "", "er": "", "du": "st", "wir": "en" if preterite == "war" else "n"}
    return preterite + endings[person]
