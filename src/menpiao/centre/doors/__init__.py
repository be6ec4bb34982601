"""The doors for machines (机器接口): one table per server, served and described from it.

A server writes a :class:`~menpiao.centre.doors.table.Table` next to its api. ``serve`` makes the
routes from it and decodes what comes in by it; ``openapi`` makes the published document from it.
Neither knows anything that is not in the table, so the two cannot differ.
"""
