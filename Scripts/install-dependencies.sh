#!/usr/bin/env bash
# Installs the C libraries and tools that the build and the tests need, if they are missing.
#
#   Scripts/install-dependencies.sh [--browser]     with Chromium, in which the tests open the console
set -euo pipefail

debian=(librocksdb-dev libnghttp2-dev libssl-dev libedit-dev libncurses-dev protobuf-compiler pkg-config python3-venv g++ strace libfaketime
    mandoc openssl systemd logrotate)
brew=(rocksdb nghttp2 openssl@3 protobuf pkg-config python3)

if [ "${1:-}" = --browser ]; then
    debian+=(chromium)
fi

if ! command -v swift >/dev/null; then
    echo "Swift 6.1 or later is needed: https://www.swift.org/install" >&2
    exit 1
fi

if command -v apt-get >/dev/null; then
    missing=()
    for package in "${debian[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" \
            || missing+=("$package")
    done
    if ((${#missing[@]})); then
        echo "installing ${missing[*]}"
        sudo=$([ "$(id -u)" = 0 ] || echo sudo)
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${missing[@]}" >/dev/null
    fi
elif command -v brew >/dev/null; then
    for package in "${brew[@]}"; do
        brew list "$package" >/dev/null 2>&1 || { echo "installing $package"; brew install "$package"; }
    done
else
    echo "Neither apt-get nor brew is here. Install yourself: ${debian[*]}" >&2
fi
