"""Check server (检票服务器), patent part 701."""
