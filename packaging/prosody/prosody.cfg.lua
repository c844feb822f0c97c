-- Prosody 0.12 or later as the XMPP server of Dovetail's connectors, and of nobody else. See docs/realtime.md.
--
-- Put mod_auth_dovetail.lua where plugin_paths says, replace book.example.org and the two secrets, and let this file be
-- read by Prosody's user only. `prosodyctl check` says what is missing.

pidfile = "/run/prosody/prosody.pid"
log = { { levels = { min = "info" }, to = "syslog" } } -- names of connectors and addresses, no contents
plugin_paths = { "/usr/local/lib/prosody/modules" }

c2s_ports = { 5222 }            -- STARTTLS, required
c2s_direct_tls_ports = { 5223 } -- TLS from the first byte (XEP-0368)
https_ports = { 5281 }          -- WebSocket (RFC 7395) at /xmpp-websocket
http_ports = { }
http_default_host = "book.example.org"
component_ports = { 5347 }
component_interfaces = { "127.0.0.1" } -- never further: the handshake of XEP-0114 is not encrypted

modules_enabled = { "saslauth", "tls", "disco", "ping", "smacks", "limits", "websocket", "posix" }
modules_disabled = { "s2s", "offline" } -- no federation; a hint is for now
allow_registration = false

ssl = {
	certificate = "/etc/prosody/certs/book.example.org.crt"; -- with its chain; the one that Dovetail serves will do
	key = "/etc/prosody/certs/book.example.org.key";
	protocol = "tlsv1_2+";
}
c2s_direct_tls_ssl = ssl
https_ssl = ssl
c2s_require_encryption = true

-- Resuming sessions (XEP-0198), and noticing in a minute that a peer is dead.
network_settings = { read_timeout = 60, nagle = false, opportunistic_writes = true, tcp_backlog = 1024 }
smacks_hibernation_time = 300
smacks_max_queue_size = 200

limits = { c2s = { rate = "20kb/s", burst = "20s" } }
c2s_stanza_size_limit = 65536
c2s_unauthed_stanza_size_limit = 10000

VirtualHost "book.example.org" -- DOVETAIL_XMPP_DOMAIN
	authentication = "dovetail"
	disable_sasl_mechanisms = { "PLAIN", "LOGIN", "DIGEST-MD5", "SCRAM-SHA-1" }
	dovetail_url = "https://book.example.org"
	dovetail_secret = "DOVETAIL_XMPP_KEYS_SECRET of the Dovetail server"
	dovetail_component = "hints.book.example.org"
	-- dovetail_ca_file = "/var/lib/dovetail/tls/ca.pem" -- where Dovetail's certificate is of a local authority

Component "hints.book.example.org"
	component_secret = "the secret in DOVETAIL_XMPP_COMPONENT"
	component_conflict_resolve = "kick_old" -- a link that Dovetail has lost does not keep it from making another
	modules_disabled = { "s2s" }
