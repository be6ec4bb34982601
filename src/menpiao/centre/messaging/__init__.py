"""Communication-interface server (通信接口服务器), patent part 707."""
