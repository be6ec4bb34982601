"""Data storage server (数据存储服务器), patent part 9.

PostgreSQL: tables, migrations, and SQL by noun.
"""
