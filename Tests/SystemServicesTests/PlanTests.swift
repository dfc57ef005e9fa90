import Foundation
import Testing

@testable import SystemServices

/// Plans from the state of a machine, without a machine.
@Suite("A plan of an installation")
struct PlanTests {
    private let source = ExecutableSource(
        path: "/home/op/immudb", digest: Digest(hex: "e1"), manPage: .text(".TH immudb 1\n"))

    /// A freshly installed Debian.
    private var debian: Survey {
        var survey = Survey()
        let folders = [
            "/etc", "/etc/systemd", "/etc/systemd/system", "/etc/logrotate.d", "/usr", "/usr/sbin",
            "/usr/share", "/usr/share/man", "/usr/share/man/man1",
        ]
        for folder in folders { survey.places[folder] = .folder(owner: 0, isEmpty: false) }
        return survey
    }

    private func lines(_ steps: [Step]) -> [String] {
        steps.map { String($0.description.prefix { $0 != "\n" }) }
    }

    /// Returns the machine's state after the steps.
    private func done(_ plan: InstallationPlan, on survey: Survey) -> Survey {
        var survey = survey
        for step in plan.steps {
            switch step {
            case .makeFolder(let path): survey.places[path] = .folder(owner: 0, isEmpty: false)
            case .writeFile(let path, let content):
                survey.places[path] = .file(.of(content), owner: 0)
            case .copyExecutable(_, let digest, let path):
                survey.places[path] = .file(digest, owner: 0)
            case .writeRecord(let record):
                survey.record = record
                survey.places["/etc/immudb"] = .folder(owner: 0, isEmpty: false)
            default: break
            }
        }
        survey.user = 995
        return survey
    }

    @Test("writes down what it makes, makes it, and has systemd start it at boot")
    func installation() throws {
        let plan = try InstallationPlan(.immudb, source: source, survey: debian)
        #expect(
            lines(plan.steps) == [
                "write /etc/immudb/installed.json: what this command has made",
                "make folder /etc/sysusers.d",
                "copy /home/op/immudb to /usr/sbin/immudb",
                "write /etc/immudb/immudb.toml:",
                "write /etc/sysusers.d/immudb.conf:",
                "write /etc/systemd/system/immudb.service:",
                "write /etc/logrotate.d/immudb:",
                "write /usr/share/man/man1/immudb.1:",
                "run systemd-sysusers /etc/sysusers.d/immudb.conf",
                "run systemctl daemon-reload",
                "run systemctl enable immudb.service",
                "write /etc/immudb/installed.json: what this command has made",
            ])
        #expect(plan.notes.isEmpty)
        #expect(!plan.isUpgrade)
    }

    @Test("has no steps for what is installed already")
    func twice() throws {
        let first = try InstallationPlan(.immudb, source: source, survey: debian)
        #expect(throws: ServiceError("Service has already been installed")) {
            _ = try InstallationPlan(.immudb, source: source, survey: done(first, on: debian))
        }
    }

    @Test("upgrades to a newer program, and leaves config and data alone")
    func upgrade() throws {
        var survey = try done(InstallationPlan(.immudb, source: source, survey: debian), on: debian)
        survey.places["/etc/immudb/immudb.toml"] = .file(Digest(hex: "edited"), owner: 0)
        survey.places["/var/lib/immudb"] = .folder(owner: 995, isEmpty: false)
        var newer = source
        newer = ExecutableSource(
            path: "/home/op/new", digest: Digest(hex: "e2"), manPage: source.manPage)
        let plan = try InstallationPlan(.immudb, source: newer, survey: survey)
        #expect(plan.isUpgrade)
        #expect(
            lines(plan.steps) == [
                "write /etc/immudb/installed.json: what this command has made",
                "copy /home/op/new to /usr/sbin/immudb",
                "run systemctl daemon-reload",
                "run systemctl enable immudb.service",
                "write /etc/immudb/installed.json: what this command has made",
            ])
        // Until the update is complete, the record has the digest of the old program, too.
        guard case .writeRecord(let during) = plan.steps[0],
            case .writeRecord(let after)? = plan.steps.last
        else { return #expect(Bool(false)) }
        #expect(during["/usr/sbin/immudb"]?.digests.map(\.hex) == ["e2", "e1"])
        #expect(after["/usr/sbin/immudb"]?.digests.map(\.hex) == ["e2"])
    }

    @Test("names everything that is in the way at once, with what to do")
    func obstacles() throws {
        var survey = debian
        survey.places["/usr/sbin/immudb"] = .file(Digest(hex: "other"), owner: 0)
        survey.places["/etc/sysusers.d"] = .folder(owner: 33, isEmpty: true)
        survey.places["/etc/systemd/system/immudb.service"] = .other("a link")
        survey.places["/lib/systemd/system/immudb.service"] = .file(Digest(hex: "x"), owner: 0)
        survey.places["/var/lib/immudb"] = .folder(owner: 0, isEmpty: false)
        survey.places["/var/log/immudb"] = .other("a link")
        let error = #expect(throws: ServiceError.self) {
            _ = try InstallationPlan(.immudb, source: source, survey: survey)
        }
        #expect(
            error?.message == """
                nothing was installed, since something is in the way:
                /lib/systemd/system/immudb.service is there: a package has installed immudb. Remove that, or use it as it is
                /var/lib/immudb belongs to user 0, and the service would run as immu: move it away, or give it to the service (useradd --system immu; chown -R immu: /var/lib/immudb)
                /var/log/immudb is a link: move it away, or mount what it leads to (mount --bind)
                /usr/sbin/immudb was not made by this command: move it away
                /etc/sysusers.d belongs to user 33: make it root's (chown root)
                /etc/systemd/system/immudb.service is a link: move it away
                """)
    }

    @Test(
        "refuses another user's program, even if its content is right, and a unit that was changed"
    )
    func foreign() throws {
        var survey = debian
        survey.places["/usr/sbin/immudb"] = .file(source.digest, owner: 1000)
        let error = #expect(throws: ServiceError.self) {
            _ = try InstallationPlan(.immudb, source: source, survey: survey)
        }
        #expect(error?.message.contains("/usr/sbin/immudb belongs to user 1000") == true)

        var installed = try done(
            InstallationPlan(.immudb, source: source, survey: debian), on: debian)
        installed.places["/etc/systemd/system/immudb.service"] = .file(Digest(hex: "x"), owner: 0)
        let changed = #expect(throws: ServiceError.self) {
            _ = try InstallationPlan(.immudb, source: source, survey: installed)
        }
        #expect(
            changed?.message.contains(
                "was changed since it was installed: move it away, and put your changes into a drop-in (systemctl edit immudb)"
            ) == true)
    }

    @Test(
        "keeps the operator's own config and rotation, and a program that is in its place already"
    )
    func operatorsFiles() throws {
        var survey = debian
        survey.places["/etc/immudb"] = .folder(owner: 0, isEmpty: false)
        survey.places["/etc/immudb/immudb.toml"] = .file(Digest(hex: "own"), owner: 1000)
        survey.places["/etc/logrotate.d/immudb"] = .file(Digest(hex: "own"), owner: 0)
        survey.places["/usr/sbin/immudb"] = .file(source.digest, owner: 0)
        let plan = try InstallationPlan(.immudb, source: source, survey: survey)
        #expect(
            plan.notes == [
                "/etc/immudb/immudb.toml is there already and stays as it is",
                "/etc/logrotate.d/immudb is there already and stays as it is",
            ])
        let installed = done(plan, on: survey)
        #expect(installed.record["/etc/immudb"] == nil)
        #expect(installed.record["/usr/sbin/immudb"] == nil)
        let removal = try RemovalPlan(
            .immudb, .init(removesFiles: true, erasesData: true), survey: installed)
        #expect(
            lines(removal.steps) == [
                "run systemctl disable --now immudb.service",
                "remove /etc/systemd/system/immudb.service",
                "run systemctl daemon-reload",
                "remove /etc/sysusers.d/immudb.conf",
                "remove /usr/share/man/man1/immudb.1",
                "remove folder /etc/sysusers.d if it is empty",
                "remove /etc/immudb/installed.json",
            ])
    }

    @Test("keeps a unit that was changed, and disables it, since its program goes")
    func changedUnit() throws {
        var survey = try done(InstallationPlan(.immudb, source: source, survey: debian), on: debian)
        let unit = "/etc/systemd/system/immudb.service"
        survey.places[unit] = .file(Digest(hex: "own"), owner: 0)
        let removal = try RemovalPlan(.immudb, .init(), survey: survey)
        #expect(removal.notes.contains("\(unit) was changed since it was installed, and stays"))
        #expect(lines(removal.steps).first == "run systemctl disable --now immudb.service")
        #expect(!lines(removal.steps).contains("remove \(unit)"))
    }

    @Test("removes config, logs and data only if they are named")
    func removal() throws {
        var survey = try done(InstallationPlan(.immudb, source: source, survey: debian), on: debian)
        survey.places["/var/lib/immudb"] = .folder(owner: 995, isEmpty: false)
        survey.places["/var/log/immudb"] = .folder(owner: 995, isEmpty: false)
        let careful = try RemovalPlan(.immudb, .init(), survey: survey)
        #expect(
            careful.notes == [
                "/etc/immudb/immudb.toml stays (--remove-files removes it)",
                "the user immu stays, since files may be its own (userdel immu removes it)",
                "logs stay in /var/log/immudb (--remove-files removes them)",
                "data stays in /var/lib/immudb",
            ])
        let all = try RemovalPlan(
            .immudb, .init(removesFiles: true, erasesData: true), survey: survey)
        #expect(
            Set(lines(all.steps)).subtracting(lines(careful.steps)) == [
                "remove /etc/immudb/immudb.toml", "remove /etc/immudb/installed.json",
                "remove /var/log/immudb/immudb.log and its rotated files",
                "remove folder /var/log/immudb if it is empty",
                "erase /var/lib/immudb with all that is in it",
            ])
        survey.places["/var/lib/immudb"] = .other("a link")
        let link = try RemovalPlan(.immudb, .init(erasesData: true), survey: survey)
        #expect(
            link.notes.contains(
                "/var/lib/immudb is no folder, and stays with the data that it leads to"))
    }

    @Test("leaves what the other of two services needs")
    func twoServices() throws {
        let gateway = ExecutableSource(
            path: "/home/op/immugw", digest: Digest(hex: "g1"), manPage: .none)
        var survey = try done(InstallationPlan(.immudb, source: source, survey: debian), on: debian)
        survey = try done(InstallationPlan(.immugw, source: gateway, survey: survey), on: survey)
        let first = try RemovalPlan(.immudb, .init(removesFiles: true), survey: survey)
        #expect(!lines(first.steps).contains { $0.contains("sysusers.d") })
        guard case .writeRecord(let record)? = first.steps.last else { return #expect(Bool(false)) }
        survey.record = record
        let second = try RemovalPlan(.immugw, .init(removesFiles: true), survey: survey)
        #expect(lines(second.steps).contains("remove /etc/sysusers.d/immudb.conf"))
        #expect(second.steps.last == .removeRecord(folders: ["/etc/immudb"]))
    }

    @Test("removes nothing that was never installed, and no unit of others")
    func notInstalled() throws {
        #expect(throws: ServiceError("Service is not installed")) {
            _ = try RemovalPlan(.immudb, .init(), survey: debian)
        }
        var survey = debian
        survey.places["/etc/systemd/system/immudb.service"] = .file(Digest(hex: "own"), owner: 0)
        let error = #expect(throws: ServiceError.self) {
            _ = try RemovalPlan(.immudb, .init(removesFiles: true), survey: survey)
        }
        #expect(
            error?.message.contains("was not made by this command: nothing was removed") == true)
    }
}
