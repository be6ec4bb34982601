"""The measuring bench (压测): loads the real system and reports what it stood."""
