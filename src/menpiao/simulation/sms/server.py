"""The simulated operator as a server of its own: the gateway on TCP, its telephones over HTTP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import uvicorn

from menpiao.settings import Sms
from menpiao.simulation.sms.operator import Operator, Plan, listening
from menpiao.simulation.sms.pages import make_app
from menpiao.simulation.sms.phones import Phones

SRC_ID = "10690012"


class _Server(uvicorn.Server):
    """A server inside somebody else's process: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Running:
    """A running operator; ``base_url`` of its telephones is without a trailing slash."""

    operator: Operator
    host: str
    port: int
    base_url: str

    def account(self) -> Sms:
        """The settings of a centre that has its account here."""
        plan = self.operator.plan
        return Sms(
            host=self.host, port=self.port, sp_id=plan.sp_id, secret=plan.secret, src_id=SRC_ID
        )


@contextlib.asynccontextmanager
async def running(
    *, host: str = "127.0.0.1", port: int = 0, pages_port: int = 0, plan: Plan | None = None
) -> AsyncIterator[Running]:
    """The operator, listening while the block runs; port 0 takes a free one."""
    operator = Operator(Phones(), plan)
    async with listening(operator, host, port) as taken:
        listener = socket.create_server((host, pages_port))
        config = uvicorn.Config(
            make_app(operator), log_level="critical", access_log=False, lifespan="off"
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not serving.done():  # noqa: ASYNC110 - its only sign
                await asyncio.sleep(0.01)
            pages = f"http://{host}:{listener.getsockname()[1]}"
            yield Running(operator, host, taken, pages)
        finally:
            server.should_exit = True
            await serving
            listener.close()
