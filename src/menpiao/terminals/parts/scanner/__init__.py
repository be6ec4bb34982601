"""The QR and barcode scanner of counters and gates (二维码扫描器)."""
