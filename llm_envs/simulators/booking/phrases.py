"""The words of the booking user: several templates for every user act.

``{np}`` is a noun phrase with article ("a cheap thai restaurant"), ``{one}`` the same around the
noun "place" or "one", ``{x}`` a fragment for one slot, ``{details}`` booking details,
``{a}`` what is reserved ("a table").
"""

from __future__ import annotations

OPENINGS = (
    "hello , i am looking for {np} .",
    "i am looking for {np} , please .",
    "hi , i need {np} .",
    "can you find me {np} ?",
    "good morning , do you know {np} ?",
    "please find me {np} .",
    "we would like to go to {np} .",
    "do you have {np} ?",
    "i would like to visit {np} .",
    "could you help me find {np} ?",
)
VAGUE_OPENINGS = {
    "restaurant": ("hello , i need a place to eat .", "we want to go out for dinner ."),
    "hotel": ("hi , i need a place to stay .", "hello , i need a place to sleep ."),
    "museum": ("hello , we want to see a museum .", "can you suggest a museum ?"),
}
NEEDS = (
    "i need {np} .",
    "i am looking for {np} .",
    "i want {np} .",
    "it should be {np} .",
    "i would like {np} .",
    "please find {np} .",
)
INFORM = {
    "area": (
        "in the {v} , please .",
        "the {v} would be nice .",
        "it should be in the {v} .",
        "somewhere in the {v} .",
        "i would like to be in the {v} .",
        "preferably in the {v} .",
        "the {v} , please .",
        "we are staying in the {v} .",
    ),
    "price": (
        "something {v} , please .",
        "it should be {v} .",
        "we want something {v} .",
        "{v} , please .",
        "preferably {v} .",
        "something {v} would be good .",
        "i want a {v} one .",
    ),
    "food": (
        "{v} food , please .",
        "i would like {v} food .",
        "it should have {v} food .",
        "we love {v} food .",
        "i feel like {v} food .",
        "{v} would be nice .",
        "something {v} .",
    ),
    "style": (
        "something {v} , please .",
        "it should be {v} .",
        "a {v} one , please .",
        "we like {v} hotels .",
        "i would like a {v} one .",
        "{v} would be nice .",
        "preferably {v} .",
    ),
    "theme": (
        "i am interested in {v} .",
        "something about {v} , please .",
        "we love {v} .",
        "it should be about {v} .",
        "{v} would be nice .",
        "a museum about {v} .",
        "{v} , please .",
    ),
    "type": ("i need a {v} .", "i am looking for a {v} .", "a {v} , please ."),
}
INFORM_SEVERAL = (
    "{one} , please .",
    "i would like {one} .",
    "{one} would be nice .",
    "we want {one} .",
    "preferably {one} .",
    "i was thinking of {one} .",
    "it should be {one} .",
)
INDIFFERENT = (
    "i do not care .",
    "it does not matter .",
    "i have no preference .",
    "i do not mind .",
    "any {noun} is fine .",
    "any {noun} will do .",
    "i do not care about the {noun} .",
    "the {noun} does not matter .",
    "whatever you suggest .",
)
INDIFFERENT_BUT = (
    "any {noun} is fine , but i want {one} .",
    "i do not care , but i would like {one} .",
    "it does not matter , but i want {one} .",
    "i do not mind , but please find {one} .",
    "any {noun} , but it should be {one} .",
    "no preference , but i need {one} .",
)
CORRECT = (
    "no , {x}",
    "sorry , {x}",
    "not quite . {x}",
    "hmm , no . {x}",
    "i do not want that . {x}",
    "that is not right . {x}",
)
CHANGE = (
    "actually , i would prefer {one} .",
    "sorry , i changed my mind . i want {one} .",
    "hmm , could we try {one} instead ?",
    "sounds nice , but i would rather have {one} .",
    "wait , is there {one} ?",
    "on second thought , i would like {one} .",
    "good , but my friend wants {one} .",
)
RELAX = (
    "what about {one} instead ?",
    "then {one} is fine too .",
    "okay , then try {one} .",
    "that is a pity . how about {one} ?",
    "oh . then i will take {one} .",
    "in that case , {one} , please .",
)
RELAX_ANY = (
    "then any {noun} is fine .",
    "okay , then any {noun} will do .",
    "in that case the {noun} does not matter .",
    "oh . then i do not care about the {noun} .",
    "that is a pity . any {noun} will do .",
    "all right , any {noun} then .",
)
ACCEPT = (
    "great , ",
    "sounds good . ",
    "perfect . ",
    "that works . ",
    "i like that . ",
    "nice . ",
    "good , i will take it . ",
    "okay , ",
)
HEARD = ("thanks . ", "thank you . ", "good . ", "okay , ", "great . ", "", "")
ASK = {
    "phone": (
        "what is the phone number ?",
        "can i have the phone number ?",
        "could you give me their number ?",
        "i also need the phone number .",
        "how can i call them ?",
        "please tell me the phone number .",
    ),
    "address": (
        "what is the address ?",
        "where exactly is it ?",
        "can i have the address ?",
        "i also need the address .",
        "could you tell me the address ?",
        "which street is it in ?",
    ),
    "postcode": (
        "what is the postcode ?",
        "can i have the postcode ?",
        "could you tell me the postcode ?",
        "i also need the postcode .",
        "do you know the postcode ?",
        "please give me the postcode .",
    ),
    "price": (
        "what is the price range ?",
        "how much does it cost ?",
        "how expensive is it ?",
        "what are the prices like ?",
        "can you tell me the price range ?",
        "and the price range ?",
    ),
    "area": (
        "which area is it in ?",
        "what part of town is it in ?",
        "can you tell me the area ?",
        "in which area is that ?",
        "and the area ?",
        "where in town is it ?",
    ),
}
ASK_TWO = (
    "what are the {0} and the {1} ?",
    "can i have the {0} and the {1} ?",
    "please tell me the {0} and the {1} .",
    "i need the {0} and the {1} .",
    "could you give me the {0} and the {1} ?",
    "what is the {0} , and the {1} ?",
)
ASK_NOUN = {
    "phone": "phone number",
    "address": "address",
    "postcode": "postcode",
    "price": "price range",
    "area": "area",
}
BOOK = (
    "please book {a} {details} .",
    "can you book {a} {details} ?",
    "i would like to book {a} {details} .",
    "could you reserve {a} {details} ?",
    "please reserve it {details} .",
    "now i need {a} {details} .",
    "book it {details} , please .",
)
DETAIL = (
    "{details} , please .",
    "{details} .",
    "it is {details} .",
    "let us say {details} .",
    "{details} would be good .",
    "we need it {details} .",
)
CHANGE_BOOKING = (
    "sorry , can you make it {details} instead ?",
    "oh , i need it {details} after all .",
    "wait , it has to be {details} .",
    "sorry , my plans changed . make it {details} .",
    "could you change that ? {details} , please .",
    "actually , {details} would be better .",
)
CORRECT_BOOKING = (
    "no , it should be {details} .",
    "that is wrong . i said {details} .",
    "sorry , i need it {details} .",
    "not quite , it has to be {details} .",
    "please change that . it is {details} .",
    "no , {details} , please .",
)
BYE = (
    "thank you , goodbye .",
    "great , that is all . bye .",
    "thanks a lot . goodbye .",
    "perfect , thank you for your help .",
    "wonderful , that was all . thanks .",
    "that is all i need , thank you .",
    "thanks , have a nice day .",
    "very good . goodbye .",
)
COMPLAINTS = {
    "unclear": (
        "sorry , what ?",
        "i do not understand .",
        "pardon ?",
        "what do you mean ?",
        "sorry , i did not get that .",
        "can you say that again ?",
    ),
    "several": (
        "one thing at a time , please .",
        "that is too much at once .",
        "please slow down .",
        "not all at once , please .",
        "that is confusing .",
        "one by one , please .",
    ),
    "said": (
        "as i said ,",
        "i told you :",
        "again :",
        "i already said that .",
        "you asked that before .",
        "like i said ,",
    ),
    "pointless": (
        "that does not help .",
        "that is not my question .",
        "please listen .",
        "why do you say that ?",
        "that is not what i need .",
        "hmm , no .",
    ),
    "unknown": (
        "i can not find that place .",
        "are you sure that place exists ?",
        "nobody knows that place .",
        "that place is not in town .",
        "hmm , i do not see that place .",
        "that name is wrong .",
    ),
    "untrue": (
        "that is not true .",
        "are you sure ? i do not think so .",
        "that does not sound right .",
        "please check that again .",
        "i think you are wrong .",
        "please look again .",
    ),
    "unagreed": (
        "wait , i did not ask for a booking .",
        "please do not book that .",
        "not so fast .",
        "hold on , no booking yet .",
        "i did not agree to that .",
        "stop , please do not book .",
    ),
    "waiting": (
        "please wait .",
        "we are not done yet .",
        "hold on .",
        "not yet .",
        "one moment .",
        "i still need your help .",
    ),
}
NO_BOOKING = (
    "no booking , thanks .",
    "no need to book .",
    "no thank you .",
    "i do not need a booking .",
    "not now , thanks .",
    "no , thanks .",
)
HANG_UP = (
    "forget it , goodbye .",
    "i will ask someone else . bye .",
    "this is no use . goodbye .",
    "i give up . bye .",
    "never mind . goodbye .",
    "that is enough . bye .",
)
