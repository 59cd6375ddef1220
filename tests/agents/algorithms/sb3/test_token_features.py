import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN

from llm_baselines.algorithms.sb3.bodies import BODIES, Body, register_body
from llm_baselines.algorithms.sb3.features_extractor import TokenFeaturesExtractor, copy_facts
from llm_baselines.algorithms.sb3.policies import TokenHead

SPACE = spaces.Box(-1, 19, (12,), np.int32)


def extractor(**options):
    torch.manual_seed(0)
    return TokenFeaturesExtractor(SPACE, **options).eval()


def row(*ids, start=0):
    out = torch.full((1, 12), -1.0)
    out[0, start : start + len(ids)] = torch.tensor(ids, dtype=torch.float32)
    return out


@pytest.mark.parametrize("body", BODIES)
def test_padding_and_other_rows_of_the_batch_do_not_matter(body):
    net = extractor(body=body, layers=2)
    short, long = row(3, 4, 5, start=2), row(*range(12))
    alone = net(short)
    together = net(torch.cat([short, long]))[:1]
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(alone, net(row(3, 4, 6, start=2)))
    assert not torch.allclose(alone, net(row(3, 4, 5, start=3))), "columns are seen"


@pytest.mark.parametrize("body", BODIES)
def test_padding_does_not_change_what_a_body_returns(body):
    torch.manual_seed(0)
    net = BODIES[body](16, 2, 2)
    x = torch.randn(2, 6, 16)
    y = x.clone()
    y[:, 4:] = 9.0
    for ours, theirs in zip(net(x, torch.tensor([4, 3])), net(y, torch.tensor([4, 3])), strict=True):
        torch.testing.assert_close(ours[:, :4], theirs[:, :4])


@pytest.mark.parametrize("body", BODIES)
def test_a_window_reads_the_last_tokens_and_the_prompt(body):
    tokens, column, position, lengths = extractor(window=3, prompt=2).read(row(*range(1, 11), start=1).long())
    assert tokens.tolist() == [[1, 2, 8, 9, 10]]
    assert column.tolist() == [[1, 2, 8, 9, 10]]
    assert position.tolist() == [[0, 1, 7, 8, 9]]
    assert lengths.tolist() == [[10, 5]]
    net = extractor(body=body, window=3, prompt=2)
    seen, unseen = row(1, 2, 3, 4, 5, 6, 7, 8, 9), row(1, 2, 11, 4, 5, 6, 7, 8, 9)
    torch.testing.assert_close(net(seen), net(unseen))
    assert not torch.allclose(net(seen), net(row(1, 2, 3, 4, 5, 6, 11, 8, 9)))
    assert not torch.allclose(net(seen), net(row(11, 2, 3, 4, 5, 6, 7, 8, 9)))


def test_a_window_wider_than_the_text_reads_all():
    assert extractor(window=8).read(row(4, 5, start=3).long())[0].tolist() == [[4, 5]]


def test_the_head_adds_the_scores_of_a_token_wherever_it_stands():
    net = extractor(embedding_dim=8, heads=2)
    head = TokenHead(net, 20, tied=False, shared_value=True)
    features = torch.zeros(1, net.features_dim)
    features[0, 8:11] = torch.tensor([0.5, 0.25, 2.0])  # scores
    features[0, 8 + 12 : 8 + 15] = torch.tensor([6.0, 6.0, 8.0])  # ids 5, 5, 7, plus one
    with torch.no_grad():
        out = head(features) - head(torch.zeros(1, net.features_dim))
    expected = torch.zeros(1, 20)
    expected[0, 5], expected[0, 7] = 0.75, 2.0
    torch.testing.assert_close(out, expected)


def test_copy_facts():
    facts = copy_facts(torch.tensor([[4, 5, 4, 6, 4, -1]]), torch.tensor([5]))
    again, last, after = 1, 2, 4
    assert facts[0, :5].tolist() == [again + last, after, again + last, after, last]


def test_a_body_of_ones_own_and_an_unknown_one():
    @register_body("mean")
    class Mean(Body):
        def forward(self, x, length):
            return x.mean(dim=1), x

    try:
        assert extractor(body="mean")(row(1, 2)).shape == (1, 64 + 24)
    finally:
        del BODIES["mean"]
    with pytest.raises(ValueError, match="did you mean 'gru'"):
        extractor(body="gruu")
    with pytest.raises(ValueError, match="must divide"):
        extractor(heads=5)
    with pytest.raises(ValueError, match="context_length"):
        TokenFeaturesExtractor(spaces.Discrete(3))


def test_it_serves_a_plain_dqn_too():
    import gymnasium as gym

    import llm_envs  # noqa: F401

    kwargs = {"features_extractor_class": TokenFeaturesExtractor}
    kwargs["features_extractor_kwargs"] = {"pointer": False}
    model = DQN("MlpPolicy", gym.make("TextGen-Tiny-v0"), policy_kwargs=kwargs, buffer_size=10)
    observation = model.observation_space.sample()
    assert 0 <= int(model.predict(observation, deterministic=True)[0]) < 8
