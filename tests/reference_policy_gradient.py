"""The second implementation, continued: more policy gradients, and advantages over turns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from reference_algorithms import (
    At,
    Result,
    episodes,
    group_mean,
    outcome,
    peers,
    per_token,
    ppo,
    sampled,
    standardised,
    surrogate,
)
from toy_batches import Row


def group_number(rows: Sequence[Row], episode: int) -> int:
    return next(r.group for r in rows if r.trajectory == episode)


# GTPO.


def runs(rows: Sequence[Row], sign: dict[int, float]) -> dict[int, tuple[int, int]]:
    """Of each episode, how many tokens of conflict stand without a break at its start and at its end."""
    text = {e: [rows[i].tokens[t] for i, t in sampled(rows, e)] for e in episodes(rows)}

    def length(e: int, turned: bool) -> int:
        def read(p: int) -> list[int]:
            return text[p][::-1] if turned else text[p]

        if not sign[e]:
            return 0
        for t, token in enumerate(read(e)):
            same = [sign[p] for p in peers(rows, e) if len(text[p]) > t and read(p)[t] == token]
            if not (any(s > 0 for s in same) and any(s < 0 for s in same)):
                return t
        return len(text[e])

    return {e: (length(e, False), length(e, True)) for e in episodes(rows)}


def gtpo(
    rows: Sequence[Row],
    gamma: float = 0.1,
    boost: float = 2.0,
    threshold: float = math.log(2),
    initial_rule: bool = True,
    overlap: str = "max",
    divide: bool = False,
    skip_equal: bool = False,
) -> Result:
    reward, out = outcome(rows), Result()
    adv = {e: reward[e] - group_mean(rows, reward, e) for e in reward}
    adv = {e: 0.0 if abs(a) < 1e-6 else a for e, a in adv.items()}
    entropy = {e: math.fsum(rows[i].entropy[t] for i, t in sampled(rows, e)) / len(sampled(rows, e)) for e in reward}
    filters = not (initial_rule and math.fsum(entropy.values()) / len(entropy) > threshold)
    for e, (front, back) in runs(rows, adv).items():
        path = sampled(rows, e)
        if (filters and entropy[e] > threshold) or (skip_equal and not any(adv[p] for p in peers(rows, e))):
            shaped = 0.0
        else:
            shaped = adv[e] - gamma * entropy[e]
        for k, at in enumerate(path):
            hits = (k < front) + (k >= len(path) - back)
            scale = 1.0
            if hits and adv[e] > 0:
                scale = boost**hits if overlap == "product" else boost
            elif hits:
                scale = 0.0
            if divide:
                scale /= max(1, front, back)
            out.adv[at] = shaped * scale
            out.d_logp[at] = -out.adv[at] / len(path) / len(reward)
            out.loss += out.d_logp[at]
    return out


# Sequences.


def ds_grpo(
    rows: Sequence[Row],
    gamma_correct: float = 0.01,
    gamma_wrong: float = 0.01,
    mode: str = "post",
    logprob: str = "mean",
    clip_low: float = 0.2,
    clip_high: float = 0.25,
    entropy: float = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Result:
    reward, n = outcome(rows), len(sampled(rows))
    extra = {}
    for e in reward:
        logps = [rows[i].old[t] for i, t in sampled(rows, e)]
        logp = math.fsum(logps) / (len(logps) if logprob == "mean" else 1)
        correct = next(r.correct for r in rows if r.trajectory == e)
        extra[e] = -gamma_correct * logp if correct else gamma_wrong * logp
    if mode == "pre":
        shaped = {e: reward[e] + extra[e] for e in reward}
        adv = {e: shaped[e] - group_mean(rows, shaped, e) for e in reward}
    else:
        adv = {e: a + extra[e] for e, a in standardised(rows, reward, ddof, eps).items()}
    out = per_token(rows, adv, lambda e: 1 / n, 1 - clip_low, 1 + clip_high)
    for i, t in sampled(rows):
        out.loss -= entropy * rows[i].entropy[t] / n
        out.d_entropy[i, t] = -entropy / n
    return out


def gspo(
    rows: Sequence[Row], clip_low: float = 3e-4, clip_high: float = 4e-4, ddof: int = 1, eps: float = 1e-4
) -> Result:
    adv, out = standardised(rows, outcome(rows), ddof, eps), Result()
    for i, r in enumerate(rows):
        here = [t for t, s in enumerate(r.sampled) if s]
        log_ratio = math.fsum(r.new[t] - r.old[t] for t in here) / len(here)
        gain, slope = surrogate(log_ratio, adv[r.trajectory], 1 - clip_low, 1 + clip_high)
        share = 1 / len(sampled(rows, r.trajectory)) / len(adv)
        out.loss -= gain * share * len(here)
        for t in here:
            out.d_logp[i, t] = -slope * share
            out.adv[i, t] = adv[r.trajectory]
    return out


def cispo(rows: Sequence[Row], low: float = 0.0, high: float = 5.0, ddof: int = 1, eps: float = 1e-4) -> Result:
    adv, n, out = standardised(rows, outcome(rows), ddof, eps), len(sampled(rows)), Result()
    for i, t in sampled(rows):
        r = rows[i]
        weight = max(low, min(high, math.exp(r.new[t] - r.old[t])))
        out.adv[i, t] = adv[r.trajectory]
        out.d_logp[i, t] = -weight * out.adv[i, t] / n
        out.loss += out.d_logp[i, t] * r.new[t]
    return out


# Returns.


def whitened(x: dict[At, float]) -> dict[At, float]:
    mu = math.fsum(x.values()) / len(x)
    var = math.fsum((a - mu) ** 2 for a in x.values()) / max(1, len(x) - 1)
    return {at: (a - mu) / math.sqrt(var + 1e-8) for at, a in x.items()}


def by_token(rows: Sequence[Row], adv: dict[At, float], clip: float) -> Result:
    """Token mean of the clipped surrogate."""
    out = Result(adv=adv)
    for i, t in adv:
        gain, slope = surrogate(rows[i].new[t] - rows[i].old[t], adv[i, t], 1 - clip, 1 + clip)
        out.loss -= gain / len(adv)
        out.d_logp[i, t] = -slope / len(adv)
    return out


ESTIMATORS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    # of d = log p - log q, and the derivative by d
    "k1": (lambda d: d, lambda d: 1.0),
    "k2": (lambda d: d * d / 2, lambda d: d),
    "k3": (lambda d: math.exp(-d) - 1 + d, lambda d: 1 - math.exp(-d)),
}


def penalised(rows: Sequence[Row], result: Result, beta: float, kl: str) -> Result:
    """With a KL penalty in the loss."""
    value, slope = ESTIMATORS[kl]
    for i, t in result.adv:
        gap = rows[i].new[t] - rows[i].ref[t]
        result.loss += beta * value(gap) / len(result.adv)
        result.d_logp[i, t] += beta * slope(gap) / len(result.adv)
    return result


def reinforce_pp(
    rows: Sequence[Row],
    clip: float = 0.2,
    gamma: float = 1.0,
    baseline: str = "none",
    beta: float = 0.01,
    kl: str = "k1",
    kl_in: str = "reward",
) -> Result:
    value, _ = ESTIMATORS[kl]
    inside = beta if kl_in == "reward" else 0.0
    pay = {(i, t): rows[i].reward[t] - inside * value(rows[i].old[t] - rows[i].ref[t]) for i, t in sampled(rows)}
    total = {e: math.fsum(pay[at] for at in sampled(rows, e)) for e in episodes(rows)}
    adv = {}
    for e in episodes(rows):
        path = sampled(rows, e)
        for k, at in enumerate(path):
            if baseline == "group":
                adv[at] = total[e] - group_mean(rows, total, e)
            else:
                adv[at] = math.fsum(gamma ** (j - k) * pay[path[j]] for j in range(k, len(path)))
    out = by_token(rows, whitened(adv), clip)
    return out if kl_in == "reward" else penalised(rows, out, beta, kl)


# Turns.


def turns_of(rows: Sequence[Row], episode: int) -> list[list[At]]:
    """The sampled tokens of each turn of an episode, in order."""
    out: dict[int, list[At]] = {}
    for i, t in sampled(rows, episode):
        out.setdefault(rows[i].step[t], []).append((i, t))
    return list(out.values())


def relative(x: dict[At, float], key: dict[At, tuple[int, int]], scale: str, ddof: int, eps: float) -> dict[At, float]:
    out = {}
    for who in x:
        same = [x[other] for other in x if key[other] == key[who]]
        mu = math.fsum(same) / len(same)
        sigma = math.sqrt(math.fsum((y - mu) ** 2 for y in same) / max(1, len(same) - ddof))
        out[who] = (x[who] - mu) / (sigma + eps if scale == "std" else 1.0)
    return out


def gigpo(
    rows: Sequence[Row],
    omega: float = 1.0,
    gamma: float = 0.95,
    scale: str = "none",
    clip: float = 0.2,
    beta: float = 0.01,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Result:
    whole = {(e, 0): r for e, r in outcome(rows).items()}
    macro = relative(whole, {at: (group_number(rows, at[0]), 0) for at in whole}, scale, ddof, eps)
    to_go, key = {}, {}
    for e in episodes(rows):
        turns = turns_of(rows, e)
        pays = [math.fsum(rows[i].reward[t] for i, t in turn) for turn in turns]
        for k, turn in enumerate(turns):
            i, t = turn[0]
            to_go[e, k] = math.fsum(gamma ** (j - k) * pays[j] for j in range(k, len(pays)))
            key[e, k] = (rows[i].group, rows[i].state[t])
    micro = relative(to_go, key, scale, ddof, eps)
    adv = {
        at: macro[e, 0] + omega * micro[e, k]
        for e in episodes(rows)
        for k, turn in enumerate(turns_of(rows, e))
        for at in turn
    }
    return penalised(rows, by_token(rows, adv, clip), beta, "k3")


def turn_advantages(
    rows: Sequence[Row], gamma: float, lam: float, beta: float
) -> tuple[dict[At, float], dict[At, float]]:
    """GAE over turns, from the definition, and the critic's targets."""
    adv, target = {}, {}
    for e in episodes(rows):
        turns = turns_of(rows, e)
        last = rows[turns[-1][-1][0]]
        values = [rows[turn[0][0]].value[turn[0][1]] for turn in turns] + [last.after if last.truncated else 0.0]
        pays = [
            math.fsum(rows[i].reward[t] - beta * (rows[i].old[t] - rows[i].ref[t]) for i, t in turn) for turn in turns
        ]
        delta = [pays[k] + gamma * values[k + 1] - values[k] for k in range(len(turns))]
        for k, turn in enumerate(turns):
            a = math.fsum((gamma * lam) ** (j - k) * delta[j] for j in range(k, len(turns)))
            adv |= dict.fromkeys(turn, a)
            target |= dict.fromkeys(turn, a + values[k])
    return adv, target


MORE: dict[str, Callable[..., Result]] = {
    "cispo": cispo,
    "ds_grpo": ds_grpo,
    "gigpo": gigpo,
    "gspo": gspo,
    "gtpo": gtpo,
    "ppo": lambda rows, **settings: ppo(rows, **settings, over_turns=turn_advantages),
    "reinforce_pp": reinforce_pp,
}
