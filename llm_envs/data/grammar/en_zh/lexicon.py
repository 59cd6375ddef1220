"""The English-Chinese lexicon: every line is one concept in both languages.

Columns are divided by ``|``; the last one is the level from which on the word is used.
"""

from __future__ import annotations

# English [plural, - for none] | Chinese, measure word | kinds | level
NOUNS = """
teacher | 老师 位 | person job he | 1
doctor | 医生 位 | person job he | 2
student | 学生 个 | person job | 2
child children | 孩子 个 | person | 1
waiter | 服务员 个 | person job | 3
driver | 司机 位 | person job | 3
writer | 作家 位 | person job | 3
nurse | 护士 位 | person job | 3
lawyer | 律师 位 | person job | 3
neighbour | 邻居 个 | person | 3
guest | 客人 位 | person | 3
manager | 经理 位 | person job | 3
friend | 朋友 个 | person kin | 2
mother | 妈妈 个 | person kin one she | 2
father | 爸爸 个 | person kin one he | 2
older brother | 哥哥 个 | person kin he | 2
older sister | 姐姐 个 | person kin she | 3
younger brother | 弟弟 个 | person kin he | 3
younger sister | 妹妹 个 | person kin she | 2
grandmother | 奶奶 个 | person kin one she | 3
grandfather | 爷爷 个 | person kin one he | 3
colleague | 同事 个 | person kin | 3
classmate | 同学 个 | person kin | 3
dog | 狗 只 | animal | 1
cat | 猫 只 | animal | 1
bird | 鸟 只 | animal | 1
horse | 马 匹 | animal | 3
fish fish | 鱼 条 | animal swimmer | 3
rabbit | 兔子 只 | animal | 3
panda | 熊猫 只 | animal | 3
apple | 苹果 个 | fruit food | 1
orange | 橙子 个 | fruit food | 3
banana | 香蕉 根 | fruit food | 3
egg | 鸡蛋 个 | food | 3
cake | 蛋糕 块 | food sweet | 1
dumpling | 饺子 个 | food cooked | 3
rice - | 米饭 - | food cooked | 2
bread - | 面包 - | food | 3
meat - | 肉 - | food cooked | 3
soup - | 汤 - | broth | 3
tea - | 茶 - | drink | 1
water - | 水 - | drink | 1
coffee - | 咖啡 - | drink | 2
milk - | 牛奶 - | drink | 1
juice - | 果汁 - | drink | 3
book | 书 本 | text thing | 1
magazine | 杂志 本 | text thing | 3
newspaper | 报纸 份 | text thing | 2
letter | 信 封 | text mail | 1
novel | 小说 本 | text long | 3
dictionary dictionaries | 词典 本 | tool thing | 3
poem | 诗 首 | text long | 3
email | 邮件 封 | text mail | 3
coat | 大衣 件 | clothes top | 2
shirt | 衬衫 件 | clothes top | 3
skirt | 裙子 条 | clothes | 2
hat | 帽子 顶 | hat | 3
sweater | 毛衣 件 | clothes top | 3
car | 汽车 辆 | vehicle | 2
bicycle | 自行车 辆 | vehicle | 2
house | 房子 座 | home | 3
table | 桌子 张 | furniture | 2
chair | 椅子 把 | furniture | 2
bed | 床 张 | furniture | 3
sofa | 沙发 张 | furniture | 3
lamp | 灯 盏 | furniture lampish | 3
computer | 电脑 台 | machine | 2
phone | 手机 部 | machine thing | 2
television | 电视机 台 | machine | 3
camera | 照相机 台 | machine thing | 3
bag | 包 个 | thing | 2
key | 钥匙 把 | thing | 3
cup | 杯子 个 | thing dish | 2
plate | 盘子 个 | thing dish | 3
bowl | 碗 个 | thing dish | 3
knife knives | 刀 把 | thing dish | 3
umbrella | 雨伞 把 | thing | 3
pen | 笔 支 | thing tool | 2
ticket | 票 张 | thing | 3
map | 地图 张 | thing tool | 3
photo | 照片 张 | thing art | 3
picture | 画 幅 | thing art | 3
present | 礼物 份 | thing gift | 3
flower | 花 朵 | plant gift | 1
tree | 树 棵 | plant | 3
mountain | 山 座 | view | 3
river | 河 条 | view | 3
film | 电影 部 | film | 2
song | 歌 首 | song | 2
music - | 音乐 - | music | 3
question | 问题 个 | question | 3
door | 门 扇 | opening | 2
window | 窗户 扇 | opening | 3
exam | 考试 次 | test | 3
kitchen | 厨房 间 | place | 2
garden | 花园 座 | place | 3
park | 公园 座 | place | 2
school | 学校 所 | place | 2
library | 图书馆 座 | place | 2
office | 办公室 间 | place | 3
restaurant | 饭馆 家 | place | 3
shop | 商店 家 | place | 2
supermarket | 超市 家 | place | 3
hospital | 医院 家 | place | 3
station | 车站 座 | place | 3
airport | 机场 座 | place | 3
cinema | 电影院 家 | place | 3
bank | 银行 家 | place | 3
weather - | 天气 - | weather | 3
"""

NAMES = {
    "Xiaoming": ("小明", "he"),
    "Xiaohong": ("小红", "she"),
    "Li Ming": ("李明", "he"),
    "Wang Fang": ("王芳", "she"),
}

# English base, past, participle [particle], ~ for stative | Chinese | objects | places | level
VERBS = """
read read read | 看 | text | home study out | 1
drink drank drunk | 喝 | drink broth | home eat | 1
eat ate eaten | 吃 | food | home eat | 1
buy bought bought | 买 | food drink clothes hat vehicle furniture machine thing plant:flower | shop | 1
draw drew drawn | 画 | animal plant view vehicle | out | 1
like liked liked ~ | 喜欢 | animal drink food music film song person | | 1
write wrote written | 写 | mail text:long | study | 2
wear wore worn | 穿 | clothes | | 2
watch watched watched | 看 | film | rest | 2
listen listened listened to | 听 | music song | home | 2
sing sang sung | 唱 | song | home out | 2
cook cooked cooked | 做 | cooked broth | home:kitchen | 2
look looked looked for | 找 | thing mail:letter person animal | | 1
use used used | 用 | machine tool | | 3
sell sold sold | 卖 | vehicle home furniture art machine | | 3
wash washed washed | 洗 | clothes dish vehicle fruit | | 2
repair repaired repaired | 修 | vehicle machine furniture | | 3
visit visited visited | 看望 | kin | | 2
invite invited invited | 邀请 | person | | 3
help helped helped | 帮助 | person | | 2
wait waited waited for | 等 | person | out | 2
know knew known ~ | 认识 | person | | 2
photograph photographed photographed | 拍 | animal view plant | out | 3
have had had ~ | 有 | animal vehicle machine thing question kin text:thing clothes hat | | 2
need needed needed ~ | 需要 | thing machine furniture vehicle tool | | 3
answer answered answered | 回答 | question | | 3
prepare prepared prepared for | 准备 | test | study | 3
borrow borrowed borrowed | 借 | text:thing tool thing:umbrella vehicle | | 3
keep kept kept | 养 | animal | | 3
sleep slept slept | 睡觉 | | rest | 2
work worked worked | 工作 | | study job | 2
study studied studied | 学习 | | study | 2
swim swam swum | 游泳 | | | 2
dance danced danced | 跳舞 | | home out | 3
run ran run | 跑步 | | out | 3
rest rested rested | 休息 | | rest out | 3
cry cried cried | 哭 | | rest | 3
go went been | 去 | | goal | 2
put put put | 放 | thing mail:letter | surface | 2
open opened opened | 打开 | opening thing:bag | | 2
close closed closed | 关上 | opening | | 3
eat ate eaten up | 吃完 | food | | 3
drink drank drunk up | 喝完 | drink broth | | 3
sell sold sold off | 卖掉 | vehicle home furniture | | 3
lose lost lost ~ | 弄丢 | thing hat | | 3
give gave given | 给 | gift text:thing mail:letter fruit | | 2
send sent sent | 寄给 | mail art:photo gift:present | | 3
lend lent lent | 借给 | text:thing tool thing:umbrella vehicle | | 3
be was been | 是 | job | | 2
exist was been | 有 | thing mail:letter animal dish | stand | 2
know knew known ~ | 知道 | clause | | 3
think thought thought ~ | 觉得 | clause | | 3
say said said ~ | 说 | clause | | 3
hope hoped hoped ~ | 希望 | clause | | 3
rain rained rained ~ | 下雨 | | | 3
snow snowed snowed ~ | 下雪 | | | 3
"""

# English | Chinese predicate (- for 是 with the attribute), attribute | kinds | level
ADJECTIVES = """
new | 新 新 | text:thing mail:letter clothes vehicle furniture machine thing:bag thing:cup hat | 2
old | 旧 旧 | text:thing clothes vehicle furniture machine thing:bag home | 3
big | 大 大 | animal fruit furniture home thing:bag | 2
small | 小 小 | animal fruit furniture home thing:bag | 2
expensive | 贵 很贵的 | clothes vehicle furniture machine | 2
cheap | 便宜 便宜的 | clothes vehicle furniture machine thing:umbrella hat | 3
beautiful | 漂亮 漂亮的 | clothes plant:flower art thing:cup hat home | 2
interesting | 有意思 有意思的 | text film question | 2
difficult | 难 很难的 | question test | 3
important | 重要 重要的 | mail question test | 3
long | 长 很长的 | text:long film river | 3
red | - 红色的 | clothes vehicle plant:flower hat thing:bag | 3
white | - 白色的 | animal clothes plant:flower vehicle | 3
black | - 黑色的 | animal:dog animal:cat animal:horse clothes vehicle thing:bag | 3
sweet | 甜 甜的 | fruit food:cake drink:juice | 3
delicious | 好吃 好吃的 | food | 3
hot | 热 热 | drink:tea drink:coffee drink:milk drink:water broth | 3
cold | 冷 冷 | weather | 3
good | 好 好 | weather | 3
comfortable | 舒服 舒服的 | furniture:sofa furniture:chair furniture:bed clothes | 3
tall | 高 高 | person | 2
busy | 忙 忙 | person | 2
tired | 累 累 | person | 2
happy | 高兴 高兴的 | person | 2
young | 年轻 年轻的 | person:job | 3
clever | 聪明 聪明的 | person | 3
hungry | 饿 饿 | person | 3
thirsty | 渴 渴 | person | 3
famous | 有名 有名的 | person:writer person:doctor person:lawyer film song | 3
heavy | 重 很重的 | furniture thing:bag | 3
"""

# place kind | English preposition, the, noun | Chinese localiser (- for none) | level
PLACES = """
home | in the kitchen | 里 | 2
home | in the garden | 里 | 3
rest | on the sofa | 上 | 3
out | in the park | 里 | 2
study | in the library | 里 | 2
study | in the office | 里 | 3
job | at the bank | - | 3
job | at the hospital | - | 3
job | at the airport | - | 3
eat | in the restaurant | 里 | 3
shop | in the shop | 里 | 2
shop | in the supermarket | 里 | 3
out | at the station | - | 3
goal | to the park | - | 2
goal | to the library | - | 2
goal | to the shop | - | 2
goal | to the supermarket | - | 3
goal | to the hospital | - | 3
goal | to the station | - | 3
goal | to the airport | - | 3
goal | to the cinema | - | 3
goal | to the bank | - | 3
surface | on the table | 上 | 2
surface | on the chair | 上 | 2
surface | on the bed | 上 | 3
surface | in the bag | 里 | 3
surface | under the table | 下面 | 3
surface | next to the computer | 旁边 | 3
surface | behind the door | 后面 | 3
stand | on the table | 上 | 2
stand | on the chair | 上 | 2
stand | on the sofa | 上 | 3
stand | on the bed | 上 | 3
stand | under the table | 下面 | 3
stand | next to the computer | 旁边 | 3
stand | behind the door | 后面 | 3
"""

# place kind | English | Chinese | level
FIXED_PLACES = """
home | at home | 家 | 2
rest | at home | 家 | 2
study | at school | 学校 | 2
goal | to school | 学校 | 2
goal | to Beijing | 北京 | 2
goal | to Shanghai | 上海 | 3
job | in Beijing | 北京 | 3
job | in Shanghai | 上海 | 3
"""

# English [^ for medial] | Chinese | tenses | level
TIMES = """
now | 现在 | state | 2
today | 今天 | past state modal | 2
yesterday | 昨天 | past | 2
tomorrow | 明天 | future modal | 2
every day | 每天 | habit | 2
last week | 上个星期 | past | 3
last night | 昨天晚上 | past | 3
next week | 下个星期 | future modal | 3
this evening | 今天晚上 | future modal | 3
on Saturday | 星期六 | future modal | 3
in the evening | 晚上 | habit | 3
often ^ | 常常 | habit | 2
always ^ | 总是 | habit | 3
sometimes ^ | 有时候 | habit | 3
"""

# English, third person, past (/ for no inflection) | Chinese, negated | level
MODALS = """
want to, wants to, wanted to | 想 不想 | 1
should / - | 应该 不应该 | 2
have to, has to, had to | 必须 不用 | 3
may / - | 可以 不可以 | 3
"""

# The objects of level 1, few enough that no word is in more than a quarter of its sentences.
FIRST_OBJECTS = {
    "read": ("book", "letter"),
    "drink": ("tea", "water", "milk"),
    "eat": ("apple", "cake"),
    "buy": ("apple", "flower", "book", "milk"),
    "draw": ("dog", "cat", "flower"),
    "look for": ("dog", "cat", "book"),
    "like": ("dog", "cat", "tea", "flower"),
}
# Verbs that ask for a construction of their own, by English verb and particle.
SPECIAL = frozenset(
    {
        "be",
        "exist",
        "put",
        "rain",
        "snow",
        "open",
        "close",
        "eat up",
        "drink up",
        "sell off",
        "lose",
    }
)
GIVING = frozenset({"give", "send", "lend"})
# Verbs whose result is told with 把.
DISPOSAL = SPECIAL - {"be", "exist", "put", "rain", "snow"}
# Verbs of lasting states, which take no aspect.
LASTING = frozenset({"like", "know", "have", "need", "keep"})
# What people do again and again.
HABITS = frozenset(
    {
        "read", "drink", "eat", "write", "wear", "watch", "listen to", "sing", "cook", "help",
        "work", "study", "swim", "dance", "run", "go", "draw", "buy", "use", "rest",
    }
)  # fmt: skip
# What one has done before, or never.
EXPERIENCES = frozenset(
    [
        "read",
        "eat",
        "drink",
        "watch",
        "draw",
        "buy",
        "wear",
        "use",
        "photograph",
        "go",
        "sell",
        "repair",
        "keep",
        "cook",
    ]
)
# What passes, so that it may be so today or yesterday only.
PASSING = frozenset(["busy", "tired", "happy", "hungry", "thirsty"])
# What is rarely said to be more so in one than in another.
INCOMPARABLE = frozenset(["red", "white", "black", "hungry", "thirsty", "good", "cold"])
