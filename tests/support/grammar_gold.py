# ruff: noqa: E501
"""Sentences of the grammars that were written and checked by hand, and a way to spell meanings."""

from llm_envs.data.grammar.en_de.constructions import EnglishGerman
from llm_envs.data.grammar.en_zh.constructions import EnglishChinese
from llm_envs.data.grammar.lexicon import links
from llm_envs.data.grammar.meaning import PRONOUNS, Clause, Phrase

DETERMINERS = {"the", "a", "this", "that", "which", "how many", "two", "three"}
DETERMINERS |= {"my", "your", "his", "her", "our", "their"}


class Speaker:
    """Writes meanings briefly: ``speaker.clause("Anna", "buy", "a red apple", tense="past")``."""

    def __init__(self, grammar):
        self.grammar = grammar
        self.verbs = {v.key: v for v in [*grammar.plain, *grammar.give, *grammar.special.values()]}

    def phrase(self, text):
        grammar = self.grammar
        if text in (*PRONOUNS, "who"):
            return Phrase(pronoun=text)
        for name in grammar.names:
            if name.name == text:
                return Phrase(name)
        determiner = next((d for d in sorted(DETERMINERS) if text.startswith(d + " ")), "")
        determiner = determiner or (text.split("'s ")[0] + "'s" if "'s " in text else "")
        rest = text.removeprefix(determiner).strip()
        for noun in grammar.nouns.values():
            for form, plural in ((noun.name, False), (noun.plural, True)):
                if form and (rest == form or rest.endswith(" " + form)):
                    quality = rest.removesuffix(form).strip()
                    adjective = self.adjective(quality) if quality else None
                    if not plural or determiner not in ("a", "which"):
                        return Phrase(noun, determiner, adjective, plural)
        raise AssertionError(text)

    def adjective(self, name):
        return next(one for one in self.grammar.adjectives if one.name == name)

    def place(self, text):
        for found in self.grammar.places.values():
            for place in found:
                full = f"{place.name} the {place.phrase.noun.name}" if place.phrase else place.name
                if full == text:
                    return place
        raise AssertionError(text)

    def clause(self, subject, verb, obj=None, **turns):
        convert = {
            "recipient": self.phrase,
            "than": self.phrase,
            "place": self.place,
            "quality": self.adjective,
            "time": lambda name: next(t for t in self.grammar.times if t.name == name),
            "modal": lambda name: next(m for m in self.grammar.modals if m.name == name),
        }
        turns = {key: convert.get(key, lambda same: same)(value) for key, value in turns.items()}
        subject = self.phrase(subject) if isinstance(subject, str) else subject
        return Clause(self.verbs[verb], subject, self.phrase(obj) if isinstance(obj, str) else obj, **turns)


DE = Speaker(EnglishGerman(3))
ZH = Speaker(EnglishChinese(3))
WEIL, DASS, WENN, ABER = links(because="weil", that="dass", if_="wenn", but="aber").values()
YINWEI, THAT, RUGUO, DANSHI = links(because="因为", that="", if_="如果", but="但是").values()
NEVER = {"negated": True}
IT_COAT = Phrase(DE.grammar.nouns["coat"], pronoun="it")
BOUGHT = DE.clause("Anna", "buy", tense="past", time="yesterday")
THE_COAT = Phrase(DE.grammar.nouns["coat"], "the", relative=BOUGHT)
READ = ZH.clause("Li Ming", "read", tense="past", time="yesterday")
THE_BOOK = Phrase(ZH.grammar.nouns["book"], "the", relative=READ)


def asked(**word):
    return next(iter(links(**word).values()))


# fmt: off
GERMAN = [
    # gender, case and agreement
    (("the man", "see", "the dog"), "The man sees the dog.", "Der Mann sieht den Hund."),
    (("I", "need", "a flower"), "I need a flower.", "Ich brauche eine Blume."),
    (("she", "see", "a house"), "She sees a house.", "Sie sieht ein Haus."),
    (("they", "see", "the boy"), "They see the boy.", "Sie sehen den Jungen."),
    (("we", "eat", "a apple"), "We are eating an apple.", "Wir essen einen Apfel."),
    (("Anna", "read", "two good books"), "Anna is reading two good books.", "Anna liest zwei gute Bücher."),
    (("he", "wear", "a blue dress"), "He is wearing a blue dress.", "Er trägt ein blaues Kleid."),
    (("he", "drink", "cold milk"), "He is drinking cold milk.", "Er trinkt kalte Milch."),
    (("you", "read", "your letter"), "You are reading your letter.", "Du liest deinen Brief."),
    (("you", "read", "your letter"), "You are reading your letter.", "Sie lesen Ihren Brief."),
    (("we", "need", "this expensive lamp"), "We need this expensive lamp.", "Wir brauchen diese teure Lampe."),
    (("Paul", "repair", "Anna's old bicycle"), "Paul is repairing Anna's old bicycle.", "Paul repariert Annas altes Fahrrad."),
    # datives and prepositional objects
    (("I", "help", "the student"), "I am helping the student.", "Ich helfe dem Studenten."),
    (("she", "play with", "the children"), "She is playing with the children.", "Sie spielt mit den Kindern."),
    (("we", "wait for", "the bus"), "We are waiting for the bus.", "Wir warten auf den Bus."),
    (("this bag", "belong to", "my sister", {"tense": "habit"}), "This bag belongs to my sister.", "Diese Tasche gehört meiner Schwester."),
    (("Paul", "give", "a flower", {"recipient": "his mother"}), "Paul is giving his mother a flower.", "Paul gibt seiner Mutter eine Blume."),
    (("he", "show", "the picture", {"recipient": "I", "tense": "past"}), "He showed me the picture.", "Er hat mir das Bild gezeigt."),
    # tense, haben and sein, preterite
    (("Anna", "buy", "a egg", {"tense": "past"}), "Anna bought an egg.", "Anna hat ein Ei gekauft."),
    (("Anna", "buy", "a car", {"tense": "past"}), "Anna bought a car.", "Anna kaufte ein Auto."),
    (("they", "fly", None, {"tense": "past", "place": "to Vienna"}), "They flew to Vienna.", "Sie sind nach Wien geflogen."),
    (("I", "sing", "a song", {"tense": "future", "time": "tomorrow"}), "I will sing a song tomorrow.", "Ich werde morgen ein Lied singen."),
    (("I", "sing", "a song", {"tense": "future", "time": "tomorrow"}), "I will sing a song tomorrow.", "Ich singe morgen ein Lied."),
    (("we", "be", None, {"tense": "past", "quality": "tired"}), "We were tired.", "Wir waren müde."),
    # separable verbs and modals
    (("I", "open", "the door"), "I am opening the door.", "Ich mache die Tür auf."),
    (("he", "get up", None, {"tense": "past"}), "He got up.", "Er ist aufgestanden."),
    (("she", "call", "Paul", {"modal": "want to"}), "She wants to call Paul.", "Sie will Paul anrufen."),
    (("you", "work", None, {"modal": "have to", "negated": True}), "You do not have to work.", "Du musst nicht arbeiten."),
    (("he", "read", "the book", {"modal": "can", "negated": True}), "He cannot read the book.", "Er kann das Buch nicht lesen."),
    (("I", "sleep", None, {"modal": "would like to"}), "I would like to sleep.", "Ich möchte schlafen."),
    (("she", "swim", None, {"modal": "may", "asks": "polar"}), "May she swim?", "Darf sie schwimmen?"),
    # order: verb second, time, place, negation
    (("the woman", "buy", "a chair", {"time": "today", "time_first": True}), "Today the woman is buying a chair.", "Heute kauft die Frau einen Stuhl."),
    (("he", "read", "the newspaper", {"place": "in the garden"}), "He is reading the newspaper in the garden.", "Er liest die Zeitung im Garten."),
    (("she", "eat", "soup", {"tense": "habit", "time": "often"}), "She often eats soup.", "Sie isst oft Suppe."),
    (("Anna", "see", "the cat", NEVER), "Anna does not see the cat.", "Anna sieht die Katze nicht."),
    (("Anna", "have", "a cat", NEVER), "Anna does not have a cat.", "Anna hat keine Katze."),
    (("I", "drink", "coffee", NEVER), "I am not drinking coffee.", "Ich trinke keinen Kaffee."),
    (("I", "buy", "the coat", {"negated": True, "tense": "past", "time": "yesterday"}), "I did not buy the coat yesterday.", "Ich habe den Mantel gestern nicht gekauft."),
    (("he", "think of", "his son", NEVER), "He is not thinking of his son.", "Er denkt nicht an seinen Sohn."),
    # two-way prepositions
    (("she", "put", "the key", {"place": "on the table"}), "She is putting the key on the table.", "Sie legt den Schlüssel auf den Tisch."),
    (("they", "go", None, {"place": "to the cinema"}), "They are going to the cinema.", "Sie gehen ins Kino."),
    (("we", "go", None, {"place": "to the supermarket"}), "We are going to the supermarket.", "Wir gehen zum Supermarkt."),
    # questions
    (("you", "eat", "fish", {"asks": "polar", "tense": "past"}), "Did you eat fish?", "Hast du Fisch gegessen?"),
    (("who", "sing", None, {"asks": "subject"}), "Who is singing?", "Wer singt?"),
    (("Anna", "visit", None, {"asks": "object", "asked": asked(who="wen")}), "Who is Anna visiting?", "Wen besucht Anna?"),
    (("he", "read", "which book", {"asks": "object"}), "Which book is he reading?", "Welches Buch liest er?"),
    (("you", "have", "how many cats", {"asks": "object"}), "How many cats do you have?", "Wie viele Katzen hast du?"),
    (("she", "fly", None, {"asks": "place", "asked": asked(where="wohin")}), "Where is she flying?", "Wohin fliegt sie?"),
    # comparison, relative and linked clauses
    (("Anna", "be", None, {"quality": "tall", "than": "Paul"}), "Anna is taller than Paul.", "Anna ist größer als Paul."),
    ((THE_COAT, "be", None, {"quality": "warm"}), "The coat that Anna bought yesterday is warm.", "Der Mantel, den Anna gestern gekauft hat, ist warm."),
    (("Anna", "buy", "the coat", {"link": WEIL, "other": DE.clause(IT_COAT, "be", quality="cheap")}), "Anna is buying the coat because it is cheap.", "Anna kauft den Mantel, weil er billig ist."),
    (("I", "know", None, {"link": DASS, "other": DE.clause("Paul", "get up")}), "I know that Paul is getting up.", "Ich weiß, dass Paul aufsteht."),
    (("he", "say", None, {"link": DASS, "other": DE.clause("she", "work", modal="have to")}), "He says that she has to work.", "Er sagt, dass sie arbeiten muss."),
    (("we", "stay", None, {"place": "at home", "tense": "future", "link": WENN, "other": DE.clause("it", "rain", tense="habit"), "other_first": True}), "If it rains, we will stay at home.", "Wenn es regnet, werden wir zu Hause bleiben."),
    (("Paul", "have", "a dog", {"link": ABER, "other": DE.clause("Anna", "have", "a cat")}), "Paul has a dog, but Anna has a cat.", "Paul hat einen Hund, aber Anna hat eine Katze."),
]

CHINESE = [
    # measure words and attributes
    (("I", "buy", "a book", {"tense": "past"}), "I bought a book.", "我买了一本书。"),
    (("she", "have", "two cats"), "She has two cats.", "她有两只猫。"),
    (("we", "need", "this table"), "We need this table.", "我们需要这张桌子。"),
    (("he", "buy", "a red car", {"tense": "past"}), "He bought a red car.", "他买了一辆红色的汽车。"),
    (("he", "like", "my new coat"), "He likes my new coat.", "他喜欢我的新大衣。"),
    (("she", "visit", "her older brother", {"tense": "past"}), "She visited her older brother.", "她看望了她哥哥。"),
    # aspect
    (("they", "drink", "tea"), "They are drinking tea.", "他们在喝茶。"),
    (("they", "drink", "tea"), "They are drinking tea.", "他们正在喝茶。"),
    (("he", "wear", "a coat"), "He is wearing a coat.", "他穿着一件大衣。"),
    (("she", "drink", "coffee", {"tense": "past", "time": "today"}), "She drank coffee today.", "她今天喝咖啡了。"),
    (("I", "watch", "this film", {"tense": "experience"}), "I have watched this film before.", "我看过这部电影。"),
    (("I", "go", None, {"tense": "experience", "place": "to Shanghai", "negated": True}), "I have not been to Shanghai before.", "我没去过上海。"),
    (("you", "go", None, {"tense": "past", "place": "to Beijing", "time": "last week"}), "You went to Beijing last week.", "你上个星期去了北京。"),
    # time and place before the verb
    (("Li Ming", "read", "books", {"tense": "habit", "time": "every day", "place": "in the library"}), "Li Ming reads books in the library every day.", "李明每天在图书馆里看书。"),
    (("we", "swim", None, {"tense": "future", "time": "tomorrow", "time_first": True}), "Tomorrow we will swim.", "明天我们会游泳。"),
    (("he", "eat", "apples", {"tense": "habit", "time": "often"}), "He often eats apples.", "他常常吃苹果。"),
    # negation
    (("I", "drink", "milk", {"tense": "habit", "negated": True}), "I do not drink milk.", "我不喝牛奶。"),
    (("I", "buy", "a coat", {"tense": "past", "negated": True}), "I did not buy a coat.", "我没买大衣。"),
    (("she", "have", "a dog", NEVER), "She does not have a dog.", "她没有狗。"),
    (("he", "sleep", None, NEVER), "He is not sleeping.", "他没在睡觉。"),
    (("you", "swim", None, {"modal": "have to", "negated": True}), "You do not have to swim.", "你不用游泳。"),
    # modals, gifts, 把
    (("I", "eat", "a cake", {"modal": "want to"}), "I want to eat a cake.", "我想吃一块蛋糕。"),
    (("he", "give", "a pen", {"recipient": "I", "tense": "past"}), "He gave me a pen.", "他给了我一支笔。"),
    (("she", "lend", "a umbrella", {"recipient": "he", "tense": "past"}), "She lent him an umbrella.", "她借给了他一把雨伞。"),
    (("he", "put", "the book", {"tense": "past", "place": "on the table"}), "He put the book on the table.", "他把书放在桌子上了。"),
    (("she", "close", "the door", {"tense": "past"}), "She closed the door.", "她把门关上了。"),
    (("she", "close", "the door", {"tense": "past"}), "She closed the door.", "她关上了那扇门。"),
    # being
    (("he", "be", "a doctor", {"tense": "habit"}), "He is a doctor.", "他是医生。"),
    (("the phone", "be", None, {"tense": "habit", "place": "on the bed"}), "The phone is on the bed.", "手机在床上。"),
    (("three cups", "exist", None, {"tense": "habit", "place": "on the table"}), "There are three cups on the table.", "桌子上有三个杯子。"),
    (("she", "be", None, {"quality": "busy"}), "She is busy.", "她很忙。"),
    (("this flower", "be", None, {"quality": "white"}), "This flower is white.", "这朵花是白色的。"),
    (("the film", "be", None, {"quality": "interesting", "negated": True}), "The film is not interesting.", "电影没意思。"),
    (("Xiaoming", "be", None, {"quality": "tall", "than": "I"}), "Xiaoming is taller than me.", "小明比我高。"),
    ((THE_BOOK, "be", None, {"quality": "interesting"}), "The book that Li Ming read yesterday is interesting.", "李明昨天看的书很有意思。"),
    # questions
    (("you", "drink", "tea", {"tense": "habit", "asks": "polar"}), "Do you drink tea?", "你喝茶吗？"),
    (("you", "read", None, {"asks": "object", "asked": asked(what="什么")}), "What are you reading?", "你在看什么？"),
    (("who", "swim", None, {"asks": "subject"}), "Who is swimming?", "谁在游泳？"),
    (("he", "buy", "how many books", {"asks": "object", "tense": "past"}), "How many books did he buy?", "他买了几本书？"),
    (("she", "work", None, {"asks": "place", "asked": asked(where="哪里")}), "Where is she working?", "她在哪里工作？"),
    (("you", "go", None, {"tense": "future", "place": "to Beijing", "asks": "time", "asked": asked(when="什么时候")}), "When will you go to Beijing?", "你什么时候会去北京？"),
    # linked clauses
    (("Li Ming", "swim", None, {"modal": "want to", "negated": True, "link": YINWEI, "other": ZH.clause("he", "be", quality="tired")}), "Li Ming does not want to swim because he is tired.", "因为李明很累，所以他不想游泳。"),
    (("I", "go", None, {"tense": "future", "place": "to the park", "negated": True, "link": RUGUO, "other_first": True, "other": ZH.clause("it", "rain", tense="habit", time="tomorrow")}), "If it rains tomorrow, I will not go to the park.", "如果明天下雨，我就不会去公园。"),
    (("she", "know", None, {"link": THAT, "other": ZH.clause("he", "have", "a cat")}), "She knows that he has a cat.", "她知道他有一只猫。"),
    (("Li Ming", "like", "dogs", {"link": DANSHI, "other": ZH.clause("Wang Fang", "like", "cats")}), "Li Ming likes dogs, but Wang Fang likes cats.", "李明喜欢狗，但是王芳喜欢猫。"),
]
# fmt: on


def spell(speaker, parts):
    *roles, turns = parts if isinstance(parts[-1], dict) else (*parts, {})
    return speaker.clause(*roles, **turns)
