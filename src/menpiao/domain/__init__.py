"""The rules (规则), pure: no I/O, no clock, no chance; time is an argument.

A refusal is a value with a code of ``reasons``; an exception means a programming error or bytes
that are not what they claim to be.
"""
