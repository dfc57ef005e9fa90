#!/usr/bin/env bash
# The life of the service, as an operator sees it. Exits with 0 if all checks pass.
set -uo pipefail
cd /immudb-test
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
failures=0

step() { echo "== $*"; }
check() { # what, command…
    local what=$1
    shift
    if "$@" >/tmp/said 2>&1; then echo "ok: $what"; else
        echo "NOT OK: $what"
        sed 's/^/    /' /tmp/said
        failures=$((failures + 1))
    fi
}
says() { # text, command… (with any exit code)
    local text=$1
    shift
    "$@" >/tmp/all 2>&1 || true
    grep -qF -- "$text" /tmp/all || { cat /tmp/all; return 1; }
}
fails() { ! "$@"; }
in_time() { # command…, until it succeeds
    for _ in $(seq 60); do "$@" && return; sleep 0.5; done
    return 1
}
admin() { ./immuadmin service immudb "$@"; }
client() { ./immuclient --first-contact accept "$@" </dev/null; }
listing() { find /etc /usr /opt /var -xdev \( -path /var/log/journal -o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print | sort; }
log=/var/log/immudb/immudb.log

listing >/tmp/before

step "install"
check "status before" says "Service is not installed" admin status
check "install" says "Starting immudb:" admin install
cat /tmp/all
check "it runs" says "Service (pid  " admin status
check "it is enabled" systemctl --quiet is-enabled immudb
check "systemd knows what it does" says "Serves 127.0.0.1:3322" systemctl status immudb
check "a second time" says "Service has already been installed" admin install
check "a write" client safeset hello world

step "rights"
pid=$(systemctl show --property=MainPID --value immudb)
check "user" says "immu" ps -o user= -p "$pid"
check "no capabilities" grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status"
check "no new ones" grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
check "system calls are filtered" grep -q '^Seccomp:.*2$' "/proc/$pid/status"
check "all connections have files" fails grep -q "connections: " $log
check "data is its own" says "immu 700" stat -c "%U %a" /var/lib/immudb
check "the log is its own" says "immu 640" stat -c "%U %a" $log
check "the pid file" says "$pid" cat /run/immudb/immudb.pid
check "systemctl reads the unit without a complaint" fails says "immudb.service" systemd-analyze verify immudb.service
systemd-analyze security --no-pager immudb.service | tail -1

step "reload and rotate"
check "reload" systemctl reload immudb
sleep 1
check "reload reached it" grep -q "caught SIGHUP" $log
if command -v logrotate >/dev/null; then
    check "rotate" logrotate -f -s /tmp/rotations /etc/logrotate.d/immudb
    sleep 1
    check "the old log" grep -q "Ready: " $log.1
    check "the new log" grep -q "caught SIGHUP" $log
fi
check "it serves" client safeget hello

step "stop, start, restart, later"
check "stop" says "Stopping immudb:" admin stop
check "stopped" says "Service is stopped" admin status
check "closed in order" grep -q "shutdown completed" $log
check "stopped already" says "Service has already been stopped" admin stop
check "start" says "Starting immudb:" admin start
check "the write is there" says world client safeget hello
check "restart" says "Starting immudb:" admin restart
check "stop in a second" admin stop -t 1
check "it runs still" systemctl --quiet is-active immudb
sleep 3
check "it does not run" fails systemctl --quiet is-active immudb
check "start" admin start
check "kill -9 is survived" systemctl kill --signal=KILL immudb
sleep 8
check "it runs again" systemctl --quiet is-active immudb
check "the write is there" says world client safeget hello

step "what goes wrong"
sed -i 's/^port = .*/port = "x"/' /etc/immudb/immudb.toml
check "a bad config" says "FAILED" admin restart
check "systemd says why" says "key \"port\" is the text" journalctl --no-pager -u immudb
sed -i 's/^port = .*/port = 3322/' /etc/immudb/immudb.toml
systemctl stop immudb
check "start" admin start

step "production, as the README has it"
mtls=/etc/immudb/mtls
tls=(--mtls --certificate $mtls/4_client/certs/localhost.cert.pem --pkey $mtls/4_client/private/localhost.key.pem
    --clientcas $mtls/2_intermediate/certs/ca-chain.cert.pem)
check "certificates" says "SUCCESS: an authority" ./immuadmin mtls init localhost --folder $mtls
chown -R immu: $mtls/3_application
sed -i 's/^auth = .*/auth = true/; s/^mtls = .*/mtls = true/' /etc/immudb/immudb.toml
check "restart" says "Starting immudb:" admin restart
check "no TLS, no entry" says "the server wants TLS" ./immuadmin status
check "status" says "OK - server is reachable" ./immuadmin status "${tls[@]}"
check "first login" says "password: " ./immuadmin login immu "${tls[@]}"
password=$(sed -n 's/^password: //p' /tmp/all)
check "login" says "logged in" ./immuadmin login immu "${tls[@]}" <<<"$password"
check "a user" says "User joe created" ./immuadmin user create joe "${tls[@]}" <<<$'Passw0rd!\nPassw0rd!'
check "no token, no entry" says "please login" client set a b "${tls[@]}"
check "login of joe" says "logged in" ./immuclient login joe "${tls[@]}" <<<'Passw0rd!'
check "a verified write" says "verified:	true" client --auth safeset a b "${tls[@]}"
check "stats" says "Number of entries          :	" ./immuadmin stats -t "${tls[@]}"
cat /tmp/all
check "metrics" says 'grpc_server_handled_total{grpc_code="OK"' ./immuadmin stats -r "${tls[@]}"
check "the audit log" says "create-user  joe  by immu" ./immuadmin audit-log "${tls[@]}"
check "new certificates without a stop" systemctl reload immudb
sleep 1
check "they are read" grep -q "INFO: mutual TLS: the server's certificate is localhost" $log
sed -i 's/^auth = .*/auth = false/; s/^mtls = .*/mtls = false/' /etc/immudb/immudb.toml
rm -rf $mtls
check "restart" says "Starting immudb:" admin restart

step "upgrade"
cp immudb newer && printf x >>newer
check "a newer program" says "Install immudb:" admin install --local-file ./newer
check "it is there" cmp newer /usr/sbin/immudb
check "the write is there" says world client safeget hello

step "the gateway beside it"
gateway() { ./immuadmin service immugw "$@"; }
check "install" says "Starting immugw:" bash -c 'echo y | ./immuadmin service immugw install'
check "it runs" says "Service (pid  " gateway status
check "systemd knows what it does" says "Serves 127.0.0.1:3323" systemctl status immugw
check "it does not see the data" fails nsenter -t "$(systemctl show --property=MainPID --value immugw)" -m ls /var/lib/immudb/data
check "reload" systemctl reload immugw
check "restart" says "Starting immugw:" gateway restart
check "closed in order" grep -q "shutdown completed" /var/log/immudb/immugw.log
check "uninstall" says "Data folder removed" bash -c 'printf "y\ny\n" | ./immuadmin service immugw uninstall --remove-files'
check "immudb runs" systemctl --quiet is-active immudb

step "the auditor beside it"
auditor() { ./immuadmin service auditor "$@"; }
audits() { immuclient audit-mode status --config /etc/immudb/immudb-auditor.toml; }
check "install" says "Starting immudb-auditor:" bash -c 'echo y | ./immuadmin service auditor install'
check "it runs" says "Service (pid  " auditor status
check "systemd knows what it does" says "Audits 127.0.0.1" systemctl status immudb-auditor
pid=$(systemctl show --property=MainPID --value immudb-auditor)
check "user" says "immu" ps -o user= -p "$pid"
check "no capabilities" grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status"
check "its folder is its own" says "immu 700" stat -c "%U %a" /var/lib/immudb-auditor
check "it does not see the data" fails nsenter -t "$pid" -m ls /var/lib/immudb/data
check "the server is as it was" in_time says "verdict:	consistent" audits
check "metrics" says 'verdict="consistent"} 1' curl -sS http://127.0.0.1:9477/metrics
check "roots for others" says '"roots":[{"root":' curl -sS http://127.0.0.1:9477/roots
check "reload" systemctl reload immudb-auditor
sed -i 's/^audit-interval = .*/audit-interval = "1s"/' /etc/immudb/immudb-auditor.toml
check "restart" says "Starting immudb-auditor:" auditor restart
check "closed in order" grep -q "shutdown completed" /var/log/immudb/immudb-auditor.log
check "kill -9 is survived" systemctl kill --signal=KILL immudb-auditor
check "it runs again" in_time systemctl --quiet is-active immudb-auditor
systemctl stop immudb
check "silence is no alarm" in_time says "verdict:	unreachable" audits
cp -a /var/lib/immudb /tmp/older
systemctl start immudb
check "a write" client safeset hello world
size=$(client current --json | sed -n 's/.*"size":\([0-9]*\).*/\1/p')
check "it sees the write" in_time says "@$size" audits
systemctl stop immudb
mv /var/lib/immudb/data /tmp/newer && cp -a /tmp/older/data /var/lib/immudb/data
systemctl start immudb
check "an older copy is an alarm" in_time says "verdict:	rolled-back" audits
check "the log says so" grep -q "ERROR: audit .* rolled-back: " /var/log/immudb/immudb-auditor.log
systemctl stop immudb
rm -r /var/lib/immudb/data && mv /tmp/newer /var/lib/immudb/data
check "start" systemctl start immudb
check "all is well again" in_time says "verdict:	consistent" audits
check "uninstall" says "Data folder removed" bash -c 'printf "y\ny\n" | ./immuadmin service auditor uninstall --remove-files'
check "immudb runs" systemctl --quiet is-active immudb
check "the write is there" says world client safeget hello

step "uninstall"
check "no is no" says "No action" bash -c 'echo n | ./immuadmin service immudb uninstall'
check "it runs" systemctl --quiet is-active immudb
check "uninstall" says "Program files removed" bash -c 'echo y | ./immuadmin service immudb uninstall'
check "data stays" test -d /var/lib/immudb/data
check "not installed" says "Service is not installed" admin status
check "install again" says "Starting immudb:" admin install
check "the write is there" says world client safeget hello
check "uninstall all" says "Data folder removed" bash -c 'printf "y\ny\n" | ./immuadmin service immudb uninstall --remove-files'
listing >/tmp/after
check "nothing else is left" diff /tmp/before /tmp/after
exit $failures
