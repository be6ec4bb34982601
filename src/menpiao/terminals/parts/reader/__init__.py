"""Identity card reader (身份证信息读取模块), patent part 301."""
