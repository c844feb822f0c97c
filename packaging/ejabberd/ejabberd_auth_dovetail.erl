%% `auth_method: dovetail` of ejabberd: passwords are none of its business, verifiers come from mod_dovetail.
-module(ejabberd_auth_dovetail).
-behaviour(ejabberd_auth).

-export([start/1, stop/1, plain_password_required/1, store_type/1, use_cache/1, get_password/2]).

start(_Host) -> ok.

stop(_Host) -> ok.

plain_password_required(_Host) -> true.

store_type(_Host) -> scram.

use_cache(_Host) -> false.

get_password(User, Host) -> {nocache, mod_dovetail:verifier(User, Host)}.
