/// The texts of a service's files. deploy/ has the same texts.
extension ServiceDefinition {
    /// The unit for systemd 247 or later.
    ///
    /// It uses `Type=notify`, since Debian 12 does not know `notify-reload`. It has no watchdog: a restart does not
    /// help if the disk hangs, and adds a recovery. It has no time limit for a start: after a power failure the key
    /// index may need a rebuild, and a killed start would begin it again.
    var unitText: String {
        """
        # What "immuadmin service \(word) install" writes. Put changes into a drop-in: systemctl edit \(name)

        [Unit]
        Description=\(name)
        After=network.target
        StartLimitIntervalSec=300
        StartLimitBurst=10

        [Service]
        Type=notify
        ExecStart=\(executable) \(arguments)--config \(configurationFile) --detached=false
        ExecReload=/bin/kill -HUP $MAINPID
        Restart=on-failure
        RestartSec=5
        TimeoutStartSec=infinity
        TimeoutStopSec=60
        LimitNOFILE=\(Self.openFileLimit)

        # Its user, and folders that systemd makes for it
        User=\(Self.user)
        Group=\(Self.user)
        UMask=0027
        StateDirectory=\(name)
        StateDirectoryMode=0700
        LogsDirectory=immudb
        LogsDirectoryMode=0750
        RuntimeDirectory=\(name)
        WorkingDirectory=\(dataFolder)

        # It can do nothing but serve, and write nowhere but in those folders
        NoNewPrivileges=yes
        CapabilityBoundingSet=
        AmbientCapabilities=
        ProtectSystem=strict
        ProtectHome=yes
        ProtectClock=yes
        ProtectControlGroups=yes
        ProtectHostname=yes
        ProtectKernelLogs=yes
        ProtectKernelModules=yes
        ProtectKernelTunables=yes
        ProtectProc=invisible
        PrivateDevices=yes
        PrivateTmp=yes
        PrivateUsers=yes
        DevicePolicy=closed
        KeyringMode=private
        LockPersonality=yes
        MemoryDenyWriteExecute=yes
        RemoveIPC=yes
        RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources
        SystemCallErrorNumber=EPERM
        \(hiddenFolders.map { "InaccessiblePaths=-\($0)\n" }.joined())
        [Install]
        WantedBy=multi-user.target

        """
    }

    /// The definition of the services' user, for systemd-sysusers(8).
    static var accountText: String {
        """
        # What "immuadmin service install" writes: who immudb, immugw and the auditor run as.
        u \(user) - "immudb" /var/lib/immudb

        """
    }

    /// The rotation of the log, for logrotate(8). It runs as the service's user, since the service could trick a
    /// logrotate that runs as root in a folder to which it can write. The script runs as root.
    var rotationText: String {
        """
        # What "immuadmin service \(word) install" writes.
        \(logFile) {
            weekly
            maxsize 100M
            rotate 12
            missingok
            notifempty
            compress
            delaycompress
            nocreate
            su \(Self.user) \(Self.user)
            postrotate
                if systemctl --quiet is-active \(unit); then systemctl reload \(unit); fi
            endscript
        }

        """
    }
}
