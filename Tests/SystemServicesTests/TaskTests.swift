import Foundation
import TestTools
import Testing

@testable import SystemServices

/// The actions and messages of `service <name> <verb>`.
@Suite("A service command")
struct TaskTests {
    private let host = StandInMachine()
    private let ok = "\t\t\t\t\t[  OK  ]"
    private let sure = "Are you sure you want to uninstall immudb? [y/N]"

    private func failure(
        _ words: String..., prepare: @escaping (inout ServiceRequest) -> Void = { _ in }
    ) throws -> StandInMachine.Failure {
        try #require(throws: StandInMachine.Failure.self) {
            try host.run(words[0], words[1], prepare: prepare)
        }
    }

    @Test(
        "installs and starts at install, and has nothing to do the second time",
        .enabled(if: geteuid() == 0))
    func install() throws {
        let lines = try host.run("immudb", "install")
        #expect(lines.first == "using provided executable for the service immudb")
        #expect(lines.contains("installing /usr/sbin/immudb..."))
        #expect(lines.suffix(2) == ["Install immudb:" + ok, "Starting immudb:" + ok])
        #expect(
            host.commands.lines == [
                "systemd-sysusers /etc/sysusers.d/immudb.conf", "systemctl daemon-reload",
                "systemctl enable immudb.service", "systemctl start immudb.service",
            ])
        #expect(host.text("/usr/share/man/man1/immudb.1") == ".TH immudb 1\n")
        #expect(host.content["/usr/sbin/immudb"]?.hasPrefix("100755 ") == true)
        #expect(host.content["/etc/immudb/immudb.toml"]?.hasPrefix("100644 ") == true)
        #expect(
            try failure("immudb", "install").error.message == "Service has already been installed")
    }

    @Test(
        "installs a newer program over the old one, and restarts the service",
        .enabled(if: geteuid() == 0))
    func upgrade() throws {
        try host.run("immudb", "install")
        let newer = try host.program(version: 2)
        let lines = try host.run("immudb", "install") { $0.localFile = newer }
        #expect(
            lines.suffix(3) == [
                "Install immudb:" + ok, "Stopping immudb:" + ok, "Starting immudb:" + ok,
            ])
        #expect(host.text("/usr/sbin/immudb")?.contains("version 2") == true)
    }

    @Test("reports a start that fails, and keeps the installation", .enabled(if: geteuid() == 0))
    func startFails() throws {
        host.commands.fail("systemctl start")
        let failed = try failure("immudb", "install")
        #expect(
            failed.lines.suffix(2) == [
                "Install immudb:" + ok, "Starting immudb:\t\t\t\t\t[FAILED]",
            ])
        #expect(
            failed.error.message == """
                systemctl start immudb.service failed with code 1: no such luck
                journalctl -u immudb says more
                """)
        host.commands.fail(nil)
        #expect(try host.run("immudb", "start") == ["Starting immudb:" + ok])
    }

    @Test("names a command that fails, with all that was not done", .enabled(if: geteuid() == 0))
    func failingCommand() throws {
        host.commands.fail("systemd-sysusers")
        let failed = try failure("immudb", "install")
        #expect(failed.lines.last == "Install immudb:\t\t\t\t\t[FAILED]")
        #expect(
            failed.error.message.hasPrefix(
                "systemd-sysusers /etc/sysusers.d/immudb.conf failed with code 1: no such luck\ndone: "
            ))
        #expect(failed.error.message.contains("    run systemctl enable immudb.service\n"))
    }

    @Test(
        "asks, stops and removes at uninstall, and does nothing after a no",
        .enabled(if: geteuid() == 0))
    func uninstall() throws {
        let before = host.content
        try host.run("immudb", "install")
        #expect(try host.run("immudb", "uninstall") == [sure, "No action"])
        #expect(host.text("/usr/sbin/immudb") != nil)
        let lines = try host.run("immudb", "uninstall", answers: [sure: true]) {
            $0.removesFiles = true
        }
        #expect(lines[1] == "Stopping immudb:" + ok)
        #expect(lines.suffix(2) == ["Removing immudb:" + ok, "Program files removed"])
        #expect(host.content == before)
        #expect(try failure("immudb", "uninstall").error.message == "Service is not installed")
        #expect(try failure("immudb", "start").error.message == "Service is not installed")
    }

    @Test(
        "erases data only with --remove-files and after a yes to that very question",
        .enabled(if: geteuid() == 0), arguments: [(true, true), (true, false), (false, true)])
    func data(removesFiles: Bool, answer: Bool) throws {
        try host.run("immudb", "install", on: host.image)
        try host.write("entries", to: "/var/lib/immudb/data/ledger/0")
        try host.write("old", to: "/var/log/immudb/immudb.log.1")
        try host.write("gateway's", to: "/var/log/immudb/immugw.log")
        try FileManager.default.createSymbolicLink(
            atPath: host.folder.file("/var/lib/immudb/link").path,
            withDestinationPath: host.folder.file("/etc").path)
        let lines = try host.run(
            "immudb", "uninstall", answers: [sure: true, "Erase data? [y/N]": answer],
            on: host.image
        ) { $0.removesFiles = removesFiles }
        #expect(lines.contains("Erase data? [y/N]") == removesFiles)
        let isErased = removesFiles && answer
        #expect((host.text("/var/lib/immudb/data/ledger/0") == nil) == isErased)
        #expect(lines.contains("Data folder removed") == isErased)
        #expect(lines.contains("No data removed") == (removesFiles && !answer))
        #expect((host.text("/var/log/immudb/immudb.log.1") == nil) == removesFiles)
        #expect(host.text("/var/log/immudb/immugw.log") == "gateway's")
        #expect((host.text("/etc/immudb/immudb.toml") == nil) == removesFiles)
    }

    @Test(
        "says at start, stop and restart what it does, and what is so already",
        .enabled(if: geteuid() == 0))
    func rule() throws {
        try host.run("immudb", "install")
        #expect(try failure("immudb", "start").error.message == "Service is already running")
        #expect(
            try host.run("immudb", "restart") == ["Stopping immudb:" + ok, "Starting immudb:" + ok])
        #expect(try host.run("immudb", "stop") == ["Stopping immudb:" + ok])
        #expect(try failure("immudb", "stop").error.message == "Service has already been stopped")
        #expect(try host.run("immudb", "restart") == ["Starting immudb:" + ok])
        try host.run("immudb", "stop")
        unlink(host.folder.file("/usr/sbin/immudb").path)
        #expect(
            try failure("immudb", "start").error.message.hasPrefix("Incorrect exec start path: "))
    }

    @Test("prints the sentence of immuadmin 0.6 at status")
    func status() throws {
        #expect(try failure("immudb", "status").error.message == "Service is not installed")
        host.commands.setRunning(true)
        #expect(try host.run("immudb", "status") == ["Service (pid  4711) is running..."])
        host.commands.setRunning(false)
        #expect(try host.run("immudb", "status") == ["Service is stopped"])
    }

    @Test(
        "stops a service that has failed and that systemd starts again")
    func waiting() {
        let status = UnitStatus(
            "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nMainPID=0\n")
        #expect(status.isLoaded && status.isWaiting && !status.isRunning)
        #expect(status.text == "Service is stopped")
        let starting = UnitStatus(
            "LoadState=loaded\nActiveState=activating\nSubState=start\nMainPID=12\n")
        #expect(starting.isRunning && !starting.isWaiting)
        #expect(starting.text == "Service (pid  12) is running...")
        #expect(!UnitStatus("").isLoaded)
    }

    @Test("has systemd wait with --time", .enabled(if: geteuid() == 0))
    func later() throws {
        try host.run("immudb", "install")
        let lines = try host.run("immudb", "stop") { $0.delaySeconds = 30 }
        #expect(lines == ["stop of immudb in 30 s: systemctl list-timers 'immudb-stop*' shows it"])
        #expect(
            host.commands.lines.last
                == "systemd-run --quiet --collect --on-active=30 --timer-property=AccuracySec=100ms "
                + "--unit=immudb-stop systemctl stop immudb.service")
    }

    @Test(
        "installs the gateway after a question whose default is yes",
        .enabled(if: geteuid() == 0))
    func gateway() throws {
        let question =
            "To provide the maximum level of security, we recommend running immugw on a different machine than "
            + "immudb server. Continue ? [Y/n]"
        #expect(
            try host.run("immugw", "install", answers: [question: false]) == [
                question, "No action",
            ])
        #expect(try host.run("immugw", "install").last == "Starting immugw:" + ok)
    }

    @Test("names wrong words, and flags without a meaning")
    func words() throws {
        func message(_ words: [String]) -> String? {
            #expect(throws: ServiceError.self) { _ = try ServiceRequest(words) }?.message
        }
        #expect(message([]) == "required a service name")
        #expect(message(["immudb"]) == "required a command name")
        #expect(
            message(["mysql", "stop"])
                == "invalid service argument specified: mysql. Available list is [immudb immugw auditor]")
        #expect(
            message(["immudb", "kill"])
                == "invalid command argument specified: kill. Available list is [install uninstall start stop "
                + "restart status]")
        #expect(
            try failure("immudb", "stop") { $0.localFile = "x" }.error.message.contains(
                "--local-file"))
        #expect(
            try failure("immudb", "stop") { $0.removesFiles = true }.error.message.contains(
                "--remove-files"))
        #expect(
            try failure("immudb", "install") { $0.delaySeconds = 1 }.error.message.contains(
                "--time"))
    }

    @Test(
        "says so without systemd, and names --print, which works there",
        .enabled(if: geteuid() == 0))
    func noSystemd() throws {
        let machine = Machine(
            root: host.folder.path, commands: host.commands, hasSystemd: false, isStandIn: false)
        let failed = try #require(throws: StandInMachine.Failure.self) {
            try host.run("immudb", "install", on: machine)
        }
        #expect(failed.error.message.contains("--print"))
        let lines = try host.run("immudb", "install", on: machine) { $0.printsOnly = true }
        #expect(lines.last == "run systemctl start immudb.service")
        let text = lines.joined(separator: "\n")
        #expect(text.contains("write /etc/systemd/system/immudb.service:\n    # What \"immuadmin"))
        #expect(text.contains("\n    NoNewPrivileges=yes\n"))
        #expect(host.content.isEmpty)
        #expect(host.commands.lines.isEmpty)
    }

    @Test("prints what a removal would ask with --print, and removes nothing")
    func printedRemoval() throws {
        try host.run("immudb", "install", on: host.image)
        try host.write("entries", to: "/var/lib/immudb/data/ledger/0")
        let before = host.content
        let lines = try host.run("immudb", "uninstall", on: host.image) {
            ($0.printsOnly, $0.removesFiles) = (true, true)
        }
        #expect(lines.prefix(2) == ["ask \(sure)", "ask Erase data? [y/N]"])
        #expect(lines.contains("erase /var/lib/immudb with all that is in it"))
        #expect(host.content == before)
    }
}
