"""The edge (网络边界): what stands between the internet and the servers.

The parts here are configuration of other programs. In this release each module says what its part
is for; generating its configuration comes with deployment.
"""
