"""The English-German lexicon: every line is one concept in both languages.

Columns are divided by ``|``; the last one is the level from which on the word is used.
"""

from __future__ import annotations

# English [plural, - for none] | German article, noun, plural (* after a weak noun) | kinds | level
NOUNS = """
man men | der Mann Männer | person adult | 1
woman women | die Frau Frauen | person adult | 1
child children | das Kind Kinder | person | 1
boy | der Junge* Jungen | person | 2
girl | das Mädchen Mädchen | person | 3
teacher | der Lehrer Lehrer | person adult | 2
doctor | der Arzt Ärzte | person adult | 2
student | der Student* Studenten | person adult | 3
neighbour | der Nachbar* Nachbarn | person adult | 3
colleague | der Kollege* Kollegen | person adult | 3
guest | der Gast Gäste | person adult | 3
waiter | der Kellner Kellner | person adult | 3
friend | der Freund Freunde | person adult kin | 2
brother | der Bruder Brüder | person adult kin | 2
sister | die Schwester Schwestern | person adult kin | 2
mother | die Mutter Mütter | person adult kin | 2
father | der Vater Väter | person adult kin | 3
daughter | die Tochter Töchter | person adult kin | 3
son | der Sohn Söhne | person adult kin | 3
aunt | die Tante Tanten | person adult kin | 3
uncle | der Onkel Onkel | person adult kin | 3
grandmother | die Großmutter Großmütter | person adult kin | 3
dog | der Hund Hunde | animal pet | 1
cat | die Katze Katzen | animal pet | 1
horse | das Pferd Pferde | animal | 3
bird | der Vogel Vögel | animal | 3
rabbit | das Kaninchen Kaninchen | animal pet | 3
apple | der Apfel Äpfel | food solid fruit | 1
banana | die Banane Bananen | food solid fruit | 3
egg | das Ei Eier | food solid | 2
cake | der Kuchen Kuchen | food solid baked | 2
potato potatoes | die Kartoffel Kartoffeln | food solid | 3
bread - | das Brot - | food solid baked | 2
cheese - | der Käse - | food solid | 3
soup - | die Suppe - | food cooked | 3
rice - | der Reis - | food cooked | 3
fish - | der Fisch - | food solid cooked | 3
salad | der Salat Salate | food | 3
coffee - | der Kaffee - | drink | 2
milk - | die Milch - | drink | 2
water - | das Wasser - | drink | 2
tea - | der Tee - | drink | 3
juice - | der Saft - | drink | 3
book | das Buch Bücher | text thing | 1
letter | der Brief Briefe | text mail | 2
newspaper | die Zeitung Zeitungen | text thing | 2
poem | das Gedicht Gedichte | text | 3
email | die E-Mail E-Mails | text mail | 3
article | der Artikel Artikel | text | 3
story stories | die Geschichte Geschichten | text | 3
postcard | die Postkarte Postkarten | text mail thing | 3
coat | der Mantel Mäntel | clothes | 2
jacket | die Jacke Jacken | clothes | 3
shirt | das Hemd Hemden | clothes | 3
dress | das Kleid Kleider | clothes | 3
hat | der Hut Hüte | clothes | 3
skirt | der Rock Röcke | clothes | 3
scarf scarves | der Schal Schals | clothes | 3
car | das Auto Autos | vehicle | 2
bicycle | das Fahrrad Fahrräder | vehicle | 3
bus buses | der Bus Busse | transport | 3
train | der Zug Züge | transport | 3
flower | die Blume Blumen | plant thing gift | 1
tree | der Baum Bäume | plant | 3
house | das Haus Häuser | building | 1
hotel | das Hotel Hotels | building | 3
museum | das Museum Museen | building | 3
castle | das Schloss Schlösser | building | 3
flat | die Wohnung Wohnungen | home | 3
table | der Tisch Tische | furniture | 3
chair | der Stuhl Stühle | furniture | 3
sofa | das Sofa Sofas | furniture | 3
lamp | die Lampe Lampen | furniture | 3
clock | die Uhr Uhren | thing | 3
bag | die Tasche Taschen | thing | 2
key | der Schlüssel Schlüssel | thing | 3
picture | das Bild Bilder | art thing gift | 2
photo | das Foto Fotos | art thing | 3
umbrella | der Regenschirm Regenschirme | thing | 3
phone | das Handy Handys | thing | 3
computer | der Computer Computer | machine | 3
cup | die Tasse Tassen | dish thing | 3
plate | der Teller Teller | dish thing | 3
glass glasses | das Glas Gläser | dish thing | 3
knife knives | das Messer Messer | dish thing | 3
bottle | die Flasche Flaschen | dish thing | 3
ball | der Ball Bälle | thing toy | 3
present | das Geschenk Geschenke | thing gift | 3
ticket | die Fahrkarte Fahrkarten | thing | 3
song | das Lied Lieder | song | 3
film | der Film Filme | film | 3
window | das Fenster Fenster | opening | 2
door | die Tür Türen | opening | 2
guitar | die Gitarre Gitarren | instrument | 3
piano pianos | das Klavier Klaviere | instrument | 3
question | die Frage Fragen | question | 3
exercise | die Aufgabe Aufgaben | task | 3
music - | die Musik - | music | 3
garden | der Garten Gärten | place | 2
kitchen | die Küche Küchen | place | 2
park | der Park Parks | place | 2
office | das Büro Büros | place | 3
library | die Bibliothek Bibliotheken | place | 3
restaurant | das Restaurant Restaurants | place | 3
café | das Café Cafés | place | 3
market | der Markt Märkte | place | 3
supermarket | der Supermarkt Supermärkte | place | 2
living room | das Wohnzimmer Wohnzimmer | place | 3
station | der Bahnhof Bahnhöfe | place | 3
cinema | das Kino Kinos | place | 3
beach | der Strand Strände | place | 3
shelf shelves | das Regal Regale | place | 3
weather - | das Wetter - | weather | 3
"""

NAMES = {"Anna": "she", "Paul": "he", "Maria": "she", "Lukas": "he", "Julia": "she"}

# English base [past participle] [particle], ~ for stative | German | objects | places | level
VERBS = """
see saw seen ~ | sehen sieht sah gesehen | person animal building art vehicle film | out | 1
need needed needed ~ | brauchen gebraucht | clothes furniture thing vehicle machine home | | 1
buy bought bought | kaufen gekauft | food drink text:thing clothes thing vehicle furniture machine | shop | 1
draw drew drawn | zeichnen gezeichnet | animal plant building person | out study | 1
look looked looked for | suchen gesucht | thing clothes pet home | | 1
find found found ~ | finden findet fand gefunden | thing clothes pet | home | 3
read read read | lesen liest las gelesen | text | home out study | 2
write wrote written | schreiben schreibt schrieb geschrieben | text:mail text:poem | home study | 2
eat ate eaten | essen isst aß gegessen | food | home eat | 2
drink drank drunk | trinken trinkt trank getrunken | drink | home eat | 2
cook cooked cooked | kochen gekocht | cooked | home:kitchen | 3
bake baked baked | backen backt backte gebacken | baked:cake baked:bread | home:kitchen | 3
cut cut cut | schneiden schneidet schnitt geschnitten | solid | home:kitchen | 3
wear wore worn | tragen trägt trug getragen | clothes | | 3
wash washed washed | waschen wäscht wusch gewaschen | clothes vehicle | | 3
sell sold sold | verkaufen verkauft | vehicle home building:house furniture art | | 3
repair repaired repaired | reparieren repariert | vehicle furniture machine | | 3
paint painted painted | malen gemalt | art:picture plant building:house | out | 3
visit visited visited | besuchen besucht | kin building:museum building:castle | | 2
meet met met | treffen trifft traf getroffen | person | out eat | 3
know knew known ~ | kennen kennt kannte gekannt | person song film | | 3
like liked liked ~ | mögen mag mochte gemocht | person animal food drink music song | | 3
love loved loved ~ | lieben geliebt | kin music pet | | 3
understand understood understood ~ | verstehen versteht verstand verstanden | question text person | | 3
hear heard heard ~ | hören gehört | song animal:bird music | home | 3
sing sang sung | singen singt sang gesungen | song | home out | 3
play played played | spielen gespielt | instrument | home | 3
learn learned learned | lernen gelernt | song text:poem | study | 3
forget forgot forgotten ~ | vergessen vergisst vergaß vergessen | thing question | | 3
lose lost lost ~ | verlieren verliert verlor verloren | thing clothes:hat clothes:scarf | out | 3
carry carried carried | tragen trägt trug getragen | thing:bag dish furniture:chair | | 3
photograph photographed photographed | fotografieren fotografiert | animal building person plant | out | 3
have had had ~ | haben hat hatte gehabt | animal kin vehicle home question machine | | 3
answer answered answered | beantworten beantwortet | question text:mail | | 3
explain explained explained | erklären erklärt | task text:story text:poem | | 3
open opened opened | auf=machen aufgemacht | opening thing:bag bottle | | 2
close closed closed | zu=machen zugemacht | opening thing:bag | | 3
collect collected collected | ab=holen abgeholt | kin thing:ticket thing:present | | 3
put put put on | an=ziehen zieht zog angezogen | clothes | | 3
bring brought brought along | mit=bringen bringt brachte mitgebracht | gift baked:cake salad | | 3
call called called | an=rufen ruft rief angerufen | person | | 2
invite invited invited | ein=laden lädt lud eingeladen | person | | 3
help helped helped | helfen hilft half geholfen @ dat | person | home:kitchen home:garden | 2
thank thanked thanked | danken gedankt @ dat | person | | 3
congratulate congratulated congratulated | gratulieren gratuliert @ dat | kin | | 3
listen listened listened to | zu=hören zugehört @ dat | person | | 3
trust trusted trusted ~ | vertrauen vertraut @ dat | person | | 3
belong belonged belonged to ~ | gehören gehört @ dat | - | | 3
wait waited waited for | warten gewartet @auf acc | person transport | out | 2
think thought thought of | denken denkt dachte gedacht @an acc | kin | | 3
talk talked talked to | sprechen spricht sprach gesprochen @mit dat | person | home out eat | 3
play played played with | spielen gespielt @mit dat | pet toy | home out | 3
dance danced danced with | tanzen getanzt @mit dat | person | | 3
sleep slept slept | schlafen schläft schlief geschlafen | | rest | 2
work worked worked | arbeiten gearbeitet | | study home:garden | 2
cry cried cried | weinen geweint | | rest | 3
wait waited waited | warten gewartet | | out eat | 3
swim swam swum | schwimmen schwimmt schwamm ist geschwommen | | | 3
get got got up | auf=stehen steht stand ist aufgestanden | | | 3
fall fell fallen asleep | ein=schlafen schläft schlief ist eingeschlafen | | | 3
watch watched watched television | fern=sehen sieht sah ferngesehen | | rest | 3
go went gone shopping | ein=kaufen eingekauft | | | 3
stay stayed stayed | bleiben bleibt blieb ist geblieben | | rest | 3
go went gone | gehen geht ging ist gegangen | | goal | 2
drive drove driven | fahren fährt fuhr ist gefahren | | goal town | 3
run ran run | laufen läuft lief ist gelaufen | | goal | 3
fly flew flown | fliegen fliegt flog ist geflogen | | town | 3
put put put | legen gelegt | thing text:thing | surface | 3
give gave given | geben gibt gab gegeben | gift text:book fruit | | 2
show showed shown | zeigen gezeigt | art text:letter vehicle home | | 2
lend lent lent | leihen leiht lieh geliehen | thing:umbrella text:book vehicle:bicycle thing:bag | | 3
send sent sent | schicken geschickt | mail gift:present art:photo | | 3
bring brought brought | bringen bringt brachte gebracht | drink dish thing:key | | 3
tell told told | erzählen erzählt | text:story | | 3
know knew known ~ | wissen weiß wusste gewusst | clause | | 3
think thought thought ~ | glauben geglaubt | clause | | 3
hope hoped hoped ~ | hoffen gehofft | clause | | 3
say said said ~ | sagen gesagt | clause | | 3
be was been | sein ist war ist gewesen | | | 2
rain rained rained ~ | regnen geregnet | | | 3
snow snowed snowed ~ | schneien geschneit | | | 3
"""

# English [/comparative] | German [comparative] | kinds | level
ADJECTIVES = """
old | alt älter | adult animal clothes vehicle building furniture thing art machine | 2
young | jung jünger | person animal | 3
small | klein kleiner | person animal clothes vehicle building furniture thing plant fruit | 2
big | groß größer | animal vehicle building furniture fruit plant home | 2
tall | groß größer | person adult | 3
new | neu neuer | clothes vehicle furniture thing machine text:book film song | 2
good | gut besser | weather text film song music food drink | 2
red | rot röter | clothes vehicle fruit:apple plant:flower furniture:chair thing:bag | 2
beautiful | schön schöner | clothes building plant art song music | 3
expensive | teuer teurer | clothes vehicle furniture thing machine building:hotel home | 2
cheap | billig billiger | clothes vehicle furniture thing machine building:hotel home | 3
long | lang länger | text film clothes:coat clothes:dress | 3
short | kurz kürzer | text film | 3
interesting | interessant interessanter | text film question building:museum | 3
difficult | schwierig schwieriger | question task text | 3
easy | leicht leichter | question task | 3
warm | warm wärmer | weather clothes:coat clothes:jacket clothes:scarf cooked | 3
hot | heiß heißer | drink:tea drink:coffee cooked:soup | 3
cold | kalt kälter | weather drink cooked:soup | 3
fresh | frisch frischer | fruit solid drink:milk drink:juice | 3
tired | müde müder | person animal | 2
happy | glücklich glücklicher | person adult | 3
ill | krank kränker | person animal | 3
friendly | freundlich freundlicher | person animal:dog | 3
hungry | hungrig hungriger | person animal | 3
busy | beschäftigt beschäftigter | person adult | 3
sad | traurig trauriger | person adult | 3
famous | berühmt berühmter | building art person song film | 3
quiet | ruhig ruhiger | home building:hotel person | 3
clever | klug klüger | person animal:dog animal:cat | 3
white | weiß weißer | clothes animal plant:flower furniture | 3
blue | blau blauer | clothes vehicle furniture thing:bag thing:cup | 3
heavy | schwer schwerer | thing:bag furniture machine | 3
dark | dunkel dunkler | home clothes | 3
"""

# place kind | English preposition, determiner, noun | German preposition, case | level
PLACES = """
home | in the kitchen | in dat | 2
home | in the garden | in dat | 2
home | in the living room | in dat | 3
rest | in the garden | in dat | 2
rest | in the living room | in dat | 3
out | in the park | in dat | 2
out | in front of the station | vor dat | 3
out | in front of the cinema | vor dat | 3
out | on the beach | an dat | 3
out | at the station | an dat | 3
study | in the library | in dat | 3
study | in the office | in dat | 3
shop | at the supermarket | in dat | 2
shop | at the market | auf dat | 3
eat | in the restaurant | in dat | 3
eat | in the café | in dat | 3
goal | to the park | in acc | 2
goal | to the cinema | in acc | 3
goal | to the supermarket | zu dat | 2
goal | to the station | zu dat | 3
goal | to the library | in acc | 3
goal | to the market | auf acc | 3
goal | to the beach | an acc | 3
surface | on the table | auf acc | 3
surface | on the chair | auf acc | 3
surface | under the sofa | unter acc | 3
surface | next to the lamp | neben acc | 3
surface | on the shelf | auf acc | 3
surface | behind the door | hinter acc | 3
surface | in the bag | in acc | 3
stand | on the table | auf dat | 3
stand | on the chair | auf dat | 3
stand | under the sofa | unter dat | 3
stand | next to the lamp | neben dat | 3
stand | on the shelf | auf dat | 3
stand | behind the door | hinter dat | 3
stand | in the bag | in dat | 3
"""

# place kind | English | German | level (no inflection)
FIXED_PLACES = """
home | at home | zu Hause | 2
rest | at home | zu Hause | 2
study | at school | in der Schule | 2
goal | to school | in die Schule | 2
town | home | nach Hause | 3
town | to Berlin | nach Berlin | 3
town | to Vienna | nach Wien | 3
town | to Italy | nach Italien | 3
city | in Berlin | in Berlin | 3
city | in Vienna | in Wien | 3
"""

# English [^ for medial] | German | tenses | level
TIMES = """
today | heute | present past future modal state | 1
now | jetzt | present modal state | 1
tomorrow | morgen | future modal | 2
yesterday | gestern | past pastmodal paststate | 2
this evening | heute Abend | future modal | 2
every day | jeden Tag | habit | 2
last week | letzte Woche | past | 3
on Monday | am Montag | past future modal pastmodal | 3
last night | gestern Abend | past paststate pastmodal | 3
next week | nächste Woche | future modal | 3
on Sundays | sonntags | habit | 3
in the morning | am Morgen | habit | 3
often ^ | oft | habit | 2
always ^ | immer | habit | 3
sometimes ^ | manchmal | habit | 3
"""

# English, third person, past (/ for no inflection) | German | level
MODALS = """
can / could | können | 2
want to, wants to, wanted to | wollen | 2
have to, has to, had to | müssen | 3
may / - | dürfen | 3
should / - | sollten | 3
would like to / - | möchten | 3
"""

# Verbs that ask for a construction of their own, by English verb and particle.
SPECIAL = frozenset({"be", "rain", "snow", "put", "belong to"})
GIVING = frozenset({"give", "show", "lend", "send", "bring", "tell"})
GOING = frozenset({"go", "drive", "run", "fly"})
STAYING = frozenset({"stay"})
# Verbs of lasting states, which no time adverb bounds.
LASTING = frozenset({"like", "love", "know", "understand", "have", "trust"})
# What happens before one knows, so that one only tells of it.
SUDDEN = frozenset({"find", "forget", "lose"})
# What people do again and again.
HABITS = frozenset(
    {
        "read", "write", "eat", "drink", "cook", "bake", "draw", "wear", "visit", "meet", "hear",
        "sing", "play", "call", "invite", "help", "listen to", "wait for", "think of", "talk to",
        "play with", "dance with", "work", "swim", "get up", "fall asleep",
        "watch television", "go shopping", "go", "run", "photograph",
    }
)  # fmt: skip
# Determiners of the objects of some verbs; the others take any.
DETERMINERS = {
    "have": ("a", "a", "two", "three"),
    "like": ("the", "this", "own"),
    "love": ("the", "this", "own"),
    "know": ("the", "this", "own"),
    "understand": ("the", "this", "own"),
    "wear": ("a", "the", "own"),
    "put on": ("a", "the", "own"),
    "play": ("", "the"),
}
# What a person may be for a while.
MOODS = frozenset(["tired", "happy", "ill", "hungry", "busy", "sad", "friendly", "young", "old", "tall"])
# What passes, so that it may be so today or yesterday only.
PASSING = frozenset(["tired", "happy", "ill", "hungry", "busy", "sad"])
# What is rarely said to be more so in one than in another.
INCOMPARABLE = PASSING - {"happy"} | frozenset(["red", "white", "blue", "good", "fresh"])
