"""How often the rules are right: what they derive of a simulated day, against what happened."""
