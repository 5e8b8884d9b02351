# Run inside the container, after installed.sh: what is missing, full, foreign or wrong. Each time the service runs and says
# what it lacks, or stops with one sentence and its exit code; it is never started again and again.
settings=/etc/dermscan/settings.toml
state=/var/lib/dermscan
restarts() { systemctl show --property=NRestarts --value "$unit"; }
begin() {
    systemctl reset-failed "$unit" 2>/dev/null
    dermscan-admin safe-mode clear >/dev/null 2>&1
    now
    systemctl restart "$unit" 2>/dev/null
}
# stopped CODE SENTENCE: it stopped by itself, once, with that exit code and sentence.
stopped() {
    await 60 eval '[ "$(systemctl is-active "$unit")" = failed ]' && sleep 7 && [ "$(restarts)" = 0 ] &&
        [ "$(systemctl show --property=ExecMainStatus --value "$unit")" = "$1" ] && said "$2"
}
# degraded CODE EXIT: it is READY, tells the code on the bus and in its status, and was not started again.
degraded() {
    await 120 is_active "$unit" && await 120 bus health "\"$1\"" && await 60 told "$1" "$2" && [ "$(restarts)" = 0 ]
}
told() { local json; json=$(dermscan status --json); [ $? = "$2" ] && grep -q "\"$1\"" <<<"$json"; }
told_at_all() { dermscan status --json | grep -q "\"$1\""; }
last_words() { show journalctl --no-pager --quiet --output=cat --identifier=dermscan --unit="$unit" --since="$since" --lines=2; }

rm -f "$drop_in" && systemctl daemon-reload
begin
check 'READY before the troubles' await 120 is_active "$unit"
await 240 said 'Scan filed'
filed=$(scans)

printf '[camera]\nbackend = "v4l2"\ndevice = "/dev/video9"\n' >"$settings"
begin
check 'no camera: it runs and says so' degraded camera_lost 61
last_words
printf '[camera]\nbackend = "picamera2"\n' >"$settings"
begin
check 'a camera without its library: one sentence, code 21' stopped 21 'needs a library that is not installed'
last_words
{ cat /proof/settings.toml; printf '[camera_of_the_future]\nbackend = "eye"\n'; } >"$settings"
begin
check 'settings of a newer version: one sentence, code 10' stopped 10 'camera_of_the_future'
last_words
cp /proof/settings.toml "$settings"

systemctl mask --runtime --now mosquitto.service >/dev/null 2>&1
begin
check 'no broker: it runs and scans' eval 'await 120 is_active "$unit" && await 240 said "Scan filed" && [ "$(restarts)" = 0 ]'
check 'no broker: the status line says so' await 20 status_line 'broker away'
show dermscan status
systemctl unmask --runtime mosquitto.service >/dev/null 2>&1
systemctl start mosquitto.service
check 'the broker is back: it is found by itself' await 60 status_line 'broker connected'

mount --bind "$state" "$state" && mount -o remount,bind,ro "$state"
begin
check 'read-only history: one sentence, and the starts end' eval \
    'await 400 eval "[ \"\$(systemctl is-active $unit)\" = failed ]" && [ "$(restarts)" -le 10 ] && said "cannot be"'
last_words
umount "$state"

# As an image whose root is never written to: the unit sees nothing that can be written but its state and /run
with 'PrivateTmp=no' 'ReadOnlyPaths=/' "ReadWritePaths=$state /run"
now
check 'read-only root: it runs and scans' eval 'await 120 is_active "$unit" && await 240 said "Scan filed"'
plain

cp -a "$state" /root/history
mount -t tmpfs -o size=200M,mode=0700 tmpfs "$state" && cp -a /root/history/. "$state" && chown dermscan: "$state"
begin
await 120 is_active "$unit"
fill() { cat /dev/zero >"$state/filling" 2>/dev/null; [ -s "$state/filling" ]; }
check 'the disk fills up: it runs and says so' eval 'fill; degraded storage_full 61'
last_words
begin
check 'a start on a full disk: it runs and says so' degraded storage_full 61
now
rm "$state/filling"
check 'there is room again: a scan is filed' await 240 said 'Scan filed'
systemctl stop "$unit" && umount "$state"

# Somebody vouches for the clock, which nothing keeps here: so it is the date alone that is told below
printf '\n[health]\ntrust_clock = true\n' >>"$settings"
begin
await 120 is_active "$unit"
check 'a clock that somebody vouches for is not told' eval 'sleep 20; dermscan status --json | grep -q "\"running\": true" && ! told_at_all clock_unset'
now
with 'Environment=LD_PRELOAD=/run/dermscan-proof/clock.so'
check 'the clock is at 1970: it runs and says so' degraded clock_unset 60
check 'the clock is at 1970: a scan is filed, and carries that date' eval \
    'await 240 said "Scan filed" && dermscan-admin history list --limit 1000 --json | grep -q "\"taken_at\": \"1970-"'
cp /proof/settings.toml "$settings"
plain

mv /usr/lib/dermscan/lib/python3.11/site-packages/pydantic /root/
begin
check 'half an installation: one sentence, code 13' stopped 13 'missing or damaged (pydantic)'
last_words
mv /root/pydantic /usr/lib/dermscan/lib/python3.11/site-packages/

# As after the TPM was cleared or the board changed: the credential is there, and nothing unseals it
mv /var/lib/systemd/credential.secret /root/ && systemd-creds setup 2>/dev/null
begin
check 'a credential that nothing unseals: ten starts at most, and it stays down' eval \
    'await 400 eval "[ \"\$(systemctl is-active $unit)\" = failed ]" && sleep 7 && [ "$(restarts)" -le 10 ]'
show systemctl status --no-pager --lines=3 "$unit"
show dermscan-admin keys status
mv /root/credential.secret /var/lib/systemd/credential.secret
begin
check 'after all of it: READY, and a scan is filed' eval 'await 120 is_active "$unit" && await 240 said "Scan filed"'
check 'none of it has cost a scan, and the audit log is whole' eval '[ "$(scans)" -ge "$filed" ] && dermscan-admin history audit --verify'
