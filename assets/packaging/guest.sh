#!/usr/bin/env bash
# Installs, runs, upgrades, removes and purges the Debian package in a guest with a systemd of its own:
#
#     guest.sh OLD.deb NEW.deb
#
# Run as root, with debootstrap and systemd-container installed. The guest is built once, in target/guest; it has no network
# but its own loopback, where a simulated Halo posts the callbacks.
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

systemd-nspawn --quiet -D "$root" --register=no --keep-unit --private-network --boot </dev/null >"$root.log" 2>&1 &
machine=$!
trap 'kill -TERM "$machine" 2>/dev/null || true' EXIT
leader=
until [ -n "$leader" ]; do
    kill -0 "$machine"
    leader=$(pgrep -P "$machine" || true)
done
in_guest() { nsenter -t "$leader" -m -u -i -n -p -- "$@"; }
until in_guest systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded'; do kill -0 "$machine"; done

# What a stranger would do, by the README; it stops at the first step that fails.
in_guest bash -euo pipefail <<'GUEST'
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

echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
dpkg --purge pia-halo >/dev/null 2>&1 || true

step install
dpkg -i /root/old.deb
test "$(stat -c %U:%a /var/lib/pia-halo)" = pia-halo:700
! systemctl is-active --quiet pia-halo.service pia-halo.socket
systemd-analyze verify pia-halo.service pia-halo.socket pia-halo-sync.timer pia-halo-doctor.timer
pia-halo --version

step first run
systemctl stop halo.service 2>/dev/null || true
systemd-run --quiet --unit=halo -p StandardOutput=truncate:/root/halo.json pia-halo demo --serve --listen 127.0.0.1:9000 --rate-limit 0
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
while read -r id; do wait_for has_event "$id"; done </run/made
own events --limit 1000 --json | jq -es 'map(select(.group == "ticket-created").ticket_id) | length == (unique | length)' >/dev/null
echo "$(wc -l </run/made) of 100 tickets made meanwhile are stored, each once"
own doctor --quiet

step a kill
systemctl kill -s KILL pia-halo.service
second=$(ticket)
wait_for has_event "$second"

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
systemctl stop halo.service

printf '\nall of it holds\n'
GUEST
