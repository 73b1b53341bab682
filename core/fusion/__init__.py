"""How the tokens of several modalities become one set of fused tokens, for any subset present."""
