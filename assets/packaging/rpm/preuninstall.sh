#!/bin/sh
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now pia-halo.service pia-halo.socket pia-halo-sync.timer pia-halo-doctor.timer || :
fi
