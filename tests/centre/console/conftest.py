"""A served park with the console and the check server, a signed-in manager, and a lane of it."""

import contextlib

import pytest
from tests.centre.console.desk import Lane, row, sign_in
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


@pytest.fixture
def member(park):
    """``member(group)``: a browser signed in as the clerk, made a member of this group alone."""

    @contextlib.contextmanager
    def member_of(group):
        who = row(
            park,
            "UPDATE auth_user SET is_staff = true WHERE username = 'clerk' RETURNING id",
        )["id"]
        row(park, "DELETE FROM auth_user_groups WHERE user_id = %s", who)
        row(
            park,
            "INSERT INTO auth_user_groups (user_id, group_id)"
            " SELECT %s, id FROM auth_group WHERE name = %s",
            who,
            group,
        )
        with park.client() as client:
            assert sign_in(client, "clerk").status_code == 302
            yield client

    return member_of
