#!/usr/bin/env bash
# Runs in new namespaces: makes a copy of the machine's files whose changes stay in memory, and becomes its systemd.
set -euo pipefail

work=$1
root=$work/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$work/memory"
mkdir "$work/memory/upper" "$work/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/memory/upper,workdir=$work/memory/work" "$root"

mount -t proc proc "$root/proc"
# Kernel settings are shared with the machine.
mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
if [ -d /sys/fs/cgroup/systemd ]; then
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
else
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
for folder in run tmp dev; do mount -t tmpfs tmpfs "$root/$folder"; done
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue" "$root/dev/hugepages"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/immudb-test" "$root/mnt"
mount --bind "$work/share" "$root/immudb-test"

# Files of an installed immudb, and units that would change the kernel.
rm -rf "$root"/etc/immudb "$root"/var/{lib,log}/immudb "$root"/usr/sbin/immudb "$root"/etc/fstab
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/immudb.service
units=$root/etc/systemd/system
for unit in systemd-{sysctl,udevd,udev-trigger,modules-load,binfmt,random-seed,remount-fs,timesyncd}.service \
    dev-{hugepages,mqueue}.mount sys-kernel-{debug,tracing,config}.mount sys-fs-fuse-connections.mount \
    proc-sys-fs-binfmt_misc.{automount,mount} systemd-udevd-{control,kernel}.socket; do
    ln -sf /dev/null "$units/$unit"
done
cat >"$units/scenario.service" <<'U'
[Service]
ExecStart=/bin/bash -c "bash /immudb-test/scenario.sh; echo $? >/immudb-test/result"
StandardOutput=append:/immudb-test/output
StandardError=append:/immudb-test/output
U
sed -i 's/\$?/$$?/' "$units/scenario.service"
cat >"$units/scenario.target" <<'U'
[Unit]
Requires=basic.target
After=basic.target
Wants=scenario.service
U

ip link set lo up 2>/dev/null || true
cd "$root"
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
export container=other
exec /lib/systemd/systemd --system --unit=scenario.target --log-target=journal --show-status=0
