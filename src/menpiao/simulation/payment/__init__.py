"""The payment platform outside: a simulated WeChat Pay that checks, signs, seals and notifies.

It speaks the documented protocol over real HTTP and shares no code with the client in
``menpiao.centre.commerce``, so that both cannot share one mistake. A person pays on its wallet
pages; a test steers it through its JSON door.
"""

from menpiao.simulation.payment.keys import make_merchant
from menpiao.simulation.payment.server import Running, running, serve
from menpiao.simulation.payment.wallet import wallet_path

__all__ = ["Running", "make_merchant", "running", "serve", "wallet_path"]
