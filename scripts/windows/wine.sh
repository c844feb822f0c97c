# Sourced: Wine in the prefix of build/windows, never without a limit of time. `made` names that folder.
export WINEPREFIX=$made/prefix WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=" LC_ALL=C.UTF-8
unset DISPLAY

# run_wine SECONDS PROGRAM [ARGUMENT…]
run_wine() {
    timeout --kill-after=10 "$1" wine "${@:2}" </dev/null
}

# Ends every process in the prefix.
stop_wine() {
    [ -d "$WINEPREFIX" ] || return 0
    timeout 20 wineserver -k || true
    timeout 20 wineserver -w || true
}
