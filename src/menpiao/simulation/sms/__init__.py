"""The operators' gateway and the visitors' telephones: CMPP over TCP, and a page per telephone."""
