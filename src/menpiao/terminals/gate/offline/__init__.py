"""A lane without the centre (离线检票): it keeps the day bundle, decides on it, and reports.

The decision itself is ``domain.admission.decide``, the same as at the centre; here is what it
needs to know, and a journal that loses nothing.
"""
