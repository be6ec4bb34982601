"""Two-layer switch (二层交换机), patent part 8.

In this release a description, not a program: the private network between the servers and storage
is addresses and rules only. A later release generates both from the inventory of a site.
"""
