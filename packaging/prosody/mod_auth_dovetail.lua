-- Lets Dovetail's connectors in: Prosody checks their proofs, with verifiers that it asks Dovetail for.
--
-- * For each sign-in Dovetail is asked anew, so a credential that is revoked there is good for nothing here.
-- * Dovetail's component says whom to throw out at once; every minute all sessions are looked up, in case it could not.
-- * A connector talks to this server only: nothing is passed from one to another.
--
-- Options of the host: see prosody.cfg.lua beside this file. Written for Prosody 0.12.

local async = require "util.async";
local base64 = require "util.encodings".base64;
local http = require "net.http";
local json = require "util.json";
local sasl = require "util.sasl";
local sessionmanager = require "core.sessionmanager";
local sha256 = require "util.hashes".sha256;
local st = require "util.stanza";
local time = require "util.time".now;

local url = assert(module:get_option_string("dovetail_url"), "dovetail_url is not set");
local secret = assert(module:get_option_string("dovetail_secret"), "dovetail_secret is not set");
local component = assert(module:get_option_string("dovetail_component"), "dovetail_component is not set");
local ca_file = module:get_option_string("dovetail_ca_file");
local check_seconds = module:get_option_number("dovetail_check_seconds", 60);

local AT_ONCE = 5000; -- sessions in one question
local REVOKE = "urn:dovetail:revoke:1";
local NOT_GOOD = { condition = "not-authorized", text = "This connection was ended, or has a new security token." };

local client = http.new({
	sslctx = {
		mode = "client", protocol = "any", options = { "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
		alpn = "http/1.1", verify = "peer", cafile = ca_file, capath = not ca_file and "/etc/ssl/certs" or nil,
	};
	suppress_errors = true;
});

local function ask(path, body)
	local headers = { ["Authorization"] = "Bearer "..secret, ["Content-Type"] = "application/json" };
	return client:request(url.."/xmpp/v1/"..path, { method = body and "POST" or "GET", headers = headers, body = body });
end

-- Verifiers ---------------------------------------------------------------------------------------------------------

local provider = {};
local revoked_at = {}; -- by user name

-- Stored key, server key, iterations, salt and whether it may sign in: what SCRAM wants to know. Dovetail makes up what
-- it does not know, so that here, too, an unknown name looks like a wrong proof.
local function verifier(session, username)
	session.dovetail_asked_at = time();
	local answer, why = async.wait_for(ask("keys/"..http.urlencode(username)));
	if not answer or answer.code ~= 200 then
		module:log("error", "Dovetail does not say who may sign in: %s", answer and answer.code or why);
		session:close({ condition = "resource-constraint", text = "Try again in a moment." });
		return nil; -- would be not-authorized, and the connector's User asked for a new token
	end
	local keys = json.decode(answer.body);
	local stored_key = base64.decode(keys.stored_key);
	session.dovetail_key = sha256(stored_key, true);
	return stored_key, base64.decode(keys.server_key), keys.iterations, base64.decode(keys.salt), true;
end

function provider.get_sasl_handler(session)
	return sasl.new(module.host, {
		scram_sha_256 = function (_, username) return verifier(session, username); end;
	});
end

function provider.user_exists() return true; end -- nothing hangs on it: there are no rosters and no offline messages
function provider.test_password() return nil, "Dovetail gives no passwords away"; end
function provider.set_password() return nil, "Connect on Dovetail's page"; end
function provider.create_user() return nil, "Connect on Dovetail's page"; end
function provider.delete_user() return nil, "Disconnect on Dovetail's page"; end

module:provides("auth", provider);

-- Revocation --------------------------------------------------------------------------------------------------------

local function throw_out(username, key)
	local user = prosody.hosts[module.host].sessions[username];
	local sessions = {};
	for _, session in pairs(user and user.sessions or {}) do
		if not key or session.dovetail_key == key then sessions[#sessions + 1] = session; end
	end
	for _, session in ipairs(sessions) do
		session:close(NOT_GOOD);
		if session.hibernating then sessionmanager.destroy_session(session, "revoked"); end
	end
	return #sessions;
end

module:hook("iq-set/host/"..REVOKE..":revoke", function (event)
	local origin, stanza = event.origin, event.stanza;
	if origin.type ~= "component" or origin.host ~= component then return; end -- nobody else is answered
	local username = stanza.tags[1].attr.user;
	revoked_at[username] = time();
	module:log("info", "Dovetail has ended %s: sessions %d", username, throw_out(username));
	origin.send(st.reply(stanza));
	return true;
end);

-- Who was given a verifier before the revocation, and has proved it since, does not get in with it.
module:hook("resource-bind", function (event)
	local session = event.session;
	local at = revoked_at[session.username];
	if at and at >= (session.dovetail_asked_at or 0) then session:close(NOT_GOOD); end
end);

module:add_timer(check_seconds, function ()
	local told = {};
	for username, user in pairs(prosody.hosts[module.host].sessions) do
		for _, session in pairs(user.sessions) do
			if session.dovetail_key then told[#told + 1] = { user = username, key = session.dovetail_key }; end
		end
	end
	for username, at in pairs(revoked_at) do
		if time() - at > 10 * check_seconds then revoked_at[username] = nil; end
	end
	for first = 1, #told, AT_ONCE do
		local some = table.move(told, first, math.min(first + AT_ONCE - 1, #told), 1, {});
		ask("revoked", json.encode({ sessions = some })):next(function (answer)
			if answer.code ~= 200 then error(answer.code); end
			for _, gone in ipairs(json.decode(answer.body).revoked) do throw_out(gone.user, gone.key); end
		end):catch(function (why)
			module:log("error", "Dovetail does not say who is revoked: %s", why);
		end);
	end
	return check_seconds;
end);

-- Nothing from one connector to another -----------------------------------------------------------------------------

local function keep_apart(event)
	local origin, stanza = event.origin, event.stanza;
	local to = stanza.attr.to;
	if not to or to == origin.full_jid or to == origin.username.."@"..origin.host then return; end
	if stanza.attr.type ~= "error" and stanza.attr.type ~= "result" and stanza.name ~= "presence" then
		origin.send(st.error_reply(stanza, "cancel", "service-unavailable"));
	end
	return true;
end

for _, name in ipairs({ "message", "iq", "presence" }) do
	for _, kind in ipairs({ "bare", "full" }) do module:hook("pre-"..name.."/"..kind, keep_apart, 1000); end
end
