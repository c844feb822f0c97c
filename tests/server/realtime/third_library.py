"""nbxmpp on GLib, for the system's Python: signs in, prints a line of JSON for each thing that happens, and stays.

Arguments: ``direct``, ``starttls`` or ``websocket``; the port; the server's certificate (PEM); user name; password.
"""

import json
import sys

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib  # noqa: E402
from nbxmpp.client import Client  # noqa: E402
from nbxmpp.const import ConnectionProtocol, ConnectionType  # noqa: E402
from nbxmpp.structs import StanzaHandler  # noqa: E402

transport, port, certificate, username, password = sys.argv[1:]

HOSTS = {
    "direct": (f"localhost:{port}", ConnectionProtocol.TCP, ConnectionType.DIRECT_TLS),
    "starttls": (f"localhost:{port}", ConnectionProtocol.TCP, ConnectionType.START_TLS),
    "websocket": (f"wss://localhost:{port}/xmpp-websocket", ConnectionProtocol.WEBSOCKET, ConnectionType.DIRECT_TLS),
}


def say(what, **details):
    print(json.dumps({"what": what, **details}), flush=True)


client = Client()
client.set_domain("localhost")
client.set_username(username)
client.set_password(password)
client.set_resource("connector")
client.set_custom_host(*HOSTS[transport])
client.set_accepted_certificates([Gio.TlsCertificate.new_from_file(certificate)])
for signal in ("resume-failed", "resume-successful", "connected", "disconnected", "connection-failed"):
    client.subscribe(signal, lambda client, name, *rest: say(name, error=str(client.get_error())))


def on_message(client, stanza, properties):
    hint = stanza.getTag("hint", namespace="urn:dovetail:hint:1")
    say("hint", cursor=hint.getAttr("cursor"))


client.register_handler(StanzaHandler(name="message", callback=on_message))
client.connect()
GLib.timeout_add_seconds(20, sys.exit)
GLib.MainLoop().run()
