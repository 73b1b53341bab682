"""What is known, apart from any model: graphs, rules, typed claims and the reports made of them."""
