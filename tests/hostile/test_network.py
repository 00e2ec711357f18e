"""A worker has no network: no socket of any family can be made, and nothing that listens nearby is reached."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentBlocked, StudentError

FAMILIES = (
    ("AF_INET", "SOCK_STREAM"), ("AF_INET", "SOCK_DGRAM"), ("AF_INET", "SOCK_RAW"), ("AF_INET6", "SOCK_STREAM"),
    ("AF_INET6", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_STREAM"), ("AF_UNIX", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_SEQPACKET"),
    ("AF_NETLINK", "SOCK_RAW"), ("AF_PACKET", "SOCK_RAW"), ("AF_VSOCK", "SOCK_STREAM"), ("AF_ALG", "SOCK_SEQPACKET"),
    ("AF_CAN", "SOCK_RAW"),
)  # fmt: skip


@pytest.mark.parametrize(("family", "kind"), FAMILIES, ids=[f"{family}-{kind}" for family, kind in FAMILIES])
def test_no_socket_can_be_made(lasting: Callable[[str], Student], family: str, kind: str) -> None:
    one = lasting("import socket\n\ndef attack(*names): socket.socket(*(getattr(socket, name) for name in names))")
    with pytest.raises(StudentBlocked):
        one.attack(family, kind)


@pytest.mark.parametrize("way", ["socket.socketpair()", "socket.create_connection(('127.0.0.1', port), 1)",
                                 "urllib.request.urlopen(f'http://127.0.0.1:{port}', timeout=1)",
                                 "socket.getaddrinfo('example.org', 80)",
                                 "asyncio.run(asyncio.sleep(0))",
                                 "torch.distributed.TCPStore('127.0.0.1', port, is_master=False)"])  # fmt: skip
def test_a_server_on_this_machine_is_not_reached(costs_one_call: Callable[..., StudentError], way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        port = server.getsockname()[1]
        source = f"import asyncio, socket, urllib.request, torch.distributed\n\ndef attack(port): {way}"
        costs_one_call(source, port, call_s=0.5)
        with pytest.raises(TimeoutError):
            server.accept()


def test_an_abstract_socket_is_not_reached(student: Callable[..., Student]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        name = f"grading-service-{os.getpid()}"  # there may be other runs
        server.bind("\0" + name)
        server.listen()
        server.settimeout(0.05)
        attacker = student(
            """
            import ctypes, os, stat
            def attack(name):  # the connection to the grader is the only socket there is: try to turn it elsewhere
                libc = ctypes.CDLL(None, use_errno=True)
                address = b"\\x01\\x00\\x00" + name.encode()
                return [libc.connect(fd, address, len(address)) for fd in range(3, 64)
                        if fd_is_socket(fd)], ctypes.get_errno()
            def fd_is_socket(fd):
                try:
                    return stat.S_ISSOCK(os.fstat(fd).st_mode)
                except OSError:
                    return False
            """
        )
        assert attacker.attack(name) == ([-1], 1)
        with pytest.raises(TimeoutError):
            server.accept()
