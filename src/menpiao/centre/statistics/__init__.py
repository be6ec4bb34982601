"""Statistics for managers (管理终端), patent part 2."""
