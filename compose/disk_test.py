"""A test of Redis in its container, on a disk that is full."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from python_on_whales import Container, Volume, docker
from python_on_whales.exceptions import DockerException

from libs.page_views.counting import PageViewCounter
from libs.processes.testing import wait_until
from libs.redis_access.connection import connect

pytestmark = pytest.mark.timeout(180)

SERVER = "redis-server --appendonly yes --appendfsync always --protected-mode no --port 6379"


@pytest.fixture(name="disk")
def _disk() -> Iterator[Volume]:
    """Yield a small volume in memory, which exists as long as a container uses it."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=2m,mode=777"}
    volume = docker.volume.create(driver="local", options=options)
    try:
        yield volume
    finally:
        volume.remove()


@pytest.fixture(name="filler")
def _filler(disk: Volume, image: str) -> Iterator[Container]:
    """Yield a container that can fill the disk."""
    with _container(image, disk, "sleep 180") as container:
        yield container


@pytest.fixture(name="image")
def _image() -> str:
    """Return the image of Redis in the stack."""
    image = re.search(r"image: (redis:\S+)", Path("compose/compose.yaml").read_text("utf-8"))
    assert image
    return image[1]


@contextlib.contextmanager
def _container(image: str, disk: Volume, command: str) -> Iterator[Container]:
    container = docker.run(
        image,
        command.split(),
        detach=True,
        publish=[("127.0.0.1::6379",)],
        stop_signal="KILL",
        volumes=[(disk, "/data")],
    )
    assert isinstance(container, Container)
    try:
        yield container
    finally:
        container.remove(force=True)


def test_should_lose_no_acknowledged_view_when_the_disk_is_full(
    disk: Volume, filler: Container, image: str
) -> None:
    # Given
    with _container(image, disk, SERVER) as server:
        numbers = _count_until_it_fails(server, at_most=20)

        # When
        with contextlib.suppress(DockerException):  # no space is left for it
            filler.execute(["dd", "if=/dev/zero", "of=/data/filler", "bs=1k"])
        numbers += _count_until_it_fails(server, at_most=10_000)
        filler.execute(["rm", "/data/filler"])
        server.start()
        numbers += _count_until_it_fails(server, at_most=1)

    # Then
    assert 20 < len(numbers) < 10_000
    assert len(set(numbers)) == len(numbers)
    assert sorted(numbers) == numbers


def _count_until_it_fails(server: Container, at_most: int) -> list[int]:
    """Count views at a server that starts or runs; return their numbers."""
    ports = docker.container.inspect(server.id).network_settings.ports or {}
    (binding,) = ports["6379/tcp"] or []
    with contextlib.closing(connect(f"redis://127.0.0.1:{binding['HostPort']}")) as client:
        wait_until(lambda: _answers(client), "Redis")
        counter, numbers = PageViewCounter(client), list[int]()
        with contextlib.suppress(redis.RedisError):
            while len(numbers) < at_most:
                numbers.append(counter.count())
    return numbers


def _answers(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False
