"""Targets and losses as pure functions of tensors (n, m): n episodes, m actions at most.

State j is the prefix in which action j is taken, state j + 1 the one in which the next action is taken, after
whatever the environment has added: its tokens carry no loss and no discount. `next_values` (n, m) holds the
value of state j + 1 at j. What lies beyond an episode's last action is masked by `mask`, bool (n, m).
"""

from __future__ import annotations

import torch
from torch import Tensor


def last_actions(mask: Tensor) -> Tensor:
    """Whether an action is its episode's last, bool (n, m), from the mask of actions."""
    following = torch.zeros_like(mask)
    following[:, :-1] = mask[:, 1:]
    return mask & ~following


def bootstrap_values(next_values: Tensor, mask: Tensor, terminated: Tensor) -> Tensor:
    """Values of next states with nothing after a terminated episode's last action.

    An episode that was truncated is bootstrapped from the state it was cut off in (Pardo et al. 2018).

    Args:
        next_values: float (n, m).
        mask: bool (n, m).
        terminated: bool (n,).
    """
    over = last_actions(mask) & terminated[:, None]
    return torch.where(over | ~mask, torch.zeros_like(next_values), next_values)


def one_step_targets(
    rewards: Tensor, next_values: Tensor, mask: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """y_j = r_j + gamma * V(s_{j+1}), nothing after a terminated end (Mnih et al. 2015, eq. 2).

    With V(s) = max_a Q(s, a; theta-) this is DQN's target; with V(s) = Q(s, argmax_a Q(s, a; theta); theta-)
    double DQN's (van Hasselt et al. 2016, eq. 4).

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.

    Returns:
        float (n, m); 0 where there is no action.
    """
    targets = rewards + gamma * bootstrap_values(next_values, mask, terminated)
    return torch.where(mask, targets, torch.zeros_like(targets))


def n_step_targets(
    rewards: Tensor,
    next_values: Tensor,
    greedy: Tensor,
    mask: Tensor,
    terminated: Tensor,
    gamma: float,
    n_steps: int,
) -> Tensor:
    """y_j = r_j + ... + gamma^{k-1} r_{j+k-1} + gamma^k V(s_{j+k}), k <= n_steps.

    The sum goes on only through actions that are greedy, so that it speaks of the greedy policy: k is the
    first step after which the next action is not greedy (Watkins 1989), at most n_steps, at most what the
    episode has.

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        greedy: bool (n, m), whether each action is the greedy one in its state.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.
        n_steps: At least 1; 1 gives `one_step_targets`.

    Returns:
        float (n, m); 0 where there is no action.
    """
    one_step = one_step_targets(rewards, next_values, mask, terminated, gamma)
    targets = one_step
    going_on = torch.zeros_like(mask)
    going_on[:, :-1] = mask[:, 1:] & greedy[:, 1:]  # whether the sum may go on through action j + 1
    for _ in range(n_steps - 1):
        later = torch.zeros_like(targets)
        later[:, :-1] = targets[:, 1:]
        targets = torch.where(going_on, rewards + gamma * later, one_step)
    return targets


def tightened_targets(
    rewards: Tensor, next_values: Tensor, mask: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """y_j = r_j + gamma * max(V(s_{j+1}), y_{j+1}): no less than what the episode shows to be possible.

    Where the same tokens always lead to the same, what an episode went on to earn bounds Q* from below,
    whatever it was drawn from (He et al. 2017, eq. 4, which asks for it by a penalty). The bound is the best
    over all k of r_j + ... + gamma^k V(s_{j+k}), actions that are not greedy included. Where chance decides,
    it is luck that is learned.

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.

    Returns:
        float (n, m); 0 where there is no action.
    """
    targets = one_step_targets(rewards, next_values, mask, terminated, gamma)
    for j in range(targets.shape[1] - 2, -1, -1):
        further = torch.maximum(targets[:, j], rewards[:, j] + gamma * targets[:, j + 1])
        targets[:, j] = torch.where(mask[:, j + 1], further, targets[:, j])
    return targets


def widened_targets(targets: Tensor, gaps: Tensor, mask: Tensor, share: float) -> Tensor:
    """y_j - alpha * (max_a Q(s_j, a) - Q(s_j, a_j)): advantage learning (Baird 1999; Bellemare et al. 2016).

    The best action keeps its value; how much worse another one is grows by 1 / (1 - alpha), so that errors
    of Q seldom hide which of two is better.

    Args:
        targets: float (n, m).
        gaps: float (n, m), how much worse than the best an action is; below 0, outside the support, it is 0.
        mask: bool (n, m).
        share: alpha, in [0, 1).

    Returns:
        float (n, m); 0 where there is no action.
    """
    return torch.where(mask, targets - share * gaps.clamp(min=0), torch.zeros_like(targets))


def one_step_residuals(
    values: Tensor,
    log_ratios: Tensor,
    rewards: Tensor,
    next_values: Tensor,
    mask: Tensor,
    terminated: Tensor,
    *,
    temperature: float,
    gamma: float,
) -> Tensor:
    """How far one step is from consistent: Q(s_j, a_j) - (r_j + gamma * V(s_{j+1})).

    With Q(s, a) = V(s) + tau * (log pi(a|s) - log pi_ref(a|s)), zero in every state and action exactly for
    the optimum of sum of rewards - tau * KL(pi || pi_ref) (Nachum et al. 2017, eq. 10, with pi_ref in the
    place of the uniform policy). No maximum over the vocabulary is taken.

    Args:
        values: float (n, m), V of state j.
        log_ratios: float (n, m), log pi - log pi_ref of action j, over the full vocabulary.
        rewards: float (n, m).
        next_values: float (n, m), V of state j + 1, from the target head.
        mask: bool (n, m).
        terminated: bool (n,).
        temperature: tau.
        gamma: Discount.

    Returns:
        float (n, m); 0 where there is no action.
    """
    targets = one_step_targets(rewards, next_values, mask, terminated, gamma)
    residuals = values + temperature * log_ratios - targets
    return torch.where(mask, residuals, torch.zeros_like(residuals))


def to_the_end_residuals(
    values: Tensor,
    log_ratios: Tensor,
    rewards: Tensor,
    next_values: Tensor,
    turn_ends: Tensor,
    mask: Tensor,
    terminated: Tensor,
    *,
    temperature: float,
    gamma: float,
    through_path: bool = True,
) -> Tensor:
    """How far the rest of a segment is from consistent, from every state in it.

    V(s_j) + sum_k gamma^{k-j} (tau * log_ratio_k - r_k) - gamma^{e-j+1} V(s_{e+1}), k from j to e, the
    segment's end (Nachum et al. 2017, eq. 14). A segment ends with the episode or where the environment
    takes a turn, and is bootstrapped there: what another speaker says is no choice of the agent's.

    Args:
        values: float (n, m), V of state j.
        log_ratios: float (n, m).
        rewards: float (n, m).
        next_values: float (n, m), V of state j + 1, from the target head.
        turn_ends: bool (n, m), whether the environment takes a turn after action j.
        mask: bool (n, m).
        terminated: bool (n,).
        temperature: tau.
        gamma: Discount.
        through_path: Whether the log-ratios of later actions carry gradient, as in the paper: an action is
            then moved by the residuals of all states before it, the last of a long text far more than the
            first. If not, each residual moves its own action, towards a Monte Carlo target.

    Returns:
        float (n, m); 0 where there is no action.
    """
    ends = last_actions(mask) | turn_ends
    bootstrapped = gamma * bootstrap_values(next_values, mask, terminated)
    gains = temperature * log_ratios - rewards
    rest = torch.zeros_like(values[:, 0])
    columns = []
    for j in range(values.shape[1] - 1, -1, -1):
        later = rest if through_path else rest.detach()
        rest = gains[:, j] + torch.where(ends[:, j], -bootstrapped[:, j], gamma * later)
        rest = torch.where(mask[:, j], rest, torch.zeros_like(rest))
        columns.append(rest)
    residuals = values + torch.stack(columns[::-1], dim=1)
    return torch.where(mask, residuals, torch.zeros_like(residuals))


def returns(rewards: Tensor, mask: Tensor, gamma: float) -> Tensor:
    """What is earned from each action to the episode's end, discounted: float (n, m); 0 where there is none.

    Args:
        rewards: float (n, m).
        mask: bool (n, m).
        gamma: Discount.
    """
    earned = torch.where(mask, rewards, torch.zeros_like(rewards))
    for j in range(earned.shape[1] - 2, -1, -1):
        earned[:, j] += gamma * earned[:, j + 1]
    return earned


def regression_loss(errors: Tensor, kind: str) -> Tensor:
    """The sum over errors of e^2 / 2 ("squared", as in the original) or of Huber's loss at 1 ("huber").

    A sum: the caller divides by a constant number of tokens, so that a token weighs the same in every batch.

    Raises:
        ValueError: The kind is another.
    """
    if kind == "squared":
        return 0.5 * errors.square().sum()
    if kind == "huber":
        size = errors.abs()
        return torch.where(size <= 1.0, 0.5 * errors.square(), size - 0.5).sum()
    raise ValueError(f"unknown loss={kind!r}; there are 'squared' and 'huber'")
