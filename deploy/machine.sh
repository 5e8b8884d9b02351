# Sourced, after container.sh, by prove-camera and prove-tpm: a small machine of QEMU with a kernel of its own, for what a
# container does not have. `work` is the caller's folder, which vanishes. No KVM is needed; without it everything is slow.

need_machine() {
    need_packages qemu-system-x86 e2fsprogs cpio kmod
}

# unpacked PACKAGE: a Debian package's files, kept outside the checkout; nothing of it is installed.
unpacked() {
    local place
    place=$cache/$1
    if [ ! -e "$place" ]; then
        mkdir -p "$cache" "$work/deb-$1"
        (cd "$work/deb-$1" && apt-get download -qq "$1" && dpkg -x ./*.deb "$place.new") >&2
        mv "$place.new" "$place"
    fi
    printf '%s\n' "$place"
}

# take_kernel: Debian's generic kernel, in `kernel` and `version`; and `busybox`.
take_kernel() {
    kernel=$(unpacked "$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -1)")
    version=$(basename "$kernel"/lib/modules/*)
    [ -e "$kernel/lib/modules/$version/modules.dep" ] || depmod --basedir "$kernel" "$version"
    busybox=$(unpacked busybox-static)/bin/busybox
}

# files_of MODULE...: the kernel's modules and what they need, in the order in which they go in.
files_of() {
    local name
    for name in "$@"; do modprobe --dirname "$kernel" --set-version "$version" --ignore-install --show-depends "$name"; done |
        sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'
}

# modules FOLDER NAME...: copies of them in a folder, and the order.
modules() {
    local folder=$1 file
    shift
    mkdir -p "$folder"
    files_of "$@" | while read -r file; do
        cp "$file" "$folder" && basename "$file" >>"$folder/order"
    done
}

# first_disk FILE: what the kernel begins with: it finds the disk and hands over (proofs/init).
first_disk() {
    modules "$work/first/modules" virtio_pci virtio_blk crc32c_generic ext4
    mkdir -p "$work"/first/{bin,dev,proc,root}
    cp "$busybox" "$work/first/bin"
    cp "$checkout/deploy/proofs/init" "$work/first/init"
    chmod +x "$work/first/init"
    (cd "$work/first" && find . | cpio --quiet -o -H newc) >"$1"
}

# machine SECONDS DISK WORDS OPTION...: runs it until it goes off; WORDS are the kernel's. Its console is standard output.
machine() {
    local seconds=$1 disk=$2 words=$3
    shift 3
    timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -nographic -no-reboot -nic none \
        -kernel "$kernel/boot/vmlinuz-$version" -initrd "$work/first.cpio" \
        -append "console=ttyS0 quiet panic=-1 no_timer_check rdinit=/init $words" \
        -drive "file=$disk,format=raw,if=virtio,cache=unsafe" "$@" </dev/null
}
