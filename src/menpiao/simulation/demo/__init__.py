"""The demo (演示): a whole scenic area on this machine, and one page on which it is alive."""

from menpiao.simulation.demo.run import run_demo

__all__ = ["run_demo"]
