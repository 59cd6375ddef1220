"""Python that a model wrote, run against its tests in processes that can reach nothing.

    the environment ── program, tests ──▶ forker ──▶ text process      runs the text, knows no test
                                             │            ▲ │
                                             │   calls    │ ▼  values
                                             └─────────▶ test process  runs the tests, knows no text

One interpreter with an empty environment, the *forker*, forks two processes for each text. Before either
runs foreign code, a filter of system calls (seccomp) leaves it memory, the clock and its two pipes: no file,
no network, no process, no signal, no sleep. Time, memory and output are limited. Only plain values cross
between the two, so a text can neither read its tests nor report that they passed, and an object whose `==`
is always true does not help. Linux only.

`runner.py` belongs to the environment. The other files run in the forker and use the standard library alone.
"""
