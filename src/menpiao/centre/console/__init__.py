"""Staff back office (后台管理): set-up, people, devices, audit; not in the patent."""
