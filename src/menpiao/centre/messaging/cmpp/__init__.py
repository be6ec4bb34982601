"""CMPP 2.0 and 3.0, the SMS protocol of China Mobile and of aggregators (QB-GF-028-2003)."""
