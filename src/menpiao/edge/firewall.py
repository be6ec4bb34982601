"""Firewall (防火墙), patent part 5.

In this release a description, not a program: the rules are two. From outside only the public HTTPS
port is reached; between servers and storage only the private network of part 8 is used. A later
release generates the packet filter's rules from the inventory of a site.
"""
