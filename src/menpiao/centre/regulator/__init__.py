"""Industry supervision server (行业监管服务器), patent part 704."""
