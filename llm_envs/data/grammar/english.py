"""The English realiser: agreement, do-support, a/an, tenses and irregular forms."""

from __future__ import annotations

from llm_envs.data.grammar.meaning import Clause, Phrase, Verb

OBJECT_FORMS = {"I": "me", "he": "him", "she": "her", "we": "us", "they": "them"}
BE_PRESENT = {"I": "am", "you": "are", "we": "are", "they": "are"}
DOUBLING = frozenset(["begin", "cut", "forget", "get", "plan", "put", "run", "sit", "stop", "swim", "win"])
LONG_ADJECTIVES = frozenset(
    [
        "beautiful",
        "expensive",
        "interesting",
        "difficult",
        "famous",
        "tired",
        "important",
        "comfortable",
        "delicious",
    ]
)
VOWEL_LETTERS, VOWEL_SOUNDS, CONSONANT_SOUNDS = "aeiou", ("hour", "honest"), ("uni", "use", "eu")


def sentence(clause: Clause, punctuated: bool = True) -> str:
    """Say a meaning as an English sentence; unpunctuated ones are statements of level 1."""
    text = clause_text(clause)
    if clause.link and clause.other:
        other = f"{clause.link.name} {clause_text(clause.other)}"
        comma = "," if clause.link.name == "but" else ""
        text = f"{other}, {text}" if clause.other_first else f"{text}{comma} {other}"
    mark = "?" if clause.asks else "."
    return text[0].upper() + text[1:] + (mark if punctuated else "")


def clause_text(clause: Clause) -> str:
    """One clause, without capital and punctuation."""
    subject = noun_phrase(clause.subject)
    auxiliary, main = verb_group(clause)
    inverted = clause.asks not in ("", "subject")
    existential = clause.verb.name == "exist"
    if (clause.negated or inverted) and not auxiliary:
        auxiliary, main = _with_do(clause)
    obj = noun_phrase(clause.object, objective=True) if clause.object else ""
    words = []
    if clause.asks == "object" and obj:
        words.append(obj)
        obj = ""
    elif clause.asked and clause.asks != "subject":
        words.append(clause.asked.name)
    if clause.time and clause.time_first:
        words.append(clause.time.name)
    topic = "there" if existential else subject
    words += [auxiliary, topic] if inverted else [topic, auxiliary]
    if clause.negated:
        if auxiliary == "can":
            words[-1] = "cannot"
        else:
            words.append("not")
    if clause.time and clause.time.medial:
        words.append(clause.time.name)
    words += [main, clause.verb.particle]
    if existential:
        words.append(subject)
    if clause.recipient:
        words.append(noun_phrase(clause.recipient, objective=True))
    words.append(obj)
    if clause.quality:
        words.append(clause.quality.comparative if clause.than else clause.quality.name)
        if clause.than:
            words.append("than " + noun_phrase(clause.than, objective=True))
    if clause.place:
        words.append(clause.place.name)
        if clause.place.phrase:
            words.append(noun_phrase(clause.place.phrase, objective=True))
    if clause.time and not clause.time_first and not clause.time.medial:
        words.append(clause.time.name)
    if clause.tense == "experience":
        words.append("before")
    return " ".join(word for word in words if word)


def noun_phrase(phrase: Phrase, objective: bool = False) -> str:
    """A pronoun in its case, or determiner, adjective, noun and relative clause."""
    if phrase.pronoun:
        return OBJECT_FORMS.get(phrase.pronoun, phrase.pronoun) if objective else phrase.pronoun
    assert phrase.noun is not None
    head = phrase.noun.plural if phrase.plural else phrase.noun.name
    if phrase.adjective:
        head = f"{phrase.adjective.name} {head}"
    determiner = phrase.determiner
    if determiner == "a":
        determiner = indefinite_article(head)
    elif determiner in ("this", "that") and phrase.plural:
        determiner = {"this": "these", "that": "those"}[determiner]
    text = f"{determiner} {head}" if determiner else head
    return f"{text} that {clause_text(phrase.relative)}" if phrase.relative else text


def indefinite_article(following: str) -> str:
    """*a* or *an*, by the first sound of what follows."""
    vowel = following[0].lower() in VOWEL_LETTERS and not following.startswith(CONSONANT_SOUNDS)
    return "an" if vowel or following.startswith(VOWEL_SOUNDS) else "a"


def verb_group(clause: Clause) -> tuple[str, str]:
    """The auxiliary (empty for simple tenses) and the main verb."""
    verb, subject, tense = clause.verb, clause.subject, clause.tense
    singular = third_singular(subject)
    if clause.modal:
        modal = clause.modal
        if modal.auxiliary:
            auxiliary, _, rest = (modal.past if tense == "past" else modal.name).partition(" ")
            return auxiliary, f"{rest} {verb.name}".strip()
        form = modal.past if tense == "past" else modal.third if singular else modal.name
        return "", f"{form} {verb.name}"
    if tense == "future":
        return "will", verb.name
    if tense == "experience":
        return ("has" if singular else "have"), verb.participle
    if verb.name in ("be", "exist"):
        return be(subject, tense), ""
    if tense == "past":
        return "", verb.past
    if tense == "present" and not verb.stative:
        return be(subject, tense), gerund(verb)
    return "", third_person(verb.name) if singular else verb.name


def third_singular(subject: Phrase) -> bool:
    """Returns True if the verb takes its *-s*."""
    return subject.pronoun in ("he", "she", "it", "who", "what") or not (subject.pronoun or subject.plural)


def be(subject: Phrase, tense: str) -> str:
    """*am*, *is*, *are*, *was* or *were*."""
    plural = not third_singular(subject) and subject.pronoun != "I"
    if tense == "past":
        return "were" if plural else "was"
    return "are" if plural else BE_PRESENT.get(subject.pronoun, "is")


def third_person(base: str) -> str:
    """*goes*, *carries*, *washes*, *reads*."""
    if base == "have":
        return "has"
    if base.endswith(("s", "sh", "ch", "x", "o")):
        return base + "es"
    if base.endswith("y") and base[-2] not in VOWEL_LETTERS:
        return base[:-1] + "ies"
    return base + "s"


def regular_past(base: str) -> str:
    """*played*, *carried*, *closed*, *planned*."""
    if base in DOUBLING:
        return base + base[-1] + "ed"
    if base.endswith("y") and base[-2] not in VOWEL_LETTERS:
        return base[:-1] + "ied"
    return base + ("d" if base.endswith("e") else "ed")


def gerund(verb: Verb) -> str:
    """*writing*, *running*, *lying*, *seeing*."""
    base = verb.name
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base in DOUBLING:
        return base + base[-1] + "ing"
    if base.endswith("e") and not base.endswith("ee"):
        return base[:-1] + "ing"
    return base + "ing"


def plural(noun: str) -> str:
    """*boxes*, *stories*, *books*; irregular plurals are listed in the lexicons."""
    if noun.endswith("y") and noun[-2] not in VOWEL_LETTERS:
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def comparative(adjective: str) -> str:
    """*older*, *easier*, *bigger*, *better*, *more expensive*."""
    if adjective == "good":
        return "better"
    if adjective in LONG_ADJECTIVES:
        return f"more {adjective}"
    if adjective.endswith("y"):
        return adjective[:-1] + "ier"
    if adjective[-1] in "dgt" and adjective[-2] in VOWEL_LETTERS and len(adjective) == 3:
        return adjective + adjective[-1] + "er"
    return adjective + ("r" if adjective.endswith("e") else "er")


def _with_do(clause: Clause) -> tuple[str, str]:
    """*does* and the bare verb, or *does* and the bare modal with it."""
    singular = third_singular(clause.subject)
    auxiliary = "did" if clause.tense == "past" else "does" if singular else "do"
    modal = clause.modal.name + " " if clause.modal else ""
    return auxiliary, modal + clause.verb.name
