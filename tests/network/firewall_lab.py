"""A company's network behind a real firewall, in namespaces of its own: ``PC - firewall - server``.

Runs inside ``unshare -Ur -n -m -p -f --mount-proc --kill-child``, which any user may use and which removes all of it at
its end, processes included. Argument: a folder to work in. Prints a line of JSON for each scene: its name, and what the
PC's commands answered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.server import Served

NAME = "book.lab.test"
SERVER, SERVER_6 = "10.77.2.2", "fd77:2::2"
PROXY = "10.77.1.1"
OPEN = "http_access allow all"
PROBE, CONNECT, DEAD = "2", "3", "3"
HERE = Path(__file__).parent
PYTHON_PATH = os.pathsep.join([str(HERE.parent), str(HERE.parents[1] / "src")])

Answer = dict[str, Any]


def sh(script: str) -> None:
    subprocess.run(["sh", "-ec", script], check=True, stdout=sys.stderr)


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        sh("mount -t tmpfs none /run; mount -t tmpfs none /dev/shm; mkdir -p /run/netns /run/e; ip link set lo up")
        for name in ("corp", "fw", "inet"):
            sh(f"ip netns add {name}; ip -n {name} link set lo up")
        sh(
            "ip link add c0 netns corp type veth peer name f0 netns fw;"
            "ip link add i0 netns inet type veth peer name f1 netns fw;"
            f"ip -n corp addr add 10.77.1.2/24 dev c0; ip -n fw addr add {PROXY}/24 dev f0;"
            f"ip -n inet addr add {SERVER}/24 dev i0; ip -n fw addr add 10.77.2.1/24 dev f1;"
            "ip -n corp addr add fd77:1::2/64 dev c0 nodad; ip -n fw addr add fd77:1::1/64 dev f0 nodad;"
            f"ip -n inet addr add {SERVER_6}/64 dev i0 nodad; ip -n fw addr add fd77:2::1/64 dev f1 nodad;"
            "for x in 'corp c0' 'fw f0' 'fw f1' 'inet i0'; do set -- $x; ip -n $1 link set $2 up; done;"
            "ip -n corp route add default via 10.77.1.1; ip -n inet route add default via 10.77.2.1;"
            "ip -n corp route add default via fd77:1::1; ip -n inet route add default via fd77:2::1;"
            "nsenter --net=/run/netns/fw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1;"
            f"printf '127.0.0.1 localhost\\n{SERVER} {NAME}\\n{SERVER_6} {NAME}\\n' > /run/e/known;"
            "printf '127.0.0.1 localhost\\n' > /run/e/unknown;"
            f"printf '{SERVER} {NAME}\\n' > /run/e/ipv4; : > /run/e/resolv"
        )

    def command(self, namespace: str, *command: str, hosts: str = "known") -> list[str]:
        binds = 'mount --bind /run/e/$0 /etc/hosts; mount --bind /run/e/resolv /etc/resolv.conf; exec "$@"'
        return ["nsenter", f"--net=/run/netns/{namespace}", "unshare", "-m", "sh", "-c", binds, hosts, *command]

    def firewall(self, rules: str, more: str = "") -> None:
        """`rules` of the forward chain; everything else there passes."""
        chain = f"chain transit {{ type filter hook forward priority 0; {rules} }}"
        text = f"flush ruleset\ntable inet corp {{\n{chain}\n{more}\n}}\n"
        subprocess.run(["nsenter", "--net=/run/netns/fw", "nft", "-f", "-"], input=text, text=True, check=True)

    def serve(self, address: str = SERVER) -> subprocess.Popen[str]:
        data = self.folder / "server"
        options = ["--data", str(data), "--host", address, "--name", NAME, "--https-port", "443", "--http-port", "80"]
        log = (self.folder / "server.log").open("w")
        server = subprocess.Popen(
            self.command("inet", sys.executable, "-m", "dovetail", "serve", *options),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=self.env(),
        )
        assert server.stdout is not None
        for line in server.stdout:
            if "Dovetail serves" in line:
                return server
        raise RuntimeError((self.folder / "server.log").read_text()[-2000:])

    def proxy(self, name: str = "squid", address: str = PROXY, access: str = OPEN) -> None:
        """Squid on the firewall, which may go to 443 only and looks names up itself."""
        folder = self.folder / name
        folder.mkdir()
        conf = folder / "squid.conf"
        conf.write_text(
            f"http_port {address}:3128\nvisible_hostname proxy\npid_filename none\ncache deny all\n"
            f"netdb_filename none\ncache_log {folder}/cache.log\naccess_log stdio:{folder}/access.log\n"
            f"pinger_enable off\nicp_port 0\nhtcp_port 0\ncoredump_dir {folder}\nacl https port 443\n"
            "acl CONNECT method CONNECT\nhttp_access deny CONNECT !https\nshutdown_lifetime 0 seconds\n"
            f"{access}\n"
        )
        as_nobody = ["unshare", "-U", "--map-user=1000", "--map-group=1000"]  # as root it would want to become another
        service = f"{name}{os.getpid()}"
        command = self.command("fw", *as_nobody, "squid", "-N", "-n", service, "-f", str(conf), hosts="ipv4")
        subprocess.Popen(command, stderr=sys.stderr)
        self.wait_for(address, 3128)

    def wait_for(self, address: str, port: int) -> None:
        probe = f"import socket; socket.create_connection(({address!r}, {port}), 1).close()"
        for _ in range(100):
            if (
                subprocess.run(self.command("corp", sys.executable, "-c", probe), stderr=subprocess.DEVNULL).returncode
                == 0
            ):
                return
            time.sleep(0.1)
        raise RuntimeError(f"nothing answers at {address}:{port}")

    def pc(self, *arguments: str, stdin: str = "", hosts: str = "known", env: dict[str, str] | None = None) -> Answer:
        """What a command of the PC answers, and how long it took."""
        running = self.start_pc(*arguments, hosts=hosts, env=env)
        began = time.monotonic()
        out, err = running.communicate(stdin, timeout=60)
        lines = [line for line in out.splitlines() if line.startswith("{")]
        answer: Answer = json.loads(lines[-1]) if lines else {"stderr": err[-1500:]}
        return {**answer, "took": round(time.monotonic() - began, 2)}

    def start_pc(
        self, *arguments: str, hosts: str = "known", env: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, str(HERE / "pc.py"), PROBE, CONNECT, DEAD, *arguments, "--json"]
        return subprocess.Popen(
            self.command("corp", *command, hosts=hosts),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.env(), **(env or {})},
        )

    def doctor(self, **how: Any) -> Answer:
        ca_file = str(self.folder / "server/tls/ca.pem")
        return self.pc("doctor", "network", "--server", NAME, "--ca-file", ca_file, "--home", str(self.home), **how)

    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**kept, "PYTHONPATH": PYTHON_PATH, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


VIA_PROXY = {"HTTPS_PROXY": f"http://{PROXY}:3128"}
PASS_ALL = "policy accept;"


def everything_open(lab: Lab) -> Answer:
    """IPv6 is announced by the name and leads nowhere: the server listens on IPv4 only."""
    lab.firewall("policy accept; ip6 version 6 drop;")
    return {"doctor": lab.doctor()}


def xmpp_dropped(lab: Lab) -> Answer:
    lab.firewall("policy accept; tcp dport { 5222, 5223 } drop;")
    return {"doctor": lab.doctor()}


def xmpp_rejected(lab: Lab) -> Answer:
    lab.firewall(
        "policy accept; tcp dport 5222 reject with tcp reset; ip version 4 tcp dport 5223 reject with icmp type"
        " admin-prohibited;"
    )
    return {"doctor": lab.doctor()}


def only_the_proxy(lab: Lab) -> Answer:
    lab.firewall("policy drop;")
    return {"doctor": lab.doctor(hosts="unknown", env=VIA_PROXY)}


def nothing_at_all(lab: Lab) -> Answer:
    lab.firewall("policy drop;")
    return {"doctor": lab.doctor(hosts="unknown"), "known": lab.doctor()}


def large_packets_vanish(lab: Lab) -> Answer:
    """TCP connects, then what is larger than a certificate never arrives."""
    lab.firewall("policy accept; ip version 4 meta length > 600 drop;")
    return {"doctor": lab.doctor()}


def sign_in_page(lab: Lab) -> Answer:
    """A guest network: plain HTTP leads to its page, everything else is dropped."""
    portal = (
        "import socket\ns = socket.create_server(('10.77.1.1', 8080))\n"
        "while True:\n c, _ = s.accept()\n"
        " if c.recv(4096):\n"
        "  c.sendall(b'HTTP/1.1 302 Found\\r\\nLocation: http://login.hotel.example/\\r\\n\\r\\n')\n"
        " c.close()\n"
    )
    running = subprocess.Popen(lab.command("fw", sys.executable, "-c", portal))
    lab.wait_for(PROXY, 8080)
    lab.firewall(
        "policy drop;",
        "chain pre { type nat hook prerouting priority -100; iif f0 tcp dport 80 dnat ip to 10.77.1.1:8080; }",
    )
    try:
        return {"doctor": lab.doctor()}
    finally:
        running.terminate()


def forgotten_in_mid_sync(lab: Lab) -> Answer:
    """The firewall forgets a flow while the server's answer is awaited: no packet comes back, none is refused."""
    lab.firewall(PASS_ALL)
    connector_id, token = Served(lab.folder / "server", 443).new_pairings(1)[0]
    calendar = lab.folder / "calendar"
    calendar.mkdir()
    ca_file = str(lab.folder / "server/tls/ca.pem")
    home = ["--home", str(lab.home)]
    options = ["--server", NAME, "--id", connector_id, "--calendar", f"folder:{calendar}", "--ca-file", ca_file]
    paired = lab.pc("connect", *options, "--token-stdin", *home, stdin=token + "\n")
    lab.firewall(
        "policy accept; tcp sport 443 ct original packets > 8 drop; tcp dport 443 ct original packets > 8 drop;"
    )
    cut = lab.pc("sync", *home)
    status = lab.pc("status", *home)
    lab.firewall(PASS_ALL)
    mended, report = lab.pc("sync", *home), lab.doctor()
    return {
        "paired": paired,
        "cut": cut,
        "status": status,
        "mended": mended,
        "doctor": report,
        "after": lab.pc("status", *home),
    }


def clock_ten_minutes_ahead(lab: Lab) -> Answer:
    lab.firewall(PASS_ALL)
    return {"doctor": lab.doctor(env=clock("+10m"))}


def clock_forty_years_behind(lab: Lab) -> Answer:
    """As where the battery is empty: the certificate is not valid yet."""
    lab.firewall(PASS_ALL)
    return {"doctor": lab.doctor(env=clock("-40y"))}


def clock(offset: str) -> dict[str, str]:
    """What time it is for a program; how time passes stays."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


SCENES: dict[str, Callable[[Lab], Answer]] = {
    scene.__name__: scene
    for scene in (
        everything_open,
        xmpp_dropped,
        xmpp_rejected,
        only_the_proxy,
        nothing_at_all,
        large_packets_vanish,
        sign_in_page,
        forgotten_in_mid_sync,
        clock_ten_minutes_ahead,
        clock_forty_years_behind,
    )
}


def main(folder: Path) -> None:
    lab = Lab(folder)
    lab.firewall(PASS_ALL)
    server = lab.serve()
    try:
        lab.proxy()
        for name, scene in SCENES.items():
            try:
                answer = scene(lab)
            except Exception as error:
                answer = {"error": repr(error)}
            print(json.dumps({"scene": name, **answer}), flush=True)
    finally:
        server.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
