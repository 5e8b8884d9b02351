# Run inside the container, after installed.sh: the scanner's unit in order and in trouble.
show systemd-analyze security "$unit" | tail -1
check 'nothing of it listens beyond this machine' eval '! ss --listening --tcp --udp --numeric --no-header | grep -v "127\.0\.0\.1:"'
check 'a scan is filed' await 240 said 'Scan filed'
check 'the status line tells state, scans and broker' await 10 status_line '; [1-9][0-9]* scans? filed; broker connected'
show systemctl status --no-pager --full --lines=4 "$unit"
check 'the key came as an encrypted credential' eval \
    'test -s /run/credentials/dermscan.service/dermscan-master-key && ! grep -aq dermscan-master-key\ 1 /etc/credstore.encrypted/dermscan-master-key'
check 'the unit fails without its key, with its exit code and without a storm' eval '
    mv /etc/credstore.encrypted/dermscan-master-key /root/key; systemctl restart "$unit"; sleep 7
    code=$(systemctl show --property=ExecMainStatus --value "$unit"); times=$(systemctl show --property=NRestarts --value "$unit")
    mv /root/key /etc/credstore.encrypted/dermscan-master-key; [ "$code" = 40 ] && [ "$times" = 0 ]'
show journalctl --no-pager --quiet --output=cat --unit="$unit" --lines=3
plain && systemctl start "$unit"
check 'READY again with its key' is_active "$unit"

# From inside the unit: its own sandbox around another program
sed -e 's|^ExecStart=.*|ExecStart=/usr/lib/dermscan/bin/python3 -I /run/dermscan-proof/sandbox.py|' -e 's/^Type=notify/Type=oneshot/' \
    -e '/^NotifyAccess=\|^WatchdogSec=\|^Restart\|^ExecReload=\|^RuntimeDirectory/d' -e 's/^TimeoutStartSec=.*/TimeoutStartSec=100/' \
    /lib/systemd/system/dermscan.service >/run/systemd/system/dermscan-probe.service
systemctl daemon-reload
check 'from inside the unit: no address, no foreign file, no privilege' systemctl start dermscan-probe.service
show journalctl --no-pager --quiet --output=cat --identifier=python3 --unit=dermscan-probe.service
# The same with sockets allowed: the empty network alone keeps everything away
sed -i 's/^RestrictAddressFamilies=.*/RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6/' /run/systemd/system/dermscan-probe.service
systemctl daemon-reload
check 'the same where sockets of the internet may be opened' systemctl start dermscan-probe.service
systemctl reset-failed dermscan-probe.service 2>/dev/null

old=$(pid_of "$unit")
now
sed -i 's/^\[camera\]/[scan]\nhold_still_s = 1.0\n\n[camera]/' /etc/dermscan/settings.toml
systemctl reload "$unit"
check 'reload: the settings are read anew' await 20 said 'read anew'
echo 'nonsense = 1' >>/etc/dermscan/settings.toml
systemctl reload "$unit"
check 'reload: unusable settings are refused and the old ones stay' await 20 said 'The old settings stay'
check 'reload: the process is the same' eval '[ "$(pid_of "$unit")" = "$old" ] && is_active "$unit"'
cp /proof/settings.toml /etc/dermscan/settings.toml

systemctl kill --signal=KILL "$unit"
check 'kill -9: another process is READY' await 40 another_process
old=$(pid_of "$unit")
now
check 'after kill -9 a scan is filed' await 240 said 'Scan filed'

printf '\n[camera.faults]\nstall_after_s = 6\n' >>/etc/dermscan/settings.toml
now
systemctl reload "$unit"
check 'silent camera: told' await 40 said 'opening it anew'
check 'silent camera: opened anew by itself' await 40 said 'sends frames again'
cp /proof/settings.toml /etc/dermscan/settings.toml
check 'stop within 5 s' stops_within 5000

for part in analysis camera; do
    now
    with 'WatchdogSec=6' 'ExecStart=' "ExecStart=/usr/lib/dermscan/bin/python3 -I /run/dermscan-proof/hanging.py $part"
    await 40 is_active "$unit"
    old=$(pid_of "$unit")
    check "the $part hangs: the watchdog ends it" await 60 said 'Watchdog timeout'
    plain
    check "the $part hangs: another process is READY" await 40 another_process
    dermscan-admin safe-mode clear >/dev/null
done
now
with 'WatchdogSec=6'
await 40 is_active "$unit"
old=$(pid_of "$unit")
kill -STOP "$old"
check 'the whole process stands still: the watchdog ends it' await 60 said 'Watchdog timeout'
plain
check 'another process is READY' await 90 another_process

dermscan-admin safe-mode clear >/dev/null
now
record=''
printf '%s\n' '[Service]' 'RestartSec=500ms' >"$drop_in" && systemctl daemon-reload
# Shorter pauses, and killed as soon as each start is written down. Where a start alone takes a quarter of a minute, it is
# the eighth within half an hour that ends the loop.
systemctl kill --signal=KILL "$unit"
for _ in 1 2 3 4 5 6 7 8; do
    await 40 counted_anew
    record=$(cat /var/lib/dermscan/starts)
    if in_safe_mode; then break; fi
    systemctl kill --signal=KILL "$unit"
done
await 60 is_active "$unit"
check 'a crash loop ends in safe mode' await 10 in_safe_mode
check 'safe mode: the service is up' is_active "$unit"
check 'safe mode: the history is not even open' eval '! ls -l /proc/"$(pid_of "$unit")"/fd | grep -q history.db'
check 'safe mode: the bus says fault' bus status '"state":"fault"'
check 'safe mode: the bus says why' bus health safe_mode
check 'safe mode: diagnostics work' dermscan selftest
show systemctl status --no-pager --lines=2 "$unit"
show dermscan safe-mode status
show dermscan safe-mode clear
now
check 'safe mode is left by the command: a scan is filed' await 240 said 'Scan filed'
old=$(pid_of "$unit")
check 'the journal holds no identifier of a scan' eval '! journalctl --quiet --unit="$unit" --output=cat | grep -E "[0-9a-f]{8}-[0-9a-f]{4}-"'
check 'stop within 5 s at the end' stops_within 5000
