import ClientKit
import Foundation
import ImmudbAuditor
import ImmudbClient
import ProgramKit
import ServiceKit

/// The settings of `audit-mode` alone.
enum AuditSettings {
    /// Whether the auditor demands signed roots.
    enum SignatureWord: String, CaseIterable, Sendable {
        case ignore, validate
    }

    static let interval = Setting(
        "audit-interval", .text("a duration", named: "duration"), default: "60s",
        "time from the beginning of a round to that of the next one")
    static let notificationPassword = Setting(
        "audit-notification-password", .text(named: "password"), default: "",
        "password in the notification, plain or as enc: and base64")
    static let notificationURL = Setting(
        "audit-notification-url", .text(named: "url"), default: "",
        "where the result of each round is sent by POST, as JSON")
    static let notificationUsername = Setting(
        "audit-notification-username", .text(named: "name"), default: "",
        "user name in the notification")
    static let password = Setting(
        "audit-password", .text(named: "password"), default: "",
        "password of --audit-username, plain or as enc: and base64; other users see flags, not variables"
    )
    static let period = Setting(
        "audit-period", .text("a duration", named: "duration"), default: "7d",
        "time within which every entry is read; 0 reads all of them in each round")
    static let sample = Setting(
        "audit-sample", .integer(0...100_000), default: 64,
        "entries, drawn at random, that each round reads besides")
    static let signature = Setting(
        "audit-signature", .word(of: SignatureWord.self), default: .ignore,
        "validate: the server's root has to be signed with the key of --server-signing-pub-key, which "
            + "that flag alone says, too; ignore: not")
    static let username = Setting(
        "audit-username", .text(named: "name"), default: "",
        "user as whom the auditor reads; empty: the server has no users")
    static let peers = Setting(
        "peers", .text(named: "list"), default: "",
        "other auditors of the server, by commas: their URLs, such as http://host:9477, or files")
    static let prometheusHost = Setting(
        "prometheus-host", .text("an address or host name", named: "host"), default: "127.0.0.1",
        "bind address of metrics and roots")
    static let prometheusPort = Setting(
        "prometheus-port", .integer(0...65535), default: AuditorService.defaultPort,
        "port of metrics and roots over HTTP; 0 takes any that is free")

    static let service = ServiceSettings(program: "immuclient", errorOutputName: "immuclient")

    static let all: [any SettingDeclaration] = [
        username, password, interval, period, sample, signature, notificationURL,
        notificationUsername, notificationPassword, peers, prometheusHost, prometheusPort,
        service.detached, service.logFile, service.logFormat, service.logLevel, service.pidFile,
    ]

    /// The variable by which the original's auditor is told its interval.
    static let intervalVariable = "audit-agent-interval"
}

extension AuditorOptions {
    /// - Parameter environment: the process's variables.
    /// - Throws: `SettingsError` if a value cannot be used, or two of them conflict.
    init(
        _ values: SettingsValues, _ settings: ClientSettings, environment: [String: String]
    ) throws(SettingsError) {
        let directory = Self.directory(values, environment)
        var connection = settings.connection.configuration(token: nil)
        connection.maxReceiveMessageByteCount = settings.maxAnswerByteCount
        connection.evidenceDirectory = settings.evidenceDirectory ?? "\(directory)/evidence"
        switch (values.given(AuditSettings.signature), settings.signingKey) {
        case (.validate, nil):
            throw SettingsError(
                "\(values.sourceText(of: AuditSettings.signature)) is \"validate\": name the server's public key with "
                    + "--\(ClientSettings.signingKey.key). The key that comes with a root says nothing"
            )
        case (.ignore, _): connection.signingKey = nil
        case (_, let key): connection.signingKey = key
        }
        self.init(connection: connection, directory: directory)
        server = settings.server
        trustsOnFirstUse = settings.firstContact != .refuse
        username = values[AuditSettings.username]
        password = try values.parsed(AuditSettings.password, Self.decodedPassword)
        interval = try Self.interval(values, environment)
        period = try values.parsed(AuditSettings.period, DurationSyntax.duration)
        sampleCount = values[AuditSettings.sample]
        peers = values[AuditSettings.peers].split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        let url = values[AuditSettings.notificationURL]
        if !url.isEmpty {
            _ = try values.parsed(AuditSettings.notificationURL) { text in
                guard text.hasPrefix("http://") || text.hasPrefix("https://"),
                    URL(string: text)?.host() != nil
                else { throw NoURL() }
            }
            notification = NotificationOptions(
                url: url, username: values[AuditSettings.notificationUsername],
                password: try values.parsed(
                    AuditSettings.notificationPassword, Self.decodedPassword))
        }
    }

    /// The auditor's own folder: roots that other commands trust are not its own.
    static func directory(_ values: SettingsValues, _ environment: [String: String]) -> String {
        let chosen = values[ClientSettings.directory]
        guard chosen.isEmpty else { return chosen }
        let home = environment["HOME"] ?? ""
        return home.isEmpty ? "./immudb-auditor" : "\(home)/.immudb/auditor"
    }

    private static func interval(
        _ values: SettingsValues, _ environment: [String: String]
    ) throws(SettingsError) -> Duration {
        let name = AuditSettings.intervalVariable
        let interval: Duration
        if values.given(AuditSettings.interval) == nil, let text = environment[name], !text.isEmpty
        {
            do {
                interval = try DurationSyntax.duration(text)
            } catch {
                throw SettingsError("environment variable \(name) is \"\(text)\": \(error)")
            }
        } else {
            interval = try values.parsed(AuditSettings.interval, DurationSyntax.duration)
        }
        // Rounds without a pause would be an attack.
        guard interval >= .milliseconds(100) else {
            throw SettingsError("the interval of the auditor is \(interval): give 100ms or more")
        }
        return interval
    }

    private static func decodedPassword(_ text: String) throws -> String {
        let prefix = "enc:"
        guard text.hasPrefix(prefix) else { return text }
        guard let data = Data(base64Encoded: String(text.dropFirst(prefix.count))),
            let password = String(validating: data, as: UTF8.self)
        else { throw NoBase64() }
        return password
    }

    private struct NoURL: Error, CustomStringConvertible {
        let description = "give a URL that begins with http:// or https://"
    }

    private struct NoBase64: Error, CustomStringConvertible {
        let description = "behind enc: there has to be base64"
    }
}
