"""The best that can be known: the exact chance that a payment is fraud, given all that is visible when it is made.

Per payment and set of modalities the oracle computes P(fraud | everything seen so far) by naming every possible past:
on which day a terminal was struck, on which day and in which way a card was, or never. Each is struck at most once, a
payment at a door depends on its terminal only and one online on its card only, so the sum is finite and exact.

It knows more than a scorer may: the rates of the world, each card's own mean and spread of amounts, who shares a
household, phone changes, travels and outages by calendar, and which device is pooled. It reads reports as a scorer
does: only once they have come, and silence as what it is worth. Since it conditions on more than any causal scorer of
the same modalities sees, no such scorer has a better ROC or precision-recall curve in expectation.
`without_calendars` takes away what no scorer can look up (who travels, which days are paydays, when an acquirer is
down); of these it knows the rates still. What is left is no bound: a scorer may infer some of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .....core.types import Array
from .devices import device_chances
from .generate import Simulated
from .payments import density, honest_density
from .reports import DAY, came
from .words import marker_chances, phrase_chances
from .world import RISKS, SHARES

TINY = 1e-300


def oracle(simulated: Simulated, modalities: Collection[str]) -> Array:
    """The chance of fraud of each payment, from these modalities (events are always among them)."""
    payments = simulated.payments
    found = np.zeros(len(payments.day))
    honest, big = honest_density(simulated.world, payments)
    own = big / np.maximum(honest, TINY)
    markers = _markers(simulated, modalities)
    for rows in _groups(payments.terminal, ~payments.online):
        found[rows] = _doors(simulated, rows, own[rows], markers[rows])
    for rows in _groups(payments.card, payments.online):
        found[rows] = _online(simulated, rows, honest[rows], own[rows], modalities)
    return found


def without_calendars(simulated: Simulated) -> Simulated:
    """The same for an oracle that knows how often there are travels, outages and splurges, and not when."""
    world, payments = simulated.world, simulated.payments
    unknown = replace(
        world,
        outage=np.full(world.outage.shape, world.outage.mean()),
        splurge=np.full(world.splurge.shape, world.splurge.mean()),
    )
    far = np.full(len(payments.far), world.travels.mean())
    return replace(simulated, world=unknown, payments=replace(payments, far=far))


class _Said(NamedTuple):
    """What each payment knows of each earlier one `[payment, earlier]`: log-likelihoods of its reports."""

    fraud: Array
    honest: Array


def _groups(party: Array, among: Array) -> Iterator[Array]:
    """The rows of each party, in the order of time."""
    rows = np.flatnonzero(among)
    order = rows[np.argsort(party[rows], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(party[order])) + 1)


def _reported(simulated: Simulated, rows: Array) -> _Said:
    """Log-likelihoods of what has been said of the payments in the columns when those in the rows are made."""
    config, reports = simulated.world.config.labels, simulated.reports
    now = simulated.payments.second[rows][:, None]
    then, known = simulated.payments.second[rows], reports.known_at[rows] <= now
    said, examined = reports.fraud[rows], reports.examined[rows]
    waited = came(config, np.maximum(now - then, 0) / DAY)
    silent = [np.log1p(-chance * waited) for chance in (config.reported, config.friendly)]
    heard = [np.log(chance) for chance in (config.reported, config.friendly)]
    told = [np.where(known & said, loud, quiet) for loud, quiet in zip(heard, silent, strict=True)]
    found = [np.where(said, 0.0, -1e9), np.where(said, -1e9, 0.0)]
    both = [np.where(examined, np.where(known, sure, 0.0), each) for sure, each in zip(found, told, strict=True)]
    return _Said(*both)


def _mixed(said: _Said, own: Array) -> Array:
    """Log-likelihood of what was said of payments that are fraud with chance `own`."""
    return np.logaddexp(np.log(np.maximum(own, TINY)) + said.fraud, np.log1p(-np.minimum(own, 1 - 1e-12)) + said.honest)


def _spells(ratio: Array, day: Array, days: int, starts: Array) -> Array:
    """Log-evidence for each start `[payment, start]`: the ratios of earlier payments within `days` of it."""
    earlier = np.tril(ratio, k=-1)
    sums = np.concatenate([np.zeros((len(day), 1)), np.cumsum(earlier, axis=1)], axis=1)
    return sums[:, np.searchsorted(day, starts + days)] - sums[:, np.searchsorted(day, starts)]


def _posterior(evidence: Array, prior: Array, never: float) -> tuple[Array, Array]:
    """Weights of each start `[payment, start]` and of never, which add up to 1."""
    logs = evidence + np.log(np.maximum(prior, TINY))
    top = np.maximum(logs.max(axis=1), np.log(never))
    weights, none = np.exp(logs - top[:, None]), np.exp(np.log(never) - top)
    total = weights.sum(axis=1) + none
    return weights / total[:, None], none / total


def _doors(simulated: Simulated, rows: Array, own: Array, marker: Array) -> Array:
    """Payments at one terminal."""
    config, day = simulated.world.config, simulated.payments.day[rows]
    starts = np.arange(config.days)
    said = _reported(simulated, rows)
    ratio = said.fraud - _mixed(said, own) + marker
    prior = config.struck * (1 - config.struck) ** starts
    weights, _ = _posterior(_spells(ratio, day, config.struck_days, starts), prior, (1 - config.struck) ** config.days)
    active = (starts <= day[:, None]) & (day[:, None] < starts + config.struck_days)
    struck = (weights * active).sum(axis=1)
    skimmed = struck * np.exp(marker)
    rest = np.maximum(1 - struck, TINY)
    return (skimmed + rest * own) / (skimmed + rest)


def _markers(simulated: Simulated, modalities: Collection[str]) -> Array:
    """The logarithm of how much likelier each payment's marker is at a struck terminal; 0 where none is read."""
    marker = simulated.words.marker
    if "text" not in modalities:
        return np.zeros(len(marker))
    chances = marker_chances(simulated.world, simulated.payments)
    chances = chances[np.arange(len(marker)), :, np.maximum(marker, 0)]
    return np.where(marker >= 0, np.log(chances[:, 1] / chances[:, 0]), 0.0)


def _online(simulated: Simulated, rows: Array, honest: Array, own: Array, modalities: Collection[str]) -> Array:
    """Online payments of one card."""
    world, day = simulated.world, simulated.payments.day[rows]
    config, starts = world.config, np.arange(world.config.days)
    said = _reported(simulated, rows)
    alone = _mixed(said, own)
    likely = _taken(simulated, rows, honest, modalities)  # [kind, payment]: evidence of what is seen at once
    priors, never = _priors(simulated, int(simulated.payments.card[rows[0]]), modalities)
    evidence, actives = [], []
    for kind, ratio in zip(config.kinds, likely, strict=True):
        hit = np.log(kind.share * np.exp(np.minimum(ratio + said.fraud - alone, 600)) + 1 - kind.share)
        evidence.append(_spells(hit, day, kind.days, starts))
        actives.append((starts <= day[:, None]) & (day[:, None] < starts + kind.days))
    weights, _ = _posterior(np.concatenate(evidence, axis=1), priors.ravel(), never)
    weights = weights.reshape(len(rows), len(config.kinds), config.days) * np.stack(actives, axis=1)
    struck = weights.sum(axis=2)  # [payment, kind]
    share = np.array([kind.share for kind in config.kinds])
    taken = (struck * share * np.exp(np.minimum(likely.T, 600))).sum(axis=1)
    rest = np.maximum(1 - (struck * share).sum(axis=1), TINY)
    return (taken + rest * own) / (taken + rest)


def _taken(simulated: Simulated, rows: Array, honest: Array, modalities: Collection[str]) -> Array:
    """Log-likelihood ratio `[kind, payment]` of amount, words and device: taken over, against not."""
    world, payments = simulated.world, simulated.payments
    part = type(payments)(**{name: value[rows] for name, value in vars(payments).items()})
    found = []
    for number, kind in enumerate(world.config.kinds):
        ratio = np.log(np.maximum(density(world, part, kind.factor)[0], TINY)) - np.log(np.maximum(honest, TINY))
        if "text" in modalities:
            phrase, table = simulated.words.phrase[rows], phrase_chances(part)
            ratio = ratio + np.where(phrase >= 0, np.log(table[number + 1, phrase] / table[0, phrase]), 0.0)
        if "device" in modalities:
            chances = device_chances(world.config, part)[np.arange(len(rows)), :, simulated.devices.source[rows]]
            ratio = ratio + np.log(np.maximum(chances[:, number + 1], TINY)) - np.log(np.maximum(chances[:, 0], TINY))
        found.append(ratio)
    return np.stack(found)


def _priors(simulated: Simulated, card: int, modalities: Collection[str]) -> tuple[Array, float]:
    """The chance of each kind and first day `[kind, day]`, and of never, before anything was seen."""
    world = simulated.world
    rates = np.stack([world.config.rates(kind) for kind in world.config.kinds])
    known = "account" in modalities
    risks = np.array([world.risk[card]]) if known else RISKS
    shares = np.ones(1) if known else SHARES
    total = rates.sum(axis=0)
    priors, never = np.zeros_like(rates), 0.0
    for risk, share in zip(risks, shares, strict=True):
        spared = np.cumprod(1 - risk * total)
        priors += share * risk * rates * np.concatenate([[1.0], spared[:-1]])
        never += share * spared[-1]
    return priors, never
