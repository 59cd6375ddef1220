"""Programs of a model against their tests: scores, limits, and attempts to get out or to cheat."""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import sys

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.foreign import UntrustedCode, allowing_code, refuse_code
from llm_envs.rewards import RewardError, make_reward
from llm_envs.rewards.sandbox import runner, values

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox needs Linux")

SOURCE = 'def double(items):\n    """Return twice each item."""\n'
TESTS = [
    "assert double([1, 2]) == [2, 4]",
    "assert double([]) == []",
    "assert double(['a']) == ['aa']",
]


def on(text, tests=TESTS, source=SOURCE, **metadata):
    return Episode(Example(source, (), {"name": "double", "tests": tests, **metadata}), text)


@pytest.fixture(scope="module")
def reward():
    return make_reward("unit_tests")


@pytest.fixture(scope="module")
def share():
    return make_reward({"id": "unit_tests", "score": "share"})


def outcomes(text, tests=TESTS, **limits):
    return runner.run_tests(SOURCE + text, tests, ["double"], runner.Limits(**limits))


def reasons(text, tests=TESTS, **limits):
    return [outcome.reason for outcome in outcomes(text, tests, **limits)]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("    return [2 * item for item in items]", 3),
        ("    return [item + item for item in items]\n\n\nignored = 1", 3),
        ("    return list(map(lambda item: item * 2, items))", 3),
        ("    return []", 1),
        ("    return [2, 4] if items == [1, 2] else []", 2),
        ("    return None", 0),
        ("", 0),
        ("    return [2 * item for item in", 0),
        ("    return items.double()", 0),
        ("return 3", 0),
    ],
)
def test_a_text_is_scored_by_its_tests(reward, share, text, passed):
    assert reward(on(text)) == float(passed == 3)
    assert share(on(text)) == pytest.approx(passed / 3, abs=1e-9)
    assert reward.components(on(text))["unit_tests/share"] == pytest.approx(passed / 3, abs=1e-9)


def test_a_batch_scores_like_single_texts(reward):
    texts = [
        "    return [2 * item for item in items]",
        "    return [",
        "",
        "    return []",
        f"    {'(' * 9999}",
    ]
    episodes = [on(text) for text in texts] * 2
    totals, tables = reward.score_batch(episodes)
    assert totals == [reward(episode) for episode in episodes] == [1.0, 0.0, 0.0, 0.0, 0.0] * 2
    assert tables == [reward.components(episode) for episode in episodes]
    with pytest.raises(RewardError, match="needs a list of Python statements"):
        reward.score_batch([on("", None), on("")])


def test_a_whole_program(reward):
    whole = make_reward({"id": "unit_tests", "given": "nothing", "key": "checks"})
    program = "import math\n\ndef double(items):\n    return [math.prod((2, item)) for item in items]\n"
    assert whole(on(program, [], "Double it.", checks=["assert double([3]) == [6]"])) == 1.0


def test_statements_that_call_nothing_prepare_the_others(share):
    tests = ["values = [1]", "def check(f):\n    assert f(values) == [2]", "check(double)", *TESTS]
    assert share(on("    return []", tests)) == pytest.approx(1 / 4, abs=1e-9)
    assert share(on("    return [2 * item for item in items]", tests)) == 1.0


def test_arguments_changed_in_place_and_options_and_errors(reward):
    source = "def double(items, *, times=2):\n"
    text = (
        "    if times < 0:\n        raise ValueError('too few')\n"
        "    items[:] = [times * item for item in items]\n"
    )
    tests = [
        "mine = [1, 2]\nassert double(mine) is None and mine == [2, 4]",
        "mine = [1]\ndouble(mine, times=3)\nassert mine == [3]",
        "try:\n    double([], times=-1)\nexcept ValueError as error:\n    assert str(error) == 'too few'\n"
        "else:\n    raise AssertionError",
    ]
    assert reward(on(text, tests, source)) == 1.0


def test_tests_of_human_eval_use_the_functions_of_the_prompt(reward):
    source = "def poly(x):\n    return x - 2\n\n\ndef zero():\n    '''The zero of poly.'''\n"
    check = "def check(candidate):\n    assert abs(poly(candidate())) < 1e-6"
    assert reward(on("    return 2.0", [check, "check(zero)"], source, name="zero")) == 1.0


# Each attempt is a body of the function. None may pass a test.
CHEATS = {
    "equal to everything": """
    class Equal(list):
        __eq__ = lambda self, other: True
        __ne__ = lambda self, other: False
    return Equal()""",
    "equal object": """
    class Equal:
        def __eq__(self, other): return True
    return Equal()""",
    "texts that are equal to everything": """
    class Equal(str):
        def __eq__(self, other): return True
        def __str__(self): return self
    return [Equal("x")] * 7""",
    "exits at once": "    import os\n    os._exit(0)",
    "exits the tests": "    raise SystemExit(0)",
    "exits when it is defined": "    return 1\n\nimport os\nos._exit(0)",
    "defines what tests use": "    return []\n\ndef list(*a): return 0\nAssertionError = len = list",
    "patches builtins": """
    import builtins
    builtins.AssertionError = builtins.Exception = type("E", (BaseException,), {})
    builtins.isinstance = lambda *a: True
    return None""",
    "writes a report": """
    import os, json
    report = json.dumps({"outcomes": [[True, 1, ""]] * 3}).encode()
    for pipe in range(64):
        try: os.write(pipe, len(report).to_bytes(4, "big") + report)
        except OSError: pass
    os._exit(0)""",
    "answers before it is asked": """
    return 1

import os, json
for pipe in range(64):
    for value in (None, {"value": None}, {"value": ["l", []], "arguments": 7}, [], {"raised": 3}):
        try:
            data = json.dumps(value).encode()
            os.write(pipe, len(data).to_bytes(4, "big") + data)
        except OSError: pass""",
    "reads the frames": """
    import sys
    frame, found, wanted = sys._getframe().f_back, None, "".join(("rt ", "double("))
    while frame:
        found = found or [v for v in frame.f_locals.values() if wanted in str(v)]
        found = found or [v for v in frame.f_globals.values() if wanted in str(v)]
        frame = frame.f_back
    return [2, 4] if found else None""",
}


@pytest.mark.parametrize("text", CHEATS.values(), ids=CHEATS)
def test_a_text_cannot_pretend_to_pass(reward, text):
    tests = ["assert double([1, 2]) == [2, 4]", "assert double([5]) == [10]"]
    assert reward(on(text, tests)) == 0.0
    assert [outcome.passed for outcome in outcomes(text, tests)] == [False, False]
    assert (
        reward(on("    return [2 * item for item in items]", tests)) == 1.0
    )  # the next text is none the wiser


# Each attempt returns "out" if it works; what it raises passes to the test.
ESCAPES = {
    "read a file": "    return open('/etc/passwd').read() and 'out'",
    "read this repository": f"    return open({__file__!r}).read() and 'out'",
    "write a file": "    open('/tmp/escaped', 'w').write('x')\n    return 'out'",
    "open by number": "    import os\n    return os.open('/proc/self/mem', os.O_RDWR) and 'out'",
    "list a folder": "    import os\n    return os.listdir('/proc') and 'out'",
    "start a program": "    import os\n    os.execv('/bin/sh', ['sh', '-c', 'true'])\n    return 'out'",
    "start a shell": "    import os\n    assert os.system('true') == 0\n    return 'out'",
    "fork": "    import os\n    os.fork()\n    return 'out'",
    "start a thread": "    import _thread\n    _thread.start_new_thread(print, ())\n    return 'out'",
    "kill the forker": "    import os, signal\n    os.kill(os.getppid(), signal.SIGKILL)\n    return 'out'",
    "ignore the time limit": """
    import _signal
    _signal.signal(_signal.SIGPROF, _signal.SIG_IGN)
    return 'out'""",
    "import a package": "    import numpy\n    return 'out'",
    "import sockets": "    import socket\n    return socket.socket() and 'out'",
    "import this package": "    import llm_envs.data\n    return 'out'",
    "sleep": "    import time\n    time.sleep(60)\n    return 'out'",
    "change the folder": "    import os\n    os.chdir('/tmp')\n    return 'out'",
    "raise the limits": """
    import sys
    resource = sys.modules['resource']
    resource.setrlimit(resource.RLIMIT_CPU, (99, 99))
    return 'out'""",
    "the user's environment": """
    import os
    return 'out' if set(os.environ) - {'PYTHONHASHSEED', 'LC_ALL', 'LC_CTYPE'} else None""",
    "pipes of others": """
    import os
    found = [pipe for pipe in range(3, 200) if _opened(pipe)]
    return 'out' if len(found) > 2 else None

def _opened(pipe):
    import os
    try: os.fstat(pipe)
    except OSError: return False
    return True""",
}
SYSTEM_CALLS = {
    **{"socket": 41, "clone": 56, "execve": 59, "kill": 62, "ptrace": 101, "openat": 257, "unshare": 272},
    **{"process_vm_readv": 310, "memfd_create": 319, "clone3": 435, "io_uring_setup": 425, "openat2": 437},
    **{
        "prctl": 157,
        "prlimit64": 302,
        "setitimer": 38,
        "dup2": 33,
        "pidfd_open": 434,
        "x32 open": 0x40000002,
    },
}


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES)
def test_a_text_reaches_nothing_outside(text):
    tests = ["assert double([]) == 'out'"]
    [reason] = reasons(text, tests)
    assert reason
    assert not os.path.exists("/tmp/escaped")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize("number", SYSTEM_CALLS.values(), ids=SYSTEM_CALLS)
def test_the_kernel_refuses_system_calls_of_machine_code(number):
    text = f"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.syscall({number}, 0, 0, 0, 0, 0, 0), ctypes.get_errno()]"""
    assert reasons(text, ["assert double([]) == [-1, 1]"]) == [""]  # 1 is EPERM


def test_the_network_of_this_machine_is_out_of_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        text = f"""
    import ctypes, struct
    libc = ctypes.CDLL(None)
    s = libc.socket(2, 1, 0)
    libc.connect(s, struct.pack("<HH4s8x", 2, {port % 256 * 256 + port // 256}, b"\\x7f\\0\\0\\1"), 16)
    return 'out' if s >= 0 else None"""
        assert reasons(text, ["assert double([]) == 'out'"]) == ["AssertionError"]
        with pytest.raises(TimeoutError):
            server.accept()


def test_time_is_limited_by_computation():
    [reason] = reasons("    while True: pass", TESTS[:1], cpu_seconds=0.2)
    assert reason.startswith("TextEnded")
    assert (
        reasons("    return 1\n\nwhile True: pass", cpu_seconds=0.2)
        == ["TextEnded: the text ended its process, or broke a limit"] * 3
    )


def test_waiting_is_limited(monkeypatch):
    monkeypatch.setattr(runner.Limits, "wall_seconds", 0.5)
    text = "    import threading\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()"
    assert reasons(text, TESTS[:2]) == ["TextEnded: killed"] * 2


def test_half_a_message_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(runner.Limits, "wall_seconds", 0.5)
    wait = "import threading\nlock = threading.Lock()\nlock.acquire()\n"
    half = (
        "import os\nfor pipe in range(3, 64):\n    try: os.write(pipe, b'\\0\\0')\n    except OSError: pass\n"
    )
    assert reasons(f"    return 1\n\n{wait}{half}lock.acquire()", TESTS[:1])[0].startswith("TextEnded")
    inside = f"{wait}{half}lock.acquire()".replace("\n", "\n    ")
    assert reasons(f"    {inside}", TESTS[:1]) == ["TextEnded: killed"]


def test_memory_is_limited():
    [reason] = reasons("    return len(bytearray(10 ** 9))", TESTS[:1])
    assert reason.startswith("MemoryError")
    [reason] = reasons("    items = [0]\n    while True: items += items", TESTS[:1])
    assert "MemoryError" in reason or "TextEnded" in reason
    assert reasons("    return len(bytearray(10 ** 8))", ["assert double([]) == 10 ** 8"]) == [""]


def test_output_is_limited():
    [reason] = reasons("    return 'x' * 10 ** 7", TESTS[:1])
    assert "at most 1,048,576 are read" in reason
    assert reasons("    print('x' * 10 ** 6)\n    return 1", ["assert double([]) == 1"]) == [""]
    flood = """    return 1

import os
for pipe in range(3, 64):
    try:
        while True: os.write(pipe, b"\\xff" * 65536)
    except OSError: pass"""
    assert all(reason.startswith("TextEnded") for reason in reasons(flood, cpu_seconds=0.5))


@pytest.mark.parametrize(
    "text",
    [
        "    return double(items)",
        "    import ctypes\n    ctypes.string_at(0)",
        "    value = []\n    for _ in range(100): value = [value]\n    return value",
        "    value = []\n    value.append(value)\n    return value",
        f"    return {'(' * 5000}1{')' * 5000}",
        "    raise UnicodeDecodeError('utf-8', b'', 0, 1, 'x')",
        "    raise type('Own', (KeyError,), {'__str__': lambda self: 1 / 0})",
        "    return (item for item in items)",
        "    return lambda: 1",
    ],
)
def test_whatever_a_text_does_it_only_fails(reward, text):
    assert reward(on(text)) == 0.0
    assert reward(on("    return [2 * item for item in items]")) == 1.0


def test_random_numbers_and_the_order_of_sets_are_the_same_each_time():
    text = "    import random\n    return [random.random(), list({'a', 'b', 'c', 'd'})]"
    test = "raise AssertionError(double([]))"
    assert reasons(text, [test]) == reasons(text, [test])


def test_a_forker_that_was_killed_is_started_again(reward):
    reward(on(""))
    os.kill(runner._forkers[os.getpid()]._process.pid, signal.SIGKILL)
    assert reward(on("    return [2 * item for item in items]")) == 1.0


def test_an_interrupted_job_leaves_no_report_behind(reward, monkeypatch):
    def interrupted(self, limits):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner.Forker, "_report", interrupted)
        with pytest.raises(KeyboardInterrupt):
            outcomes("    return 7")
    assert reasons("    return 8", ["assert double([]) == 8"]) == [""]


def test_a_process_and_its_forked_child_have_forkers_of_their_own(reward):
    code = """
import os
from llm_envs.rewards.sandbox import runner
one = lambda n: runner.run_tests(f"def f(): return {n}", [f"assert f() == {n}"], ["f"])[0].passed
assert one(1)
child = os.fork()
assert all(one(n) for n in range(5))
if not child:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


def test_no_process_outlives_the_one_that_asked():
    code = """
from llm_envs.rewards.sandbox import runner
runner.run_tests("def f(): return 1", ["f()"], ["f"])
print(runner._forkers.popitem()[1]._process.pid, flush=True)
import os
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(done.stdout)
    try:
        forker = os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended already
        return
    ended, _, _ = select.select([forker], [], [], 60)  # it sees the end of its input
    os.close(forker)
    assert ended


@pytest.mark.parametrize(
    ("episode", "said"),
    [
        (on("", []), r"needs a list of Python statements in the example's metadata\['tests'\], got \[\]"),
        (on("", "assert True"), "needs a list of Python statements"),
        (on("", ["assert ("]), "a test is not valid Python"),
        (on("", ["assert True"]), "no test calls double"),
        (on("", ["assert double(lambda: 1)"]), "a test gives double function, which is no plain value"),
        (on("", TESTS, "Double it.", name=None), "which function do the tests call"),
    ],
)
def test_tests_that_cannot_tell_are_an_error_and_never_a_zero(reward, episode, said):
    with pytest.raises(RewardError, match=said):
        reward(episode)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"score": "some"}, "unknown score='some'"),
        ({"given": "all"}, "unknown given='all'"),
        ({"timeout": 0.0}, "timeout is in seconds"),
        ({"memory_mb": 1}, "memory_mb is a whole number from 16"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        make_reward({"id": "unit_tests", **options})


def test_an_environment_can_be_made_anywhere(monkeypatch):
    monkeypatch.setattr(runner.sys, "platform", "darwin")
    env = gym.make("TextGen-Code-v0")
    assert env.unwrapped.task.reward.lazy
    assert gym.make("TextGen-Code-v0", reward="bleu").unwrapped.task.reward.signature.startswith("bleu")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_reference_of_the_code_corpus_passes_its_tests(reward, split):
    for example in gym.make("TextGen-Code-v0", split=split).unwrapped.task.examples:
        assert reward(Episode(example, example.references[0])) == 1.0, example.source


@pytest.mark.parametrize(
    "text", ["return False", "return True", "return 0", "return []", "return ''", "pass"]
)
def test_no_constant_body_passes_the_tests_of_a_function(reward, text):
    for example in gym.make("TextGen-Code-v0", split="validation").unwrapped.task.examples:
        assert reward(Episode(example, f"    {text}")) == 0.0, example.source


def test_a_machine_without_the_sandbox_is_told_why(monkeypatch):
    monkeypatch.setattr(runner.sys, "platform", "darwin")
    runner._why_not.cache_clear()
    try:
        with pytest.raises(RewardError, match=r"needs Linux, and this is darwin; another reward .* 'bleu'"):
            make_reward("unit_tests")(on(""))
    finally:
        runner._why_not.cache_clear()


def test_a_sandbox_that_leaks_is_refused(monkeypatch):
    monkeypatch.setattr(runner, "_PROBE", runner._PROBE.replace('lambda: io.open("/etc/hostname")', "int"))
    runner._why_not.cache_clear()
    try:
        with pytest.raises(RewardError, match="does not keep a text from 'open'"):
            make_reward("unit_tests")(on(""))
    finally:
        runner._why_not.cache_clear()


def test_a_file_names_it_only_with_permission():
    with pytest.raises(UntrustedCode, match="--allow-code unit_tests"):
        refuse_code({"evaluation": {"reward": [{"id": "unit_tests"}]}}, "a record")
    with allowing_code(["unit_tests"]):
        refuse_code({"reward": {"unit_tests": 1.0}}, "a record")


def test_it_pickles_and_names_all_that_changes_a_score(reward):
    again = pickle.loads(pickle.dumps(reward))
    assert again(on("    return [2 * item for item in items]")) == 1.0
    assert again.signature == ("unit_tests|score:all|given:source|key:tests|timeout:2|memory_mb:256|v1")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=3), max_size=3)
        | st.frozensets(st.integers(), max_size=3)
    ),
)


@given(plain)
def test_plain_values_cross_unchanged(value):
    back = values.decode(values.encode(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "damaged", [7, 1.5, {"l": []}, ["q", 1], ["l"], ["l", 3], ["i", "x"], ["s", [["l", []]]]]
)
def test_damaged_messages_are_no_values(damaged):
    with pytest.raises(values.NotPlain, match="damaged"):
        values.decode(damaged)
