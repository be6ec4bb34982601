"""The cache (缓存) in front of part 9: whatever is in it can be lost at any moment."""
