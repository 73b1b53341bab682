"""Currencies, and what one unit of each is worth in US dollars, roughly: for thresholds, never for accounts.

Rounded yearly means of 2024. A threshold that hangs on the third digit of a rate is no threshold to rely on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.errors import UnknownName
from ....core.types import Array

REFERENCE = "USD"
RATES = {
    "USD": 1.0, "EUR": 1.08, "GBP": 1.28, "CHF": 1.14, "JPY": 0.0066, "CNY": 0.139, "HKD": 0.128, "SGD": 0.75,
    "AUD": 0.66, "CAD": 0.73, "NZD": 0.605, "SEK": 0.095, "NOK": 0.093, "DKK": 0.145, "PLN": 0.251, "CZK": 0.0431,
    "HUF": 0.00274, "RON": 0.217, "BGN": 0.553, "TRY": 0.0305, "RUB": 0.0108, "UAH": 0.0249, "KZT": 0.00213,
    "INR": 0.012, "PKR": 0.0036, "BDT": 0.0086, "PHP": 0.0175, "THB": 0.0284, "VND": 0.00004, "IDR": 0.000063,
    "MYR": 0.219, "KRW": 0.00073, "TWD": 0.0312, "AED": 0.272, "SAR": 0.267, "QAR": 0.275, "ILS": 0.27, "EGP": 0.022,
    "ZAR": 0.0546, "NGN": 0.00068, "KES": 0.0074, "MAD": 0.1, "BRL": 0.186, "MXN": 0.0548, "COP": 0.000246,
    "ARS": 0.0011, "CLP": 0.00106, "PEN": 0.267, "IRR": 0.000024, "MMK": 0.00048, "KPW": 0.0011, "SYP": 0.000077,
    "BTC": 66000.0, "ETH": 3050.0, "USDT": 1.0,
}  # fmt: skip


def rates_of(currencies: Sequence[str] | Array) -> Array:
    """Dollars for one unit, by row.

    Raises:
        UnknownName: a code that is no currency here, with the nearest one that is.
    """
    names, which = np.unique(np.asarray(currencies, dtype=str), return_inverse=True)
    for name in names:
        if name not in RATES:
            raise UnknownName("currency", str(name), RATES)
    return np.array([RATES[str(name)] for name in names])[which]
