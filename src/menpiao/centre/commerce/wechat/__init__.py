"""WeChat Pay APIv3: signatures, sealed resources, client and notifications (RSA, direct mode)."""
