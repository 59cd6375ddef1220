"""Targets and losses as pure functions of tensors (n, m): n episodes, at most m actions.

State j is the prefix in which action j is taken. State j + 1 also holds any tokens that the environment added
after action j; those tokens carry no loss and no discount. `next_values` (n, m) holds the value of state
j + 1 at j. `mask`, bool (n, m), is False after an episode's last action.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_WEIGHT = 1e-3  # of the others in a group, in texts


def last_actions(mask: Tensor) -> Tensor:
    """Returns True at the last action of each episode, bool (n, m), from the mask of actions."""
    following = torch.zeros_like(mask)
    following[:, :-1] = mask[:, 1:]
    return mask & ~following


def bootstrap_values(next_values: Tensor, mask: Tensor, terminated: Tensor) -> Tensor:
    """Returns the values of next states, with 0 after the last action of a terminated episode.

    A truncated episode bootstraps from the state in which it was cut off (Pardo et al. 2018).

    Args:
        next_values: float (n, m).
        mask: bool (n, m).
        terminated: bool (n,).
    """
    at_end = last_actions(mask) & terminated[:, None]
    return torch.where(at_end | ~mask, torch.zeros_like(next_values), next_values)


def one_step_targets(
    rewards: Tensor, next_values: Tensor, mask: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """Returns y_j = r_j + gamma * V(s_{j+1}), with V = 0 after termination (Mnih et al. 2015, eq. 2).

    V(s) = max_a Q(s, a; theta-) gives DQN's target. V(s) = Q(s, argmax_a Q(s, a; theta); theta-) gives double
    DQN's (van Hasselt et al. 2016, eq. 4).

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.

    Returns:
        float (n, m); 0 outside `mask`.
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
    """Returns y_j = r_j + ... + gamma^{k-1} r_{j+k-1} + gamma^k V(s_{j+k}), k <= n_steps.

    The sum continues only through greedy actions, so that it estimates the greedy policy's value (Watkins
    1989). It stops before the first action that is not greedy, after n_steps, or at the episode's end.

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        greedy: bool (n, m), whether each action is the greedy one in its state.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.
        n_steps: Maximal k, at least 1; 1 gives `one_step_targets`.

    Returns:
        float (n, m); 0 outside `mask`.
    """
    one_step = one_step_targets(rewards, next_values, mask, terminated, gamma)
    targets = one_step
    continues = torch.zeros_like(mask)
    continues[:, :-1] = mask[:, 1:] & greedy[:, 1:]  # whether the sum may include action j + 1
    for _ in range(n_steps - 1):
        later = torch.zeros_like(targets)
        later[:, :-1] = targets[:, 1:]
        targets = torch.where(continues, rewards + gamma * later, one_step)
    return targets


def tightened_targets(
    rewards: Tensor, next_values: Tensor, mask: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """Returns y_j = r_j + gamma * max(V(s_{j+1}), y_{j+1}): at least what the episode went on to earn.

    In a deterministic environment, an episode's later rewards bound Q* from below under any behaviour (He et
    al. 2017, eq. 4, who use a penalty). The bound is the maximum over k of r_j + ... + gamma^k V(s_{j+k}); it
    includes actions that are not greedy. In a stochastic environment it overestimates Q*.

    Args:
        rewards: float (n, m).
        next_values: float (n, m), the value of the state after each action.
        mask: bool (n, m).
        terminated: bool (n,).
        gamma: Discount.

    Returns:
        float (n, m); 0 outside `mask`.
    """
    targets = one_step_targets(rewards, next_values, mask, terminated, gamma)
    for j in range(targets.shape[1] - 2, -1, -1):
        further = torch.maximum(targets[:, j], rewards[:, j] + gamma * targets[:, j + 1])
        targets[:, j] = torch.where(mask[:, j + 1], further, targets[:, j])
    return targets


def widened_targets(targets: Tensor, gaps: Tensor, mask: Tensor, share: float) -> Tensor:
    """Returns y_j - alpha * (max_a Q(s_j, a) - Q(s_j, a_j)): advantage learning (Bellemare et al. 2016).

    The value of the best action stays. The action gaps grow by 1 / (1 - alpha), so that errors of Q less
    often reverse the order of two actions. Baird (1999) proposed it.

    Args:
        targets: float (n, m).
        gaps: float (n, m), max_a Q(s_j, a) - Q(s_j, a_j). Negative gaps, of actions outside the support,
            count as 0.
        mask: bool (n, m).
        share: alpha, in [0, 1).

    Returns:
        float (n, m); 0 outside `mask`.
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
    """Returns the one-step consistency errors Q(s_j, a_j) - (r_j + gamma * V(s_{j+1})).

    Here Q(s, a) = V(s) + tau * (log pi(a|s) - log pi_ref(a|s)). All errors are 0 exactly at the optimum of
    the rewards minus tau * KL(pi || pi_ref) (Nachum et al. 2017, eq. 10, with pi_ref in place of the uniform
    policy). No maximum over the vocabulary is taken.

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
        float (n, m); 0 outside `mask`.
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
    """Returns the consistency errors from every state to the end of its segment.

    V(s_j) + sum_k gamma^{k-j} (tau * log_ratio_k - r_k) - gamma^{e-j+1} V(s_{e+1}), for k from j to the
    segment's last action e (Nachum et al. 2017, eq. 14). A segment ends, and bootstraps, at the episode's end
    or before a turn of the environment, because the agent does not choose what another speaker says.

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
        through_path: True lets the log-ratios of later actions carry gradient, as in the paper. The residuals
            of all earlier states then move an action, so the last action of a long text moves most. False
            lets each residual move only its own action, towards a Monte Carlo target.

    Returns:
        float (n, m); 0 outside `mask`.
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


def others_mean(values: Tensor, weights: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the weighted mean of the others in a group, and whether there are others.

    With weights of 1 this is the baseline of Kool et al. 2019, eq. 8.

    Args:
        values: float (n, m).
        weights: float (n, m), at least 0; 0 for what does not count.
        groups: int64 (n,); equal numbers form a group.

    Returns:
        float (n, m), 0 where there are no others; bool (n, m), True where others have a weight.
    """
    names, member = groups.unique(return_inverse=True)
    zeros = values.new_zeros(len(names), values.shape[1])
    sums = zeros.index_add(0, member, weights * values)[member] - weights * values
    totals = zeros.index_add(0, member, weights)[member] - weights
    there = totals > _LEAST_WEIGHT
    return torch.where(there, sums / totals.clamp(min=_LEAST_WEIGHT), 0.0), there


def presence(log_ratios: Tensor) -> Tensor:
    """Returns min(1, pi / mu): how far what was written is still what the policy writes.

    Args:
        log_ratios: float, log pi - log mu.
    """
    return log_ratios.clamp(max=0.0).exp()


def tapered(errors: Tensor, weights: Tensor) -> Tensor:
    """Returns the same errors, whose gradients are multiplied by weights."""
    return errors.detach() + weights * (errors - errors.detach())


def returns(rewards: Tensor, mask: Tensor, gamma: float = 1.0, *, ends: Tensor | None = None) -> Tensor:
    """Returns the discounted return from each action to the end: float (n, m); 0 outside `mask`.

    Args:
        rewards: float (n, m).
        mask: bool (n, m).
        gamma: Discount.
        ends: bool (n, m), the last action of each segment, at which the sums stop; None sums to the end of
            the episode.
    """
    totals = torch.where(mask, rewards, torch.zeros_like(rewards))
    for j in range(totals.shape[1] - 2, -1, -1):
        later = totals[:, j + 1] if ends is None else torch.where(ends[:, j], 0.0, totals[:, j + 1])
        totals[:, j] += gamma * later
    return totals


def regression_loss(errors: Tensor, kind: str) -> Tensor:
    """Returns the sum over errors of e^2 / 2 ("squared") or of Huber's loss with threshold 1 ("huber").

    The caller divides the sum by a constant number of tokens, so that a token weighs the same in every batch.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind == "squared":
        return 0.5 * errors.square().sum()
    if kind == "huber":
        size = errors.abs()
        return torch.where(size <= 1.0, 0.5 * errors.square(), size - 0.5).sum()
    raise ValueError(f"unknown loss={kind!r}; there are 'squared' and 'huber'")
