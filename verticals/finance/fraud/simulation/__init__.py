"""A made-up world of card payments whose every probability is known, so that the best possible score is known too."""
