#!/bin/sh
systemd-sysusers pia-halo.conf
systemd-tmpfiles --create pia-halo.conf
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
    # An upgrade: the socket stays open, and what comes in waits.
    if [ "$1" -ge 2 ]; then
        systemctl try-restart pia-halo.service || :
    fi
fi
