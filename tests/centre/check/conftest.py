"""A database of the test's own."""

import pytest
from tests.support_db import FreshDatabase


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()
