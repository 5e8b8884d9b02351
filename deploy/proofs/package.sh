# Run inside the container: the package from its installation on a clean root to its purge.
. /proof/checks.sh
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
mkdir -p /etc/dermscan
cp /proof/settings.toml /etc/dermscan/settings.toml

install() { apt-get install --quiet --yes --no-install-recommends "$@"; }
version() { dpkg-query --show --showformat='${Version}' dermscan; }
is_version() { [ "$(version)" = "$1" ]; }
settled() { [ ! -e /var/lib/dermscan-updates/pending ] && ! is_activating dermscan-update-check.service; }
is_activating() { [ "$(systemctl show --property=ActiveState --value "$1")" = activating ]; }
at_least() { [ "$(scans)" -ge "$1" ]; }
same_settings() { cmp /proof/settings.toml /etc/dermscan/settings.toml; }

show apt-get install --yes /proof/dermscan_0.1.0.deb
check 'installed on a clean root: the service is READY' await 60 is_active dermscan.service
check 'the first scan is filed' await 240 said 'Scan filed'
check 'the master key is a sealed credential' test -s /etc/credstore.encrypted/dermscan-master-key
check 'the broker has its identities' test -s /etc/mosquitto/dermscan/secrets/console
check 'the bus is heard through the broker of the package' bus availability online
check 'the target and both timers are up' systemctl is-active dermscan.target dermscan-maintenance.timer dermscan-selftest.timer
show systemctl status --no-pager --full dermscan.service
show systemctl list-timers --no-pager --all 'dermscan*'
show dermscan --version
show dermscan-admin history list
show dermscan-admin keys status
show dermscan selftest
check 'the nightly self-test passes in its unit' systemctl start dermscan-selftest.service
check 'the nightly backup is made in its unit' systemctl start dermscan-maintenance.service
show ls -l /var/backups/dermscan
check 'the manual, the completions and the page are there' test -s /usr/share/man/man1/dermscan.1.gz \
    -a -s /usr/share/bash-completion/completions/dermscan -a -s /usr/share/dermscan/display/index.html

before=$(scans)
show apt-get install --yes /proof/dermscan_0.1.1.deb
check 'upgraded to 0.1.1' is_version 0.1.1
check 'the version before it is kept' test -s /var/lib/dermscan-updates/last.deb
check 'the new version has proven itself' await 130 settled
check 'it is READY' await 30 is_active dermscan.service
check 'the upgrade has kept the scans' at_least "$before"
check 'the upgrade has kept the settings' same_settings
show journalctl --no-pager --quiet --output=cat --unit=dermscan-update-check.service

for broken in 0.1.3 0.1.2; do
    before=$(scans)
    install "/proof/dermscan_$broken.deb" >/dev/null 2>&1
    check "the broken version $broken is put back to 0.1.1 by itself" await 300 eval 'is_version 0.1.1 && settled'
    check 'the version that is back is READY' await 60 is_active dermscan.service
    check 'it has kept the scans' at_least "$before"
    show journalctl --no-pager --quiet --output=cat --unit=dermscan-update-check.service --lines=12
done

# What a power failure leaves, and what the next start of the machine does
cut_off() {
    dpkg --install "/proof/dermscan_$1.deb" >/dev/null 2>&1 &
    await 120 eval '[ -e /var/lib/dermscan-updates/pending ] && [ -n "$(find /usr/lib/dermscan -name "*.dpkg-new" | head -1)" ]'
    pkill -KILL dpkg
    wait
}
start_anew() {
    systemctl reset-failed dermscan.service 2>/dev/null
    systemctl restart dermscan.service
    systemctl start dermscan-update-check.service
}
status() { dpkg-query --show --showformat='${db:Status-Status}' dermscan; }
before=$(scans)
cut_off 0.1.4
show status
check 'cut off while its files were laid down: the last version is put back' eval 'start_anew; is_version 0.1.1 && [ "$(status)" = installed ]'
check 'it is READY' await 60 is_active dermscan.service
check 'it has kept the scans' at_least "$before"
show journalctl --no-pager --quiet --output=cat --unit=dermscan-update-check.service --lines=12
dpkg --unpack /proof/dermscan_0.1.4.deb >/dev/null 2>&1
show status
check 'cut off before it was configured: it is carried to its end, and proves itself' eval 'start_anew; is_version 0.1.4 && [ "$(status)" = installed ]'
check 'it is READY' await 60 is_active dermscan.service
check 'nothing is left to be judged' settled

systemctl enable --now dermscan-page.service >/dev/null 2>&1
printf 'tidal-48213\n' | dermscan console user add a.wren >/dev/null
old=$(pid_of dermscan-page.service)
install --reinstall /proof/dermscan_0.1.4.deb >/dev/null 2>&1
check 'what was enabled beside it runs anew with the new files' eval 'is_active dermscan-page.service && [ "$(pid_of dermscan-page.service)" != "$old" ]'
check 'what was not enabled is still off' eval '! systemctl is-enabled dermscan-console.service dermscan-display.service'
await 200 settled

before=$(scans)
key=$(sha256sum </etc/credstore.encrypted/dermscan-master-key)
show apt-get remove --yes dermscan
check 'removed: nothing of it runs' eval '! systemctl list-units --no-legend --state=active "dermscan*" | grep .'
check 'removed: the broker of the system runs' await 20 is_active mosquitto.service
check 'removed: the history and its key are kept' test -s /var/lib/dermscan/history.db -a -s /etc/credstore.encrypted/dermscan-master-key -a -s /var/lib/dermscan-console/people.json
install /proof/dermscan_0.1.1.deb >/dev/null 2>&1
check 'installed again: READY' await 60 is_active dermscan.service
check 'the key is the same' eval '[ "$key" = "$(sha256sum </etc/credstore.encrypted/dermscan-master-key)" ]'
check 'the old scans are there' at_least "$before"
show apt-get purge --yes dermscan
check 'purged: no history, no key, no backup, no settings' eval \
    '! ls -d /var/lib/dermscan /var/lib/dermscan-console /etc/credstore.encrypted/dermscan-master-key /var/backups/dermscan /etc/dermscan /etc/mosquitto/dermscan 2>/dev/null'
check 'purged: no unit of it is left' eval '! systemctl list-unit-files --no-legend "dermscan*" | grep .'
check 'the broker of the system runs' await 20 is_active mosquitto.service
