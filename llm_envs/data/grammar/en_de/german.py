"""The German realiser: verb-second and verb-final clauses, with the variants that are right too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llm_envs.data.grammar.en_de.german_forms import (
    ACC,
    DAT,
    IRREGULAR,
    NOM,
    PRONOUN_OF_GENDER,
    PRONOUNS,
    contract,
    determiner,
    irregular,
)
from llm_envs.data.grammar.meaning import Clause, Phrase

NUMBERS = ("two", "three", "which", "how many")


@dataclass(frozen=True, slots=True)
class Style:
    """The ways in which a German sentence may differ from the main one and still be right.

    Attributes:
        time_moved: The time stands first instead of in the middle, or the other way round.
        preterite: *sah* for *hat gesehen*.
        present: *sieht morgen* for *wird morgen sehen*.
        gerade: *liest gerade* for *liest* where the English is progressive.
        object_moved: A definite object changes places with the time.
    """

    time_moved: bool = False
    preterite: bool = False
    present: bool = False
    gerade: bool = False
    object_moved: bool = False


PLAIN = Style()


def references(clause: Clause, punctuated: bool = True, limit: int = 4) -> tuple[str, ...]:
    """Say a meaning in German: the main sentence first, then others that are right too.

    Each variant differs in one way: *Sie* for *du*, or one of the ways of `Style`.
    """
    texts = [sentence(clause, punctuated)]
    if punctuated:
        if _addresses(clause):
            texts.append(sentence(_formal(clause)))
        texts += [sentence(clause, style=style) for style in _styles(clause)[: limit - len(texts)]]
    return tuple(dict.fromkeys(texts))


def _styles(clause: Clause) -> list[Style]:
    """The styles that suit a clause."""
    styles = []
    time = clause.time if clause.time and not clause.time.medial else None
    asks = bool(clause.asks)
    if time and not asks and not clause.other_first:
        styles.append(Style(time_moved=True))
    if not asks and _may_be_preterite(clause):
        styles.append(Style(preterite=True))
    if time and clause.tense == "future":
        styles.append(Style(present=True))
    if clause.tense == "present" and not (
        asks or time or clause.verb.stative or clause.modal or clause.negated or clause.other
    ):
        styles.append(Style(gerade=True))
    if time and not clause.time_first and _is_movable(clause):
        styles.append(Style(object_moved=True))
    return styles


def sentence(clause: Clause, punctuated: bool = True, style: Style = PLAIN) -> str:
    """One sentence: a main clause and, where there is one, the clause linked to it."""
    link, other = clause.link, clause.other
    if not link or not other:
        text = main_clause(clause, style)
    elif link.target == "aber":
        text = f"{main_clause(clause, style)}, aber {main_clause(other, style)}"
    elif clause.other_first:
        main = main_clause(clause, style, opened=True)
        text = f"{link.target} {final_clause(other, style)}, {main}"
    else:
        text = f"{main_clause(clause, style)}, {link.target} {final_clause(other, style)}"
    mark = "?" if clause.asks else "."
    return text[0].upper() + text[1:] + (mark if punctuated else "")


def main_clause(clause: Clause, style: Style = PLAIN, opened: bool = False) -> str:
    """Verb-second (verb-first in a yes/no question, or where a clause stands in front)."""
    finite, bracket = verb_complex(clause, style)
    first = ""
    subject = noun_phrase(clause.subject, NOM)
    time_first = clause.time is not None and clause.time_first != style.time_moved
    if clause.asks == "object" and clause.object:
        first = _object(clause)
    elif clause.asked and clause.asks != "subject":
        first = clause.asked.target
    elif time_first and clause.time:
        first = clause.time.target
    elif clause.asks != "polar" and not opened:
        first, subject = subject, ""
    middle = middle_field(clause, subject, style, timed=not time_first)
    return " ".join(word for word in (first, finite, middle, bracket) if word)


def final_clause(clause: Clause, style: Style = PLAIN) -> str:
    """Verb-final, as behind *weil*; the separable prefix stays with its verb."""
    finite, bracket = verb_complex(clause, style)
    if bracket and bracket == _prefix(clause):
        finite, bracket = bracket + finite, ""
    middle = middle_field(clause, noun_phrase(clause.subject, NOM))
    return " ".join(word for word in (middle, bracket, finite) if word)


def middle_field(clause: Clause, subject: str, style: Style = PLAIN, timed: bool = True) -> str:
    """What stands between the two parts of the verb.

    In order: subject, pronouns, recipient, time, definite object, *nicht*, place, indefinite
    object, quality. In a negated clause the definite object stands before the time. A direction
    comes last, an object with a preposition follows *nicht*.
    """
    time = clause.time.target if clause.time and timed else "gerade" if style.gerade else ""
    obj, pronoun, late = "", "", ""
    kein = _takes_kein(clause)
    if clause.object and clause.asks != "object":
        text = _object(clause)
        if clause.verb.target.preposition:
            late = text
        elif clause.object.pronoun:
            pronoun = text
        elif not _is_definite(clause.object):
            late = text
        else:
            obj = text
    recipient = noun_phrase(clause.recipient, DAT) if clause.recipient else ""
    words = [subject, pronoun, recipient]
    words += [obj, time] if clause.negated != style.object_moved else [time, obj]
    words.append("nicht" if clause.negated and not kein else "")
    place = _place(clause)
    to_place = clause.place is not None and clause.place.direction
    words += [late, place] if to_place else [place, late]
    if clause.quality and clause.than:
        words.append(f"{clause.quality.target.comparative} als {noun_phrase(clause.than, NOM)}")
    elif clause.quality:
        words.append(clause.quality.target.form)
    return " ".join(word for word in words if word)


def noun_phrase(phrase: Phrase, case: str, negated: bool = False) -> str:
    """A pronoun in its case, or determiner, adjective and noun in agreement."""
    if phrase.pronoun:
        pronoun = phrase.pronoun
        if pronoun == "it" and phrase.noun:
            pronoun = PRONOUN_OF_GENDER[phrase.noun.target.gender]
        return PRONOUNS[pronoun][(NOM, ACC, DAT).index(case)]
    assert phrase.noun is not None
    noun = phrase.noun.target
    gender = "pl" if phrase.plural else noun.gender
    name = phrase.determiner
    if negated and name in ("", "a"):
        name = "no"
    article, endings = determiner(name, case, gender)
    words = [article] if article else []
    if phrase.adjective:
        words.append(phrase.adjective.target.stem + endings[case, gender])
    words.append(noun.decline(case, phrase.plural))
    if phrase.relative:
        relative = f"{relative_pronoun(gender)} {final_clause(phrase.relative)}"
        words[-1] += f", {relative},"
    return " ".join(words)


def relative_pronoun(gender: str) -> str:
    """The relative pronoun of an accusative object."""
    return {"m": "den", "f": "die", "n": "das", "pl": "die"}[gender]


def verb_complex(clause: Clause, style: Style = PLAIN) -> tuple[str, str]:
    """The finite verb and the right bracket (prefix, participle or infinitive)."""
    verb, person = clause.verb.target, person_of(clause.subject)
    past = clause.tense == "past"
    if clause.modal:
        return irregular(clause.modal.target, person, past), verb.full_infinitive
    if clause.tense == "future" and not style.present:
        return irregular("werden", person), verb.full_infinitive
    if verb.infinitive in IRREGULAR:
        return irregular(verb.infinitive, person, past), verb.prefix
    if past and not style.preterite:
        return irregular("sein" if verb.sein else "haben", person), verb.participle
    return (verb.past(person) if past else verb.present(person)), verb.prefix


def person_of(subject: Phrase) -> str:
    """The verb form that a subject takes: that of ich, du, er or wir."""
    if subject.pronoun:
        forms = {"I": "ich", "you": "du", "he": "er", "she": "er", "it": "er", "who": "er"}
        return forms.get(subject.pronoun, "wir")
    return "wir" if subject.plural else "er"


def _prefix(clause: Clause) -> str:
    composed = clause.modal or clause.tense == "future"
    return "" if composed else str(clause.verb.target.prefix)


def _object(clause: Clause) -> str:
    verb = clause.verb.target
    assert clause.object is not None
    text = noun_phrase(clause.object, verb.case, negated=_takes_kein(clause))
    return contract(verb.preposition, text) if verb.preposition else text


def _takes_kein(clause: Clause) -> bool:
    return bool(
        clause.negated and clause.object and clause.object.indefinite and not clause.verb.target.preposition
    )


def _is_definite(phrase: Phrase) -> bool:
    """Definite objects stand before *nicht* and may stand before the time."""
    return not phrase.indefinite and not phrase.pronoun and phrase.determiner not in NUMBERS


def _place(clause: Clause) -> str:
    place = clause.place
    if place is None:
        return ""
    if place.phrase is None:
        return str(place.target)
    preposition, case = place.target
    return contract(preposition, noun_phrase(place.phrase, case))


def _is_movable(clause: Clause) -> bool:
    obj = clause.object
    return obj is not None and _is_definite(obj) and not clause.verb.target.preposition


def _may_be_preterite(clause: Clause) -> bool:
    """Preterite is written of others; it is rarely said to *you*."""
    clauses = [clause] + ([clause.other] if clause.other else [])
    return any(part.tense == "past" and not part.modal for part in clauses) and all(
        part.subject.pronoun != "you" for part in clauses
    )


def _addresses(clause: Clause) -> bool:
    """Returns True if somebody is called *you*, here or in the linked clause."""
    goal = clause.place.phrase if clause.place else None
    return any(
        phrase is not None and (phrase.pronoun == "you" or phrase.determiner == "your")
        for phrase in (clause.subject, clause.object, clause.recipient, clause.than, goal)
    ) or (clause.other is not None and _addresses(clause.other))


def _formal(clause: Clause) -> Clause:
    """Returns the same meaning in the formal address, *Sie*."""

    def polite(phrase: Phrase | None) -> Phrase | None:
        if phrase is None:
            return None
        if phrase.pronoun == "you":
            return replace(phrase, pronoun="you (formal)")
        if phrase.determiner == "your":
            return replace(phrase, determiner="your (formal)")
        return phrase

    place = clause.place
    subject = polite(clause.subject)
    assert subject is not None
    return replace(
        clause,
        subject=subject,
        object=polite(clause.object),
        recipient=polite(clause.recipient),
        than=polite(clause.than),
        place=replace(place, phrase=polite(place.phrase)) if place else None,
        other=_formal(clause.other) if clause.other else None,
    )
