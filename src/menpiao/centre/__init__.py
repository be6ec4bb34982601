"""The centre (票务中心): nine servers that never import each other and meet in storage.

In a server ``api`` (machines), ``pages`` (people) and ``jobs`` (background) stand on ``service``.
``selling`` and ``design`` are rooms that servers share.
"""
