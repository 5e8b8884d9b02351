# Run inside the container, before the other parts: installs the package, and says how its unit is handled.
. /proof/checks.sh
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
unit=dermscan.service
drop_in=/run/systemd/system/dermscan.service.d/proof.conf
mkdir -p /etc/dermscan "${drop_in%/*}" /home/nurse /root
cp /proof/settings.toml /etc/dermscan/settings.toml
echo private | tee /home/nurse/notes /root/notes /tmp/left-by-another >/dev/null
chmod 0644 /home/nurse/notes /root/notes /tmp/left-by-another

# with LINE...: the unit with some lines more, started anew.
with() {
    printf '%s\n' '[Service]' "$@" >"$drop_in"
    systemctl daemon-reload
    systemctl reset-failed "$unit" 2>/dev/null
    systemctl restart --no-block "$unit"
}
plain() { rm -f "$drop_in" && systemctl daemon-reload && systemctl reset-failed "$unit"; }
another_process() { local now; now=$(pid_of "$unit"); [ "$now" != 0 ] && [ "$now" != "$old" ] && is_active "$unit"; }
stops_within() { local before; before=$(date +%s%N); systemctl stop "$unit" && [ $((($(date +%s%N) - before) / 1000000)) -lt "$1" ]; }
counted_anew() { [ -s /var/lib/dermscan/starts ] && [ "$(cat /var/lib/dermscan/starts)" != "$record" ]; }
in_safe_mode() { dermscan safe-mode status | grep -q 'Safe mode is on'; }
status_line() { systemctl show --property=StatusText --value "$unit" | grep -Eq "$1"; }

mkdir -p /run/dermscan-proof && cp /proof/*.py /proof/*.so /run/dermscan-proof/ && chmod -R a+rX /run/dermscan-proof
show apt-get install --quiet --yes --no-install-recommends /proof/dermscan.deb | tail -3
check 'start to READY' await 60 is_active "$unit"
