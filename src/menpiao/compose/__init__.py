"""The composition root (组装): alone names concrete drivers, providers and pools."""
