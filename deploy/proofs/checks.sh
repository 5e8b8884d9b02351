# Sourced inside the booted container: each check is one line of the result, and the first that fails does not end it.
results=/proof/results
: >"$results"

begun() { cut -d. -f1 /proc/uptime; }

# check WHAT COMMAND...: whether the command succeeds; what it says is kept with it.
check() {
    local what=$1 before said
    shift
    before=$(begun)
    if said=$("$@" 2>&1); then verdict=passed; else verdict=FAILED; fi
    printf '%s\t%s\t%s s\n' "$verdict" "$what" "$(($(begun) - before))" >>"$results"
    printf '%-6s  %s\n' "$verdict" "$what"
    if [ "$verdict" = FAILED ] && [ -n "$said" ]; then printf '%s\n' "$said" | sed 's/^/        | /'; fi
}

# show COMMAND...: the command and what it says, for the record.
show() {
    printf '$ %s\n' "$*"
    "$@" 2>&1 | sed 's/\x1b\[[0-9;]*m//g; s/\x1b\]8;;[^\x1b\a]*\(\x1b\\\|\a\)//g'
}

# await SECONDS COMMAND...: whether the command succeeds within the time.
await() {
    local until=$(($(begun) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$(begun)" -ge "$until" ]; then return 1; fi
        sleep 0.2
    done
}

is_active() { systemctl is-active --quiet "$1"; }
pid_of() { systemctl show --property=MainPID --value "$1"; }
scans() { dermscan-admin history list --json | grep -c '"scan_id"'; }
said() { journalctl --no-pager --quiet --unit=dermscan.service --since="${since:-@0}" | grep -q "$1"; }
now() { since="@$(date +%s)"; }
bus() { timeout 20 /usr/lib/dermscan/bin/python3 -I /proof/heard.py "dermscan/room-1/$1" | grep -q "$2"; }
