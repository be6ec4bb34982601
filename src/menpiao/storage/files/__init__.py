"""Storage (存储器), patent part 10.

Files that outlive a request: ticket and coupon files, exports.
"""
