"""Barrier (闸机): opens for one passage and counts it; not in the patent."""
