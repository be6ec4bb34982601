"""A served park with the console and the check server, a signed-in manager, and a lane of it."""

import pytest
from tests.centre.console.desk import Lane, sign_in
from tests.support_pages import served_park


@pytest.fixture(scope="module")
def park():
    with served_park("booking", "check") as served:
        yield served


@pytest.fixture
def manager(park):
    with park.client() as client:
        assert sign_in(client, "manager").status_code == 302
        yield client


@pytest.fixture(scope="module")
def lane(park):
    with Lane(park) as lane:
        yield lane
