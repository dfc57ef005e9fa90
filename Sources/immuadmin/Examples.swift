import ProgramKit

extension Immuadmin {
    /// For the man pages and the helps of commands.
    static let examples: ManPages.Examples = [
        "immuadmin": [
            (command: "immuadmin status", what: "Is the server up?"),
            (command: "immuadmin stats", what: "What does it do?"),
            (command: "immuadmin login immu", what: "Become the administrator:"),
        ],
        "immuadmin login": [
            (command: "immuadmin login immu", what: "At a terminal, which asks for the password:"),
            (
                command: "immuadmin login immu < password-file",
                what: "In a script; the file has the password as its first line:"
            ),
        ],
        "immuadmin user": [
            (command: "immuadmin user create joe", what: "Make a user:"),
            (command: "immuadmin user change-password joe", what: "Give joe another password:"),
            (command: "immuadmin user delete joe", what: "Delete joe, whose tokens end at once:"),
            (
                command: "sudo -u immu immuadmin user reset-password immu --dir /var/lib/immudb",
                what: "The administrator's password is lost; the server is stopped:"
            ),
        ],
        "immuadmin backup": [
            (
                command: "immuadmin backup monday.backup",
                what: "Everything, while the server serves:"
            ),
            (
                command: "immuadmin backup tuesday.backup --since monday.backup",
                what: "What is new since then:"
            ),
            (
                command: "immuadmin backup full.backup --rate 20",
                what: "At 20 MiB a second at most:"
            ),
        ],
        "immuadmin restore": [
            (
                command: "immuadmin restore monday.backup tuesday.backup",
                what: "Into a running server whose database is empty:"
            ),
            (
                command: "zstd -dc monday.backup.zst | immuadmin restore -",
                what: "From a pipe:"
            ),
        ],
        "immuadmin audit-log": [
            (command: "immuadmin audit-log --since 24h", what: "Who did what since yesterday?"),
            (
                command: "immuadmin audit-log --about joe --json",
                what: "All that was done by joe or to joe, for a program:"
            ),
        ],
        "immuadmin stats": [
            (command: "immuadmin stats", what: "Watch the server, at a terminal:"),
            (
                command: "immuadmin stats -a 10.0.0.7 --metrics-port 9500 -t",
                what: "Another server, whose metrics have a port of their own:"
            ),
            (command: "immuadmin stats --json", what: "The numbers, for a program:"),
        ],
        "immuadmin dump": [
            (command: "immuadmin dump monday.bkp", what: "Write all entries to a file:")
        ],
        "immuadmin service": [
            (
                command: "sudo immuadmin service immudb install",
                what: "Install immudb, which lies beside immuadmin, and start it:"
            ),
            (
                command: "immuadmin service immudb install --print --local-file ./immudb",
                what: "What would that do?"
            ),
            (command: "sudo immuadmin service immudb stop -t 30", what: "Stop it in 30 seconds:"),
        ],
        "immuadmin mtls": [
            (
                command: "immuadmin mtls init db.example.org",
                what: "An authority and certificates, in ./tools/mtls:"
            ),
            (
                command: "immuadmin mtls init 10.0.0.7 --folder /etc/immudb/mtls",
                what: "For a server that is reached by its address, in another folder:"
            ),
        ],
    ]
}
