"""The selling core (售票核心): what counter and internet sales share, once."""
