"""Four-layer switch (四层交换机), patent part 6.

In this release a description, not a program: any server can run in several instances, because
nothing that matters lives in a process; a load balancer before them sends gate links by TCP and
pages by path. A later release generates its configuration from the inventory of a site.
"""
