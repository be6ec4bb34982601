"""Backups (备份) of the database, and the way back from them."""
