"""GARCH(1,1) and GJR-GARCH by Gaussian quasi-likelihood, each likelihood one linear filter.

Sources: Bollerslev 1986; Glosten, Jagannathan and Runkle 1993. It knows nothing of ranges or of folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.signal import lfilter
from scipy.special import expit, logit

from ....core.types import Array


@dataclass(frozen=True, kw_only=True)
class Garch:
    """`v[t+1] = omega + (alpha + gamma [r[t] < 0]) r[t]^2 + beta v[t]`, for returns less their mean."""

    mean: float
    omega: float
    alpha: float
    beta: float
    gamma: float
    start: float  # the variance before the first day

    @property
    def persistence(self) -> float:
        return self.alpha + self.beta + self.gamma / 2

    def next_variance(self, returns: Float[Array, " day"]) -> Float[Array, " day"]:
        """The variance of the day after each day, known at its close."""
        rest = returns - self.mean
        shock = self.omega + (self.alpha + self.gamma * (rest < 0)) * rest**2
        found, _ = lfilter([1.0], [1.0, -self.beta], shock, zi=np.array([self.beta * self.start]))
        return np.asarray(found)

    def mean_variance(self, returns: Float[Array, " day"], horizon: int) -> Float[Array, " day"]:
        """The mean over the `horizon` days after each day: it returns to the long-run level by the persistence."""
        first = self.next_variance(returns)
        level = self.omega / (1 - self.persistence)
        decay = np.mean(self.persistence ** np.arange(horizon))
        return level + (first - level) * decay


def fit_garch(returns: Float[Array, " day"], *, asymmetric: bool = False) -> Garch:
    """Maximise the quasi-likelihood from a usual start (beta .9), the long-run variance held at the sample's."""
    mean, sample = float(returns.mean()), float(returns.var())
    rest = returns - mean

    def unpack(free: Array) -> Garch:
        persistence = 0.9995 * expit(free[0])
        beta = persistence * expit(free[1])
        share = expit(free[2]) if asymmetric else 0.0
        alpha, gamma = (persistence - beta) * (1 - share), 2 * (persistence - beta) * share
        return Garch(
            mean=mean, omega=sample * (1 - persistence), alpha=float(alpha), beta=float(beta), gamma=float(gamma),
            start=sample,
        )  # fmt: skip

    def loss(free: Array) -> float:
        variance = np.concatenate([[sample], unpack(free).next_variance(returns)[:-1]])
        return float(np.mean(np.log(variance) + rest**2 / variance))

    start = [float(logit(0.95 / 0.9995)), float(logit(0.9 / 0.95))] + ([0.0] if asymmetric else [])
    return unpack(minimize(loss, np.array(start), method="L-BFGS-B").x)
