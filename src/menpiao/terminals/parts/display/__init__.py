"""Display module (显示模块), patent part 304."""
