"""The bank assistant: intent with reject, the state of a dialogue, answers from help pages, hand-over."""
