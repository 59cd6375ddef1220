"""All checks of an environment, in the order in which they are tried."""

from __future__ import annotations

from llm_benchmarks.checking.checks import Check
from llm_benchmarks.checking.environments import contract, repeatable, rewards, rows, tasks
from llm_benchmarks.checking.subjects import EnvironmentSubject

_WALKS = ("spaces", "padding")

ENVIRONMENT_CHECKS: tuple[Check[EnvironmentSubject], ...] = (
    Check(
        "spaces",
        "one action is one token: Discrete(V), and Box(-1, V-1, (columns,), int32)",
        "declare both spaces in __init__; inherit from llm_envs.envs.token_env.TokenEnv to get them",
        contract.spaces_are_of_tokens,
    ),
    Check(
        "gymnasium",
        "gymnasium.utils.env_checker.check_env accepts it",
        "mend what its message names; a warning is shown as a note",
        contract.gymnasium_agrees,
    ),
    Check(
        "stable-baselines3",
        "stable_baselines3.common.env_checker.check_env accepts it",
        "mend what its message names; a warning is shown as a note",
        contract.stable_baselines3_agrees,
    ),
    Check(
        "padding",
        "observations hold tokens side by side, and -1 where there is none",
        "pad with -1 on both sides; a pad token of the vocabulary cannot be told from text",
        contract.padding_is_minus_one,
        ("spaces",),
    ),
    Check(
        "append-only",
        "a step leaves what was there and writes the action into the first free column",
        "do not slide, cut or rewrite the observation; size it for the longest episode",
        contract.steps_only_append,
        _WALKS,
    ),
    Check(
        "prompt columns",
        "prompts are padded on the left, so that every answer starts in the same column",
        "write the prompt so that it ends in column max_prompt_tokens",
        contract.answers_begin_in_one_column,
        _WALKS,
    ),
    Check(
        "ending",
        "an episode terminates at its end token or its budget, before the observation is full",
        "return terminated=True at the end token and when the token budget is spent",
        contract.episodes_end,
        _WALKS,
    ),
    Check(
        "truncated",
        "truncated stays False: the budget is part of the task",
        "return terminated=True where the budget is spent; leave truncation to wrappers",
        contract.nothing_is_truncated,
        _WALKS,
    ),
    Check(
        "determinism",
        "the same seed and actions give the same transitions",
        "call super().reset(seed=seed), draw from self.np_random, and keep nothing between episodes",
        repeatable.same_seed_same_transitions,
        _WALKS,
    ),
    Check(
        "seeding",
        "the seed of reset decides which episode is drawn",
        "draw the example from self.np_random after super().reset(seed=seed)",
        repeatable.seeds_differ,
        ("spaces",),
    ),
    Check(
        "global randomness",
        "the generators of random and numpy.random are left alone",
        "use self.np_random in place of random.* and numpy.random.*, also in rewards",
        repeatable.global_randomness_is_untouched,
        ("spaces",),
    ),
    Check(
        "pickle",
        "a pickled environment goes on where it was",
        "keep no open files, lambdas or locks in attributes, or leave them out in __getstate__",
        repeatable.pickles_go_on,
        _WALKS,
    ),
    Check(
        "deepcopy",
        "a copy.deepcopy goes on where it was, on its own",
        "share no array or generator between copies: do not hold them in class attributes or globals",
        repeatable.copies_go_on,
        _WALKS,
    ),
    Check(
        "specification",
        "EnvSpec.to_json makes the same environment again",
        "register it with JSON values only; name rewards and classes as 'package.module:name'",
        repeatable.specification_survives_json,
        _WALKS,
    ),
    Check(
        "render",
        "render() returns something in each declared mode",
        "declare only the modes that render() supports in metadata['render_modes']",
        contract.renders_in_every_mode,
        ("spaces",),
    ),
    Check(
        "options",
        "reset(options={'example': i}) plays example i, and unknown options are errors",
        "do not override reset(), or hand its options to super().reset()",
        repeatable.examples_can_be_chosen,
        _WALKS,
    ),
    Check(
        "vector",
        "rows of the vector environment equal single environments, in each autoreset mode",
        "inherit step() and reset() from TokenEnv; a vector environment of your own must follow them",
        rows.rows_equal_single_environments,
        (*_WALKS, "determinism"),
    ),
    Check(
        "outcome",
        "the last info holds the whole outcome, and reset gives example and source",
        "return Outcome.to_info() of llm_envs.episode as info['outcome'] in the last step alone",
        rewards.outcome_says_everything,
        (*_WALKS, "ending"),
    ),
    Check(
        "finite rewards",
        "every reward is a finite number",
        "return a number for every text, the empty one too",
        rewards.rewards_are_finite,
        (*_WALKS, "ending"),
    ),
    Check(
        "stationary rewards",
        "an episode earns the same at any time, alone and in a batch",
        "leave running means, schedules and counters to the learner; score_batch must score each text alone",
        rewards.rewards_are_stationary,
        (*_WALKS, "ending"),
    ),
    Check(
        "dense rewards",
        "dense rewards add up to the terminal score",
        "give prefixes their own score and let reward_timing take the differences",
        rewards.dense_rewards_sum_to_the_score,
        (*_WALKS, "ending", "stationary rewards"),
    ),
    Check(
        "prompts",
        "every split has examples, and every prompt fits",
        "raise max_prompt_tokens, or choose long_prompt='truncate'",
        tasks.prompts_fit,
    ),
    Check(
        "splits",
        "no request of the test split stands in the train split",
        "split by source: llm_envs.data.splitting.split_examples does",
        tasks.splits_share_no_source,
    ),
    Check(
        "references",
        "the tokenizer can write the references within the budget",
        "choose a tokenizer that knows their words, and a larger max_new_tokens",
        tasks.references_can_be_written,
        ("prompts",),
    ),
    Check(
        "record",
        "its signature and its description can stand in a record",
        "name rewards (llm_envs.register_reward) and data sets; give classes no arguments that are objects",
        tasks.task_can_be_recorded,
    ),
    Check(
        "reference score",
        "the references, or the expert, score above every text without skill",
        "look at the reward of a reference: llm-envs play ID, then /reference",
        tasks.references_score_above,
        ("prompts", "ending"),
    ),
    Check(
        "texts without skill",
        "texts written without a look at the request score below 20 % of the references",
        "reward what the request asks for: multiply or gate by a reward that reads the source",
        tasks.texts_without_skill_score_low,
        ("prompts", "ending"),
    ),
)
