"""The operators' gateway and the visitors' telephones: CMPP over TCP, and a page per telephone."""

from menpiao.simulation.sms.server import Running, running

__all__ = ["Running", "running"]
