# Sourced by prove-systemd and prove-package: a Debian root with real systemd, booted in a container without a network.
# Root is needed. The base root is made once and kept outside the checkout; each run works on a copy that vanishes.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dermscan
suite=bookworm
# What the package asks for and Debian has, so that it installs without a network
base_packages=systemd,systemd-sysv,dbus,libpam-systemd,udev,python3,python3-systemd,mosquitto,openssl,iproute2,procps,ca-certificates,kmod,libtss2-esys-3.0.2-0,libtss2-mu0,libtss2-rc0

need_root() {
    [ "$(id -u)" -eq 0 ] || fail 'booting systemd in a container needs root'
    need_packages mmdebstrap systemd-container
}

# base_root ARCH: makes the base root where it is missing or older than its list of packages, and prints its place.
base_root() {
    local place made_of
    made_of=$(printf '%s %s %s' "$1" "$suite" "$base_packages" | sha256sum | cut -c1-12)
    place=$cache/root-$1-$made_of
    if [ ! -e "$place" ]; then
        printf 'Making the base root (once; about a minute)\n' >&2
        rm -rf "$place.new"
        mkdir -p "$cache"
        # The machine's own mirror where it has one
        local sources=()
        if [ -e /etc/apt/sources.list.d/debian.sources ]; then sources=(/etc/apt/sources.list.d/debian.sources); fi
        mmdebstrap --quiet --variant=minbase --mode=root --architectures="$1" \
            --aptopt='APT::Install-Recommends "false"' --include="$base_packages" "$suite" "$place.new" \
            "${sources[@]}" >&2 || return 1
        mv "$place.new" "$place"
    fi
    printf '%s\n' "$place"
}

# boot BASE WORK SECONDS: boots an overlay over BASE whose changes lie in WORK/changes. What WORK/given holds is seen in
# it as /proof, and /proof/run is run as root once it is up; then the machine goes off. /proof/out is its output.
boot() {
    local base=$1 work=$2 seconds=$3
    mkdir -p "$work/changes" "$work/inner" "$work/root" "$work/given"
    # Plain nspawn enforces IPAddressDeny= only with these flags and a cgroup tree of its own
    unshare --mount bash -euc '
        mount --make-rprivate /
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changes,workdir=$2/inner,volatile" "$2/root"
        # Nothing of it is kept, so that nothing need wait for the disk
        echo force-unsafe-io >"$2/root/etc/dpkg/dpkg.cfg.d/proof"
        mkdir -p "$2/root/proof" "$2/root/etc/systemd/system/multi-user.target.wants"
        printf "%s\n" "[Unit]" "After=multi-user.target" "[Service]" "Type=oneshot" "ExecStart=/bin/bash /proof/run" \
            "ExecStopPost=/bin/systemctl --no-block poweroff" "StandardOutput=file:/proof/out" "StandardError=inherit" \
            "TimeoutStartSec=infinity" "[Install]" "WantedBy=multi-user.target" >"$2/root/etc/systemd/system/proof.service"
        ln -sf ../proof.service "$2/root/etc/systemd/system/multi-user.target.wants/proof.service"
        mount -t tmpfs tmpfs /run
        if grep -q " /sys/fs/cgroup cgroup2 " /proc/mounts; then umount --lazy /sys/fs/cgroup; fi
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout --kill-after=10 "$3" systemd-nspawn --quiet --register=no --keep-unit \
            --private-network --machine=exam-room --directory="$2/root" --bind="$2/given:/proof" --capability=all \
            --system-call-filter="bpf perf_event_open" --boot --console=pipe >"$2/console" 2>&1
    ' boot "$base" "$work" "$seconds"
}

# as_json RESULTS: the checks as a JSON list.
as_json() {
    awk -F '\t' 'BEGIN { print "[" } NR > 1 { print "," }
        { gsub(/"/, "\\\""); sub(/ s$/, "", $3); printf "  {\"check\": \"%s\", \"passed\": %s, \"seconds\": %s}", $2, ($1 == "passed" ? "true" : "false"), $3 }
        END { print "\n]" }' "$1"
}
