# Run inside the small machine, at each of its three starts: the first, another, and one with another TPM.
. /proof/checks.sh
export LC_ALL=C.UTF-8 COLUMNS=120
unit=dermscan.service
sealed=/etc/credstore.encrypted/dermscan-master-key
phase=$(sed -n 's/.*phase=\([a-z]*\).*/\1/p' /proc/cmdline)
sealed_by_tpm() { dermscan keys status --json | grep -Eq '"strength": *"tpm2(_and_host)?"'; }
restarts() { systemctl show --property=NRestarts --value "$unit"; }
has_failed() { [ "$(systemctl is-active "$unit")" = failed ]; }
# told CODE: whether `dermscan status` lists it.
told() { dermscan status --json | grep -q "\"$1\""; }
printf '# the start called %s: %s, kernel %s\n' "$phase" "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" "$(uname -r)"

first() {
    show systemd-creds has-tpm2
    check 'the first start has sealed the master key with the TPM' sealed_by_tpm
    show dermscan keys status
    check 'READY with it' await 1200 is_active "$unit"
    check 'a scan is filed' await 1200 said 'Scan filed'
    check 'a command of the technician opens the history by it' eval '[ "$(scans)" -ge 1 ]'
    check 'the service itself cannot open the TPM' eval \
        '! setpriv --reuid=dermscan --regid=dermscan --init-groups sh -c "exec 3<>/dev/tpmrm0"'
    systemctl stop "$unit"
    dermscan-admin keys init --recovery --yes >/root/words
    dermscan-admin backup create /var/backups/dermscan >/dev/null 2>&1
    check 'recovery words and a backup are made' eval \
        '[ "$(grep -oE "[0-9]+ [a-z]+" /root/words | wc -l)" -ge 24 ] && ls /var/backups/dermscan/*.backup'
}

again() {
    check 'started anew with the same TPM: READY' await 1200 is_active "$unit"
    check 'it is the same key' sealed_by_tpm
    check 'the nightly backup opens the history by it' systemctl start dermscan-maintenance.service
    show dermscan-admin keys status
    late_camera
    too_much_memory
}

late_camera() {
    printf '[device]\nlabel = "room-1"\n[camera]\nbackend = "v4l2"\ndevice = "/dev/video0"\nwidth = 640\nheight = 480\n' \
        >/etc/dermscan/settings.toml
    systemctl restart "$unit"
    check 'no camera and no driver of one: it runs and says so' eval 'await 1200 is_active "$unit" && await 300 told camera_lost'
    modprobe vivid n_devs=1 node_types=0x1
    check 'the camera is plugged in: it is found by itself' await 600 eval '! told camera_lost'
    cp /proof/settings.toml /etc/dermscan/settings.toml
}

# The unit as it is, around a program that takes twice what it may
too_much_memory() {
    mkdir -p "/run/systemd/system/$unit.d"
    printf '%s\n' '[Service]' 'Restart=no' 'ExecStart=' \
        "ExecStart=/usr/lib/dermscan/bin/python3 -I -c \"taken = [b'x' * 50000000 for _ in range(60)]; import time; time.sleep(900)\"" \
        >"/run/systemd/system/$unit.d/greedy.conf"
    systemctl daemon-reload
    now
    systemctl restart --no-block "$unit"
    check 'beyond its memory limit: it is killed' await 300 said "Failed with result 'oom-kill'"
    check 'and nothing else is' systemctl is-active mosquitto.service dbus.service systemd-journald.service
    rm "/run/systemd/system/$unit.d/greedy.conf"
    systemctl daemon-reload
    systemctl reset-failed "$unit"
    systemctl start --no-block "$unit"
    check 'with its own program again: READY' await 1200 is_active "$unit"
}

cleared() {
    check 'another TPM: ten starts at most, and it stays down' eval 'await 900 has_failed && sleep 60 && has_failed && [ "$(restarts)" -le 10 ]'
    check 'it says 243, CREDENTIALS' eval '[ "$(systemctl show --property=ExecMainStatus --value "$unit")" = 243 ]'
    show systemctl status --no-pager --lines=3 "$unit"
    show dermscan-admin history list
    check 'the command says why' eval 'dermscan-admin history list 2>&1 | grep -q "its TPM was cleared, or board or disk are others"'
    recovered
    check 'restored by the recovery words: READY' await 1200 is_active "$unit"
    check 'the key is sealed with the new TPM' sealed_by_tpm
    check 'the scans are there' eval '[ "$(scans)" -ge 1 ]'
}

# What docs/operations.md tells the technician to do
recovered() {
    local words
    words=$(grep -oE '[0-9]+ [a-z]+' /root/words | sort -n | sed 's/^[0-9]* //' | paste -sd' ')
    systemctl stop dermscan.target
    mv /var/lib/dermscan /var/lib/dermscan.closed
    rm "$sealed"
    systemctl reset-failed dermscan-first-start.service "$unit" 2>/dev/null
    systemctl start dermscan-first-start.service
    printf '%s\n' "$words" | dermscan-admin backup restore "$(ls /var/backups/dermscan/*.backup | head -1)" --recovery >/dev/null 2>&1
    systemctl start dermscan.target "$unit"
}

"$phase"
printf '# the end of %s\n' "$phase"
