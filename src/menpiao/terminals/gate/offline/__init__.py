"""A lane without the centre: it keeps the day bundle, decides on it, and reports what it decided.

The decision itself is ``domain.admission.decide``, the same as at the centre; here is what it
needs to know, and a journal that loses nothing.
"""
