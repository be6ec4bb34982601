"""On-site sales server (现场售票服务器), patent part 702."""
