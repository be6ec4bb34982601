"""Remote booking server (远程订票服务器), patent parts 102 and 703.

The booking terminal (远程订票终端), part 102, is the visitor's own phone or computer; its pages are
served from here.
"""
