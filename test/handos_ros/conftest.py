"""What the tests of the node share."""

from collections.abc import Iterator

import pytest
from node_process import Client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A camera and a subscriber in this process."""
    client = Client()
    yield client
    client.close()
