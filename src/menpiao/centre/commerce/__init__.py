"""E-commerce server (电子商务服务器), patent part 705."""
