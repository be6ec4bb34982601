"""Counter sales terminal (现场售票终端), patent parts 1 and 101.

The agent on the clerk's computer: it drives reader, scanner and slip printer for the sales page.
"""
