%% Lets Dovetail's connectors in: ejabberd checks their proofs, with verifiers that it asks Dovetail for.
%%
%% * For each sign-in Dovetail is asked anew, so a credential that is revoked there is good for nothing here.
%% * Dovetail's component says whom to throw out at once; every minute all sessions are looked up, in case it could not.
%% * A connector talks to this server only: nothing is passed from one to another.
%%
%% ejabberd_auth_dovetail.erl beside this file is the other half; ejabberd.yml shows the options. For ejabberd 23.01.
-module(mod_dovetail).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0]).
-export([verifier/2]).
-export([stream_started/2, session_opened/1, keep_apart/1, revoke/1, decode_iq_subel/1, check/1]).

-define(REVOKE, <<"urn:dovetail:revoke:1">>).
-define(REMEMBERED_MILLISECONDS, 600000).
-define(ANSWER_MILLISECONDS, 5000).
-define(AT_ONCE, 5000). % sessions in one question
-define(NOT_GOOD, <<"This connection was ended, or has a new security token.">>).
-define(KEYS, dovetail_keys).       % {process of a session, when Dovetail was asked, digest of the stored key}
-define(REVOKED, dovetail_revoked). % {{user, host}, when}

%% The module ---------------------------------------------------------------------------------------------------------

start(Host, _Options) ->
    {ok, _} = application:ensure_all_started(inets),
    {ok, _} = application:ensure_all_started(ssl),
    ejabberd_hooks:add(c2s_stream_started, Host, ?MODULE, stream_started, 50),
    ejabberd_hooks:add(c2s_session_opened, Host, ?MODULE, session_opened, 50),
    ejabberd_hooks:add(user_send_packet, Host, ?MODULE, keep_apart, 50),
    gen_iq_handler:add_iq_handler(ejabberd_local, Host, ?REVOKE, ?MODULE, revoke),
    Starter = self(),
    true = register(name(Host), spawn(fun() -> own_tables(Host, Starter) end)),
    receive ready -> ok end.

stop(Host) ->
    ejabberd_hooks:delete(c2s_stream_started, Host, ?MODULE, stream_started, 50),
    ejabberd_hooks:delete(c2s_session_opened, Host, ?MODULE, session_opened, 50),
    ejabberd_hooks:delete(user_send_packet, Host, ?MODULE, keep_apart, 50),
    gen_iq_handler:remove_iq_handler(ejabberd_local, Host, ?REVOKE),
    case whereis(name(Host)) of
        undefined -> ok;
        Owner -> Owner ! stop
    end,
    ok.

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Options) -> [].

mod_opt_type(url) -> econf:url([https]);
mod_opt_type(secret) -> econf:binary();
mod_opt_type(component) -> econf:domain();
mod_opt_type(ca_file) -> econf:file();
mod_opt_type(check_interval) -> econf:timeout(second).

mod_options(_Host) ->
    [url, secret, component, {ca_file, <<"/etc/ssl/certs/ca-certificates.crt">>}, {check_interval, timer:seconds(60)}].

mod_doc() -> #{desc => <<"Signs in Dovetail's connectors.">>}.

name(Host) -> binary_to_atom(<<"mod_dovetail_", Host/binary>>, utf8).

%% Keeps the tables, and looks every minute who is revoked.
own_tables(Host, Starter) ->
    [ets:whereis(Table) =:= undefined andalso ets:new(Table, [named_table, public, set]) || Table <- [?KEYS, ?REVOKED]],
    Starter ! ready,
    keep_checking(Host).

keep_checking(Host) ->
    receive
        stop -> ok
    after option(Host, check_interval) ->
        try check(Host)
        catch _:_ -> logger:error("Dovetail does not say who is revoked")
        end,
        keep_checking(Host)
    end.

%% Verifiers ----------------------------------------------------------------------------------------------------------

%% ejabberd looks for a user's keys in other processes too, to find out whether there is such a user. Dovetail is asked
%% only by a stream that signs in.
stream_started(State, _Start) ->
    put(?MODULE, signing_in),
    State.

%% What SCRAM-SHA-256 wants to know of a user. Without an answer the stream ends with no word about the credential: the
%% connector tries again. Dovetail makes up what it does not know, so an unknown name looks like a wrong proof.
verifier(User, Host) ->
    case get(?MODULE) of
        signing_in ->
            Asked = now_(),
            case catch ask(Host, [<<"keys/">>, uri_string:quote(User)], none) of
                #{<<"salt">> := Salt, <<"stored_key">> := Stored, <<"server_key">> := Server, <<"iterations">> := N} ->
                    ets:insert(?KEYS, {self(), Asked, digest(base64:decode(Stored))}),
                    {ok, {scram, Stored, Server, Salt, sha256, N}};
                _ ->
                    logger:error("Dovetail does not say who may sign in"),
                    exit(normal)
            end;
        _ -> error
    end.

digest(Key) -> << <<(hex(Half))>> || <<Half:4>> <= crypto:hash(sha256, Key) >>.

hex(Half) when Half < 10 -> $0 + Half;
hex(Half) -> $a + Half - 10.

now_() -> erlang:monotonic_time(millisecond).

%% Asks Dovetail, and gives its JSON as a map.
ask(Host, Path, Body) ->
    Url = iolist_to_binary([option(Host, url), <<"/xmpp/v1/">>, Path]),
    Secret = <<"Bearer ", (option(Host, secret))/binary>>,
    Headers = [{"Authorization", binary_to_list(Secret)}],
    Request = case Body of
        none -> {binary_to_list(Url), Headers};
        _ -> {binary_to_list(Url), Headers, "application/json", Body}
    end,
    Method = case Body of none -> get; _ -> post end,
    Tls = [{verify, verify_peer}, {cacertfile, option(Host, ca_file)}, {versions, ['tlsv1.3', 'tlsv1.2']}, {depth, 5},
           {customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}],
    Options = [{timeout, ?ANSWER_MILLISECONDS}, {ssl, Tls}, {autoredirect, false}],
    {ok, {{_, 200, _}, _, Answer}} = httpc:request(Method, Request, Options, [{body_format, binary}]),
    jiffy:decode(Answer, [return_maps]).

option(Host, Name) -> gen_mod:get_module_opt(Host, ?MODULE, Name).

%% Revocation ---------------------------------------------------------------------------------------------------------

decode_iq_subel(Element) -> Element.

%% From Dovetail's component only; nobody else is answered with anything but an error.
revoke(Question) ->
    {_, Host, _} = jid:tolower(xmpp:get_to(Question)),
    Component = option(Host, component),
    case {jid:tolower(xmpp:get_from(Question)), xmpp:get_type(Question), xmpp:get_els(Question)} of
        {{<<>>, Component, <<>>}, set, [Revoke]} ->
            User = fxml:get_tag_attr_s(<<"user">>, Revoke),
            ets:insert(?REVOKED, {{User, Host}, now_()}),
            throw_out(User, Host, fun(_) -> true end),
            xmpp:make_iq_result(Question);
        _ -> xmpp:make_error(Question, xmpp:err_service_unavailable())
    end.

throw_out(User, Host, Which) ->
    Processes = [proplists:get_value(pid, Session) || {_Resource, Session} <- ejabberd_sm:get_user_info(User, Host)],
    [end_session(Process) || Process <- Processes, Which(key_of(Process))].

%% Also one that waits to be resumed.
end_session(Process) ->
    ejabberd_c2s:send(Process, xmpp:serr_not_authorized(?NOT_GOOD, <<"en">>)),
    ejabberd_c2s:stop_async(Process).

key_of(Process) ->
    case ets:lookup(?KEYS, Process) of
        [{_, _, Key}] -> Key;
        [] -> none
    end.

%% Who was given a verifier before the revocation, and has proved it since, does not get in with it.
session_opened(#{jid := Jid} = State) ->
    erase(?MODULE),
    {User, Host, _} = jid:tolower(Jid),
    case {ets:lookup(?REVOKED, {User, Host}), ets:lookup(?KEYS, self())} of
        {[{_, Revoked}], [{_, Asked, _}]} when Asked =< Revoked -> end_session(self());
        _ -> ok
    end,
    State.

%% Asks Dovetail which of all sessions are of a credential that is good no more.
check(Host) ->
    [ets:delete(?KEYS, Process) || {Process, _, _} <- ets:tab2list(?KEYS), not is_process_alive(Process)],
    Old = now_() - ?REMEMBERED_MILLISECONDS,
    ets:select_delete(?REVOKED, [{{'_', '$1'}, [{'<', '$1', Old}], [true]}]),
    Users = lists:usort([User || {User, _, _} <- ejabberd_sm:get_vh_session_list(Host)]),
    Told = [#{user => User, key => key_of(proplists:get_value(pid, Session))}
            || User <- Users, {_Resource, Session} <- ejabberd_sm:get_user_info(User, Host)],
    check(Host, [Each || #{key := Key} = Each <- Told, is_binary(Key)]).

check(_Host, []) -> ok;
check(Host, Told) ->
    {Some, Rest} = lists:split(min(?AT_ONCE, length(Told)), Told),
    #{<<"revoked">> := Revoked} = ask(Host, <<"revoked">>, jiffy:encode(#{sessions => Some})),
    [throw_out(User, Host, fun(Own) -> Own =:= Key end) || #{<<"user">> := User, <<"key">> := Key} <- Revoked],
    check(Host, Rest).

%% Nothing from one connector to another ------------------------------------------------------------------------------

keep_apart({Packet, #{jid := Own} = State}) ->
    {User, Host, _} = jid:tolower(Own),
    case jid:tolower(xmpp:get_to(Packet)) of
        {<<>>, Host, <<>>} -> {Packet, State};
        {User, Host, _} -> {Packet, State};
        _ -> {stop, {drop, State}}
    end.
