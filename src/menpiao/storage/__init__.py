"""Where everything is kept (存储): only services, the console and ``compose`` come in here."""
