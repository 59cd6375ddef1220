from llm_benchmarks.leaderboard.across import Shared, most_shared


def test_the_tables_with_most_scores_are_shared():
    three = {0: [0.1] * 3, 1: [0.2] * 3, 2: [0.3] * 3}
    two = {0: [0.1] * 3, 1: [0.2] * 3}
    assert most_shared({"a": three, "b": three, "c": two}) == Shared((0, 1, 2), ("a", "b"))
    assert most_shared({"a": three, "b": three, "c": two, "d": two}) == Shared((0, 1), ("a", "b", "c", "d"))


def test_agents_that_share_one_table_have_no_statistics_over_tables():
    assert most_shared({"a": {0: [0.1], 1: [0.2]}, "b": {1: [0.2], 2: [0.3]}}) is None
    assert most_shared({}) is None
