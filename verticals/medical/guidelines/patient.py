"""What guidelines and risk models ask about a patient. None: not known, and nothing is made of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """`high_risk_smoking`: 30 pack-years or more, and smoking within the last 15 years. `cancer`: has or had one.

    `family_history` is of lung cancer in a parent, brother, sister or child.
    """

    age: float | None = None
    female: bool | None = None
    screening: bool | None = None
    cancer: bool | None = None
    immunosuppressed: bool | None = None
    high_risk_smoking: bool | None = None
    ever_smoked: bool | None = None
    family_history: bool | None = None
    emphysema: bool | None = None
    fibrosis: bool | None = None
