"""Coupon server (优惠券服务器), patent part 706."""
