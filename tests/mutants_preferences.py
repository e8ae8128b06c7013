"""Textual faults for alpha-DPG and the algorithms on preference pairs."""

from __future__ import annotations

from mutants import Mutant

PREFERENCE_MUTANTS = [
    # Alpha-DPG.
    Mutant("alpha-DPG ascends", "alpha_dpg.py", "return -ops.total(b.adv", "return ops.total(b.adv"),
    Mutant("alpha-DPG swaps p and pi", "alpha_dpg.py", "(log_p - log_pi)).expm1()", "(log_pi - log_p)).expm1()"),
    Mutant("alpha-DPG takes alpha for 1 - alpha", "alpha_dpg.py", "((1 - alpha) * (log_p", "(alpha * (log_p"),
    Mutant("alpha-DPG without the -1", "alpha_dpg.py", ".expm1().clamp(max=limit)", ".exp().clamp(max=limit)"),
    Mutant("alpha-DPG without a limit", "alpha_dpg.py", ".expm1().clamp(max=limit)", ".expm1()"),
    Mutant("alpha-DPG limits both sides", "alpha_dpg.py", "clamp(max=limit)", "clamp(-0.5, limit)"),
    Mutant("Z over all answers", "alpha_dpg.py", ".exp() * b.correct", ".exp()"),
    Mutant("Z without its cap", "alpha_dpg.py", "ops.group_mean(weight, b).clamp(max=1)", "ops.group_mean(weight, b)"),
    Mutant("Z is a sum", "alpha_dpg.py", "ops.group_mean(weight, b)", "ops.group_sum(weight, b)"),
    Mutant("Z may be 0", "alpha_dpg.py", "torch.where(z == 0, self.z_empty, z)", "z"),
    Mutant("Z has a floor", "alpha_dpg.py", "torch.where(z == 0, self.z_empty, z)", "z.clamp(min=self.z_empty)"),
    Mutant("Z forgotten", "alpha_dpg.py", " - self.partition(b).log()", ""),
    Mutant("wrong answers keep the base", "alpha_dpg.py", "torch.where(b.correct, 0.0, -torch.inf)", "0.0"),
    Mutant(
        "alpha-DPG on the plain mean", "alpha_dpg.py", "ops.leave_one_out(rewards, b))", "ops.group_mean(rewards, b))"
    ),
    Mutant("alone means nothing learned", "alpha_dpg.py", "torch.where(alone, rewards, ", "torch.where(alone, 0.0, "),
    Mutant("alpha-DPG by sequence length", "alpha_dpg.py", "ops.constant(b, self.max_tokens)", "ops.sequence_mean(b)"),
    Mutant("alpha-DPG over the prompt", "alpha_dpg.py", "(logp.double() * b.mask).sum(1)", "logp.double().sum(1)"),
    Mutant(
        "alpha-DPG row by row",
        "alpha_dpg.py",
        "b.per_trajectory((logp.double() * b.mask).sum(1))",
        "(logp.double() * b.mask).sum(1)",
    ),
    # Margins and penalties.
    Mutant(
        "prefers the rejected",
        "preference.py",
        "torch.where(b.correct, gain, -gain)",
        "torch.where(b.correct, -gain, gain)",
    ),
    Mutant("margin without the reference", "preference.py", "((logp - b.ref_logp) * b.mask)", "(logp * b.mask)"),
    Mutant(
        "margin over the prompt", "preference.py", "((logp - b.ref_logp) * b.mask).sum(1)", "(logp - b.ref_logp).sum(1)"
    ),
    Mutant(
        "margin by length",
        "preference.py",
        "((logp - b.ref_logp) * b.mask).sum(1)",
        "((logp - b.ref_logp) * b.mask).sum(1) / b.mask.sum(1)",
    ),
    Mutant("pairs by length", "preference.py", "ops.sequence_mean(b) * self", "ops.token_mean(b) * self"),
    Mutant(
        "importance upside down", "preference.py", "b.sizes.sum(1).to(b.mask) / own", "own / b.sizes.sum(1).to(b.mask)"
    ),
    Mutant("importance without K", "preference.py", "rarity(b) / b.sizes.shape[1]", "rarity(b)"),
    Mutant("importance for nobody", "preference.py", 'if self.weighting == "pairs" else', "if self.weighting else"),
    Mutant("DPO ascends", "dpo.py", "softplus(-beta * h)", "softplus(beta * h)"),
    Mutant("DPO without beta", "dpo.py", "softplus(-beta * h)", "softplus(-h)"),
    Mutant("IPO's target without the half", "ipo.py", "1 / (2 * beta)) ** 2", "1 / beta) ** 2"),
    Mutant("IPO's target below zero", "ipo.py", "(h - 1 /", "(h + 1 /"),
    Mutant(
        "group metrics mix the groups", "preference.py", "per_group(once * right, b))", "per_group(right, b).flip(0))"
    ),
    Mutant("margins by weight", "preference.py", "(once * h).sum()", "ops.total(h[:, None], b)"),
    Mutant("pairs counted by rows", "preference.py", "(b.first & b.correct)", "b.correct"),
    Mutant("group means over all pairs", "preference.py", 'name.partition("/")[2]', '""'),
    # Robust weights.
    Mutant("favours the best group", "robust.py", "log_alpha + eta * losses", "log_alpha - eta * losses"),
    Mutant(
        "weights off the simplex", "robust.py", "(log_alpha + eta * losses).log_softmax(0)", "log_alpha + eta * losses"
    ),
    Mutant(
        "weights forget",
        "robust.py",
        "self.log_alpha = ascend(self.log_alpha,",
        "self.log_alpha = ascend(0 * self.log_alpha,",
    ),
    Mutant("weights never move", "robust.py", "losses, self.eta)", "losses, 0.0)"),
    Mutant("group loss without N/N_g", "robust.py", "* penalty * rarity(b), b)", "* penalty, b)"),
    Mutant("group weight without N/N_g", "robust.py", "[b.domain] * rarity(b)", "[b.domain]"),
    Mutant(
        "chi upside down",
        "robust.py",
        "(1 - self.chi) / groups + self.chi * self",
        "self.chi / groups + (1 - self.chi) * self",
    ),
    Mutant("weights swallow NaN", "robust.py", "if losses.isfinite().all():", "if True:"),
    Mutant(
        "weights of another group", "robust.py", "weights.to(b.mask)[b.domain]", "weights.to(b.mask).flip(0)[b.domain]"
    ),
    Mutant(
        "weights are not saved", "robust.py", '{} if self.log_alpha is None else {"log_alpha": self.log_alpha}', "{}"
    ),
    # The closed form.
    Mutant(
        "fit without 1/N_g",
        "gr_ipo.py",
        "alpha[group] / torch.bincount(group, minlength=len(alpha))[group]",
        "alpha[group]",
    ),
    Mutant("fit to twice the target", "gr_ipo.py", "weighted.sum(0) / (2 * beta)", "weighted.sum(0) / beta"),
    Mutant(
        "fit without a ridge", "gr_ipo.py", "difference.T @ weighted + ridge", "difference.T @ weighted + 0 * ridge"
    ),
    Mutant(
        "fit with the weights before",
        "gr_ipo.py",
        "log_alpha.exp(), beta, ridge)\n    return",
        "log_alpha.exp() * 0 + 1, beta, ridge)\n    return",
    ),
    Mutant("fit's loss divided twice", "gr_ipo.py", "penalty) / count", "penalty) / count**2"),
]
