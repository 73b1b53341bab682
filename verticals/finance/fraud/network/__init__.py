"""A network that moves the boosting's logit by what a card's history, words, device and account add to it."""
