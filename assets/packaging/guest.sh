#!/usr/bin/env bash
# Installs, runs, upgrades, reboots, removes and purges the Debian package in a guest with a systemd of its own:
#
#     guest.sh OLD.deb NEW.deb
#
# Run as root, with debootstrap and systemd-container installed. The guest is built once, in target/guest; it has no network
# but its own loopback, where a simulated Halo posts the callbacks. That one runs beside the guest, so that a reboot of the
# guest does not stop it.
set -euo pipefail
old=$(realpath "$1") new=$(realpath "$2")
cd "$(dirname "$0")/../.."
root=$PWD/target/guest

if [ ! -e "$root/etc/debian_version" ]; then
    mkdir -p "$root"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,sudo,ca-certificates,curl,jq bookworm "$root"
fi
install -m 644 "$old" "$root/root/old.deb"
install -m 644 "$new" "$root/root/new.deb"
rm -rf "$root.halo"
dpkg-deb -x "$new" "$root.halo"

machine='' halo='' leader=''
trap 'kill -TERM $machine $halo 2>/dev/null || true' EXIT
in_guest() { nsenter -t "$leader" -m -u -i -n -p -- "$@"; }
# Boots the guest, with the given network.
boot() {
    systemd-nspawn --quiet -D "$root" --register=no --keep-unit "$1" --boot </dev/null >>"$root.log" 2>&1 &
    machine=$! leader=''
    until [ -n "$leader" ]; do
        kill -0 "$machine"
        leader=$(pgrep -P "$machine" || true)
    done
    until in_guest systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded'; do kill -0 "$machine"; done
}
: >"$root.log"
boot --private-network

# It holds the network of the guest, also while that is down.
nsenter -t "$leader" -n -- "$root.halo/usr/bin/pia-halo" demo --serve --listen 127.0.0.1:9000 --rate-limit 0 >"$root/root/halo.json" &
halo=$!

cat >"$root/root/steps" <<'STEPS'
step() { printf '\n== %s\n' "$*"; }
own() { (cd / && sudo -u pia-halo -H pia-halo "$@"); }
# Tries a command for half a minute.
wait_for() {
    local end=$((SECONDS + 30))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "in vain: $*" >&2; return 1; }
        sleep 0.2
    done
}
ticket() { curl -fsS -X POST -H 'content-type: application/json' -d '{}' http://127.0.0.1:9000/control/tickets | jq -r .id; }
has_event() { own events --limit 1000 --json | jq -es --argjson ticket "$1" 'any(.[]; .ticket_id == $ticket)' >/dev/null; }
shows() { curl -fsS http://127.0.0.1:8477/healthz | grep -qx ok; }
# Each ticket of a list is stored, and each once.
are_stored() {
    while read -r id; do wait_for has_event "$id"; done <"$1"
    own events --limit 1000 --json | jq -es 'map(select(.group == "ticket-created").ticket_id) | length == (unique | length)' >/dev/null
    echo "$(wc -l <"$1") tickets made meanwhile are stored, each once"
}
# Who the last line of the audit trail names.
last_actor() { own audit --json | jq -r '.entries[-1].who | .user + (if .acting_as then " as " + .acting_as else "" end)'; }
STEPS

# What a stranger would do, by the README; it stops at the first step that fails.
in_guest bash -euo pipefail <<'GUEST'
. /root/steps
echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
dpkg --purge pia-halo >/dev/null 2>&1 || true

step install
dpkg -i /root/old.deb
test "$(stat -c %U:%a /var/lib/pia-halo)" = pia-halo:700
! systemctl is-active --quiet pia-halo.service pia-halo.socket
systemd-analyze verify pia-halo.service pia-halo.socket pia-halo-sync.timer pia-halo-doctor.timer
pia-halo --version

step first run
wait_for test -s /root/halo.json
jq -r .client_secret /root/halo.json | install -m 600 -o pia-halo /dev/stdin /run/secret
cat >/run/answers.toml <<TOML
name = "Guest"
id = "guest"
[api]
url = "http://127.0.0.1:9000"
client_id = "$(jq -r .client_id /root/halo.json)"
[company_sync]
daily_sync_time = "04:30"
[pia_screen]
pia_board = "Pia"
escalation_board = "Pia"
[integration]
pia_url = "http://127.0.0.1:8477"
TOML
own setup --answers /run/answers.toml --client-secret-file /run/secret --test --activate >/dev/null
own sync --quiet >/dev/null
own configure --yes >/dev/null

step service
pia-halo service install --yes >/dev/null
test ! -e /etc/systemd/system/pia-halo.service
wait_for shows
first=$(ticket)
wait_for has_event "$first"

step upgrade under traffic
(for _ in $(seq 100); do ticket; sleep 0.05; done) >/run/made &
traffic=$!
before=$(systemctl show -P MainPID pia-halo.service)
dpkg -i /root/new.deb
wait "$traffic"
test "$(systemctl show -P MainPID pia-halo.service)" != "$before"
are_stored /run/made
own doctor --quiet

step a kill
systemctl kill -s KILL pia-halo.service
second=$(ticket)
wait_for has_event "$second"

step the audit trail names the person, whichever way
id dana >/dev/null 2>&1 || useradd --create-home dana
echo 'dana ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dana
install -m 755 /dev/stdin /usr/local/bin/as-the-ceo <<'SH'
#!/bin/sh
cd / && USER=the-ceo LOGNAME=the-ceo exec pia-halo sync --quiet >/dev/null
SH
# Each from systemd: whoever runs this file has logged in on another machine.
systemd-run --quiet --wait -p User=dana sh -c 'sudo -u pia-halo -H as-the-ceo; exit'
test "$(last_actor)" = 'dana as pia-halo'
systemd-run --quiet --wait su pia-halo -s /bin/sh -c as-the-ceo
test "$(last_actor)" = pia-halo
systemd-run --quiet --wait -p User=pia-halo as-the-ceo
test "$(last_actor)" = pia-halo
GUEST

printf '\n== a reboot under traffic\n'
: >"$root/root/rebooted"
(
    for _ in $(seq 150); do
        nsenter -t "$halo" -n -- chroot "$root" bash -euo pipefail -c '. /root/steps && ticket'
        sleep 0.1
    done
) >"$root/root/rebooted" &
traffic=$!
until [ -s "$root/root/rebooted" ]; do kill -0 "$traffic"; done
in_guest systemctl reboot || true
# Without a unit of its own the guest ends here, and is booted once more into the same network.
wait "$machine" || true
boot "--network-namespace-path=/proc/$halo/ns/net"
wait "$traffic"

in_guest bash -euo pipefail <<'GUEST'
. /root/steps
wait_for shows
are_stored /root/rebooted
own status

step take it out of Halo, and remove
own remove --yes >/dev/null
dpkg --remove pia-halo
! command -v pia-halo >/dev/null
! systemctl is-active --quiet pia-halo.service pia-halo.socket
test -e /var/lib/pia-halo/.config/pia-halo/config.toml

step install again, and purge
dpkg -i /root/new.deb
own status
dpkg --purge pia-halo
test ! -e /var/lib/pia-halo
# Root's own log stays: `pia-halo service install` ran as root.
test -z "$(find / -xdev -name '*pia-halo*' -not -path '/proc/*' -not -path '/run/*' -not -path '/root/*' -print)"

printf '\nall of it holds\n'
GUEST
