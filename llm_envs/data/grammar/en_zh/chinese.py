"""The Chinese realiser: measure words, aspect, preverbal time and place, 把, 的, 比, 吗."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llm_envs.data.grammar.meaning import POSSESSIVES, Clause, Phrase, Place

PRONOUNS = {
    "I": "我",
    "you": "你",
    "he": "他",
    "she": "她",
    "it": "它",
    "we": "我们",
    "they": "他们",
    "who": "谁",
}
OWNERS = {owned: PRONOUNS[owner] for owner, owned in POSSESSIVES.items()}
NUMBERS = {"a": "一", "two": "两", "three": "三", "how many": "几"}
WORN = ("穿",)  # what goes on as a state takes 着 and not 在
POINTERS = {"this": "这", "that": "那", "the": "那", "which": "哪"}


@dataclass(frozen=True, eq=False, slots=True)
class ChineseNoun:
    """``measure`` is empty for mass nouns and names."""

    form: str
    measure: str


@dataclass(frozen=True, eq=False, slots=True)
class ChineseAdjective:
    """``attribute`` is what stands before a noun: 新, but 漂亮的."""

    form: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Style:
    """The ways in which a Chinese sentence may differ from the main one and still be right.

    Attributes:
        time_moved: The time opens the sentence instead of following the subject, or the reverse.
        full: The longer word: 正在 for 在, 没有 for 没, 要 for 会.
        late_le: 去北京了 for 去了北京.
        reason_last: 因为 behind what it explains.
        plain: 关上了门 for 把门关上了.
    """

    time_moved: bool = False
    full: bool = False
    late_le: bool = False
    reason_last: bool = False
    plain: bool = False


PLAIN = Style()


def references(clause: Clause, punctuated: bool = True, limit: int = 3) -> tuple[str, ...]:
    """Say a meaning in Chinese: the main sentence first, then others that are right too."""
    texts = [sentence(clause, punctuated)]
    if punctuated:
        texts += [sentence(clause, style=style) for style in _styles(clause)]
    return tuple(dict.fromkeys(texts))[:limit]


def _styles(clause: Clause) -> list[Style]:
    styles = []
    if clause.link and clause.link.name == "because":
        styles.append(Style(reason_last=True))
    if clause.time and not clause.time.medial and not clause.asks and not clause.link:
        styles.append(Style(time_moved=True))
    if clause.verb.name == "go" and clause.tense == "past" and not clause.negated:
        styles.append(Style(late_le=True))
    if is_disposal(clause) and not (clause.place or clause.negated or clause.asks):
        styles.append(Style(plain=True))
    if not clause.link or clause.link.name in ("because", "but"):
        styles.append(Style(full=True))
    return styles


def sentence(clause: Clause, punctuated: bool = True, style: Style = PLAIN) -> str:
    """One sentence: a clause and, where there is one, the clause linked to it."""
    link, other = clause.link, clause.other
    if not link or not other:
        text = clause_text(clause, style)
    elif link.name == "because" and style.reason_last:
        text = f"{clause_text(clause, style)}，因为{clause_text(other)}"
    elif link.name == "because":
        reason = replace(other, subject=clause.subject)
        result = replace(clause, subject=other.subject)
        text = f"因为{clause_text(reason, style)}，所以{clause_text(result, style)}"
    elif link.name == "if":
        condition = clause_text(other, replace(style, time_moved=True))
        text = f"如果{condition}，{clause_text(clause, style, then='就')}"
    elif link.name == "but":
        text = f"{clause_text(clause, style)}，但是{clause_text(other, style)}"
    else:
        text = clause_text(clause, style) + clause_text(other, style)
    mark = "？" if clause.asks else "。"
    return text + (mark if punctuated else "")


def clause_text(clause: Clause, style: Style = PLAIN, then: str = "") -> str:
    """One clause: subject, time, adverb, place, verb with its aspect, object, 吗."""
    time = clause.time.target if clause.time else ""
    if clause.subject.pronoun == "it" and clause.subject.noun is None:
        text = time + then + ("不" if clause.negated else "") + clause.verb.target
    elif clause.verb.name == "exist":
        text = time + _existence(clause)
    else:
        subject = noun_phrase(clause.subject, topic=True)
        time_first = bool(time) and clause.time_first != style.time_moved
        opening = time + subject if time_first else subject + time
        if clause.asks in ("time", "reason") and clause.asked:
            opening += clause.asked.target
        text = opening + then + predicate(clause, style)
    return text + ("吗" if clause.asks == "polar" else "")


def predicate(clause: Clause, style: Style = PLAIN) -> str:
    """What follows subject and time."""
    no = "不" if clause.negated else ""
    if clause.quality:
        form, attribute = clause.quality.target.form, clause.quality.target.attribute
        if form == "-":
            return f"{no}是{attribute}"
        if clause.than:
            return f"比{noun_phrase(clause.than, topic=True)}{form}"
        if clause.negated and form == "有意思":
            return "没有意思" if style.full else "没意思"
        very = "" if clause.negated or clause.asks else "很"
        return f"{no}{very}{form}"
    if clause.verb.name == "be":
        if clause.place or clause.asks == "place":
            return f"{no}在{_where(clause)}"
        assert clause.object is not None
        return f"{no}是{noun_phrase(clause.object, bare=True)}"
    if clause.verb.target in WORN and clause.tense == "present" and not clause.modal:
        worn = "没穿" if clause.negated else "穿着"
        return worn + _object(clause)
    head = _before_verb(clause, style)
    verb = clause.verb.target
    if is_disposal(clause) and not style.plain:
        return head + _disposal(clause)
    obj = _object(clause)
    recipient = noun_phrase(clause.recipient) if clause.recipient else ""
    if clause.verb.name == "go":
        obj = _where(clause)
    if clause.tense == "experience":
        verb += "过"
    elif clause.tense == "past" and not clause.negated and not clause.modal:
        if not obj or _is_bare(clause) or style.late_le:
            return f"{head}{verb}{recipient}{obj}了"
        verb += "了"
        if verb.endswith("给了") and len(verb) > 2:
            verb = verb.removesuffix("了")
            return f"{head}{verb[:-1]}给了{recipient}{obj}"
    return f"{head}{verb}{recipient}{obj}"


def is_disposal(clause: Clause) -> bool:
    """Returns True if 把 brings the object before the verb: 把书放在桌子上, 把门关上."""
    return clause.verb.name == "put" or clause.verb.target in (
        "打开",
        "关上",
        "吃完",
        "喝完",
        "卖掉",
        "弄丢",
    )


def _disposal(clause: Clause) -> str:
    assert clause.object is not None
    told = clause.tense == "past" and not clause.negated and not clause.modal
    goal = f"在{location(clause.place)}" if clause.place else ""
    obj = noun_phrase(clause.object, topic=True)
    return f"把{obj}{clause.verb.target}{goal}{'了' if told else ''}"


def _existence(clause: Clause) -> str:
    """桌子上有两本书."""
    no = "没" if clause.negated else ""
    thing = noun_phrase(clause.subject, bare=clause.negated)
    return f"{location(clause.place)}{no}有{thing}"


def _before_verb(clause: Clause, style: Style) -> str:
    """Negation, modality and aspect, and the place where something happens."""
    verb, negated = clause.verb, clause.negated
    place = ""
    if clause.asks == "place" and verb.name != "go":
        place = "在哪里"
    elif clause.place and not clause.place.direction:
        place = "在" + location(clause.place)
    not_yet = "没有" if style.full else "没"
    if clause.modal:
        affirmed, denied = clause.modal.target.split()
        return (denied if negated else affirmed) + place
    if clause.tense == "future":
        will = "要" if style.full and not negated else "会"
        return ("不" if negated else "") + will + place
    if clause.tense in ("past", "experience"):
        return (not_yet if negated else "") + place
    if verb.target == "有":
        return "没" if negated else ""
    if verb.stative or clause.tense == "habit":
        return ("不" if negated else "") + place
    if negated:
        return not_yet + (place or "在")
    if clause.asks == "place":
        return place
    if place:
        return "正" + place if style.full and clause.place and clause.place.phrase else place
    return "正在" if style.full else "在"


def _where(clause: Clause) -> str:
    return location(clause.place) if clause.place else "哪里"


def _object(clause: Clause) -> str:
    if clause.object:
        bare = clause.negated and clause.object.determiner == "a"
        return noun_phrase(clause.object, bare=bare)
    return clause.asked.target if clause.asked and clause.asks == "object" else ""


def _is_bare(clause: Clause) -> bool:
    """Returns True if the object neither counts nor points: then 了 ends the sentence."""
    obj = clause.object
    return obj is not None and obj.indefinite and obj.determiner == "" and not obj.adjective


def location(place: Place | None) -> str:
    """桌子上, 图书馆里, 北京."""
    assert place is not None
    if place.phrase is None:
        return str(place.target)
    return noun_phrase(place.phrase, topic=True) + place.target.strip("-")


def noun_phrase(phrase: Phrase, topic: bool = False, bare: bool = False) -> str:
    """A pronoun, or what points and counts, attributes, and the noun.

    Args:
        phrase: The participant.
        topic: True if its place in the clause already makes it definite (subject, 把, place).
        bare: True if *a* is not said, as behind a negation.
    """
    if phrase.pronoun:
        return PRONOUNS[phrase.pronoun]
    assert phrase.noun is not None
    noun, name = phrase.noun.target, phrase.determiner
    attribute = phrase.adjective.target.attribute if phrase.adjective else ""
    if phrase.relative:
        attribute = f"{clause_text(_gapped(phrase.relative))}的{attribute}"
    opening = ""
    if name in OWNERS:
        opening = OWNERS[name] + ("" if "kin" in phrase.noun.kinds and not attribute else "的")
    elif name.endswith("'s"):
        opening = OWNER_NAMES[name.removesuffix("'s")] + "的"
    elif name in NUMBERS:
        opening = "" if bare and name == "a" else NUMBERS[name] + noun.measure
    elif name in POINTERS and not (name == "the" and (topic or not noun.measure)):
        opening = POINTERS[name] + ("些" if phrase.plural and name != "which" else noun.measure)
    return opening + attribute + noun.form


OWNER_NAMES = {"Xiaoming": "小明", "Xiaohong": "小红", "Li Ming": "李明", "Wang Fang": "王芳"}


def _gapped(clause: Clause) -> Clause:
    """A relative clause has no 了 before 的: 昨天买的书."""
    return replace(clause, tense="habit")
