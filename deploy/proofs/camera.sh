# Run as the only program of the small machine: a camera of the kernel's, and the service's own way to it.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/proof/packages PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
printf '# %s, kernel %s\n' "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" "$(uname -r)"
while read -r module; do /proof/busybox insmod "/proof/modules/$module" n_devs=1 node_types=0x1; done </proof/modules/order
python3 -u /proof/camera.py
printf '# the end\n'
echo o >/proc/sysrq-trigger
sleep 60
