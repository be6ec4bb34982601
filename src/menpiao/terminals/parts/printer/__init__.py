"""Slip printer (打印模块), patent part 305."""
