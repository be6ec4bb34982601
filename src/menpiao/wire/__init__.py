"""Versioned messages between terminals, servers and jobs (消息协议), patent part 4."""
