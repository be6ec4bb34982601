"""QR and barcode scanner (二维码扫描器): beside the reader at a counter and at a lane."""
