import Foundation
import ImmudbClient

/// The body of a notification, as JSON, in the form of the original.
struct NotificationMessage: Sendable {
    let options: NotificationOptions
    let report: RoundReport

    /// The fields in the original's order. A missing root is null.
    var text: String {
        let members = [
            ("username", Self.string(options.username)),
            ("password", Self.string(options.password)),
            ("db", Self.string(RoundReport.databaseName)),
            ("run_at", Self.string(report.startedAt.formatted(.iso8601))),
            ("tampered", report.verdict.isAlarm ? "true" : "false"),
            ("previous_root", Self.root(report.previous.map { SignedRoot($0) })),
            ("current_root", Self.root(report.current)),
        ]
        return Self.object(members)
    }

    private static func root(_ signed: SignedRoot?) -> String {
        guard let signed else { return "null" }
        let signature = signed.signature
        return object([
            ("index", "\(signed.root.size.lastIndex?.rawValue ?? 0)"),
            ("hash", string(signed.root.size.isEmpty ? "" : signed.root.root.hex)),
            (
                "signature",
                object([
                    ("signature", string(Data(signature?.signature ?? []).base64EncodedString())),
                    ("public_key", string(Data(signature?.publicKey ?? []).base64EncodedString())),
                ])
            ),
        ])
    }

    private static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func string(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A text can be encoded.
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
