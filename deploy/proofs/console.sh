# Run inside the container, after installed.sh: the clinician's console beside the scanner, on its history.
console=dermscan-console.service
visit() { /usr/lib/dermscan/bin/python3 /proof/visits.py "$@"; }
no_more_than() { systemd-analyze security --threshold="$1" "$2"; }
secret=/etc/mosquitto/dermscan/secrets/console

systemctl reset-failed "$unit" 2>/dev/null
check 'exposure of the scanner: 0.8 at most' no_more_than 8 "$unit"
install -D /usr/share/doc/dermscan/examples/tcp-broker.conf /run/systemd/system/dermscan.service.d/tcp-broker.conf
systemctl daemon-reload
check 'exposure of the scanner with a broker over TCP: 1.2 at most' no_more_than 12 "$unit"
show systemd-analyze security "$unit" | tail -1
rm /run/systemd/system/dermscan.service.d/tcp-broker.conf

# What docs/console.md tells the technician to do
install -D /usr/share/doc/dermscan/examples/console-sharing.conf /etc/systemd/system/dermscan.service.d/console-sharing.conf
chmod -R u=rwX,g=rwX,o= /var/lib/dermscan
systemd-creds encrypt --name=dermscan-bus-password "$secret" /etc/credstore.encrypted/dermscan-bus-password
systemctl daemon-reload
now
systemctl restart "$unit"
await 240 said 'Scan filed'
show systemctl start "$console"
check 'exposure of the console: 1.5 at most' no_more_than 15 "$console"
show systemd-analyze security "$console" | tail -1
check 'the console is up' await 60 visit answers
check 'without a person it signs nobody in and shows nothing' visit nobody
printf 'tidal-48213\n' | dermscan console user add a.wren --role clinician
check 'a clinician signs in and sees a scan with its picture' await 30 visit clinician
check 'a wrong passphrase is refused' visit wrong
systemctl start dermscan-maintenance.service
dermscan-admin history list >/dev/null
check 'the nightly backup and dermscan-admin leave the history open to it' visit clinician
check 'the scanner is READY beside it' await 60 is_active "$unit"
systemctl stop "$unit"
check 'without the scanner it shows the history' visit clinician
systemctl start "$unit"
old=$(pid_of "$console")
systemctl kill --signal=KILL "$console"
check 'kill -9: it is back by itself' await 30 eval '[ "$(pid_of "$console")" != 0 ] && [ "$(pid_of "$console")" != "$old" ] && visit answers'
dermscan console user remove a.wren
check 'who was removed signs in no longer' visit wrong

sed -e 's|^ExecStart=.*|ExecStart=/usr/lib/dermscan/bin/python3 -I /run/dermscan-proof/sandbox.py console|' -e 's/^Type=exec/Type=oneshot/' \
    -e '/^Restart/d' /lib/systemd/system/dermscan-console.service >/run/systemd/system/dermscan-console-probe.service
systemctl daemon-reload
check 'from inside the console: no address but this machine, no foreign file, no privilege' systemctl start dermscan-console-probe.service
show journalctl --no-pager --quiet --output=cat --identifier=python3 --unit=dermscan-console-probe.service
check 'its journal names nobody and no scan' eval '! journalctl --quiet --unit="$console" --output=cat | grep -E "a\.wren|[0-9a-f]{8}-[0-9a-f]{4}-"'
check 'the console stops within 5 s' eval 'before=$(date +%s); systemctl stop "$console" && [ $(($(date +%s) - before)) -le 5 ]'
