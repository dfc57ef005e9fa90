// An auditor: a client that does nothing but distrust one server. Read this file first: what it can be told; then
// Auditor.swift, its rounds; Round/, what one round does; Log/, the signed log of what it saw; Peers/, other auditors;
// Reports/, whom it tells.

public import ImmudbClient

/// What an auditor is told.
public struct AuditorOptions: Sendable {
    /// How to connect, with the pinned key and the directory for evidence. No token.
    public var connection: ImmudbClient.Configuration
    /// The folder of the trusted root, the log, the key and the state; for its owner alone.
    public var directory: String
    /// The identity that the server must have; nil: the one that was trusted at its address.
    public var server: ServerIdentity?
    /// Whether a root is trusted at first contact, with a line in the log.
    public var trustsOnFirstUse = true
    /// The user as whom it reads; empty: no login.
    public var username = ""
    public var password = ""
    /// How long a round waits after the beginning of the one before.
    public var interval = Duration.seconds(60)
    /// Within what time every entry is read; zero: in each round.
    public var period = Duration.seconds(7 * 86_400)
    /// How many entries, drawn at random, are read in each round besides.
    public var sampleCount = 64
    /// Other auditors: URLs, or files with their roots.
    public var peers: [String] = []
    public var notification: NotificationOptions?

    public init(connection: ImmudbClient.Configuration, directory: String) {
        self.connection = connection
        self.directory = directory
    }

    func path(_ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }
}

/// Whom an auditor tells the result of each round, by POST.
public struct NotificationOptions: Hashable, Sendable {
    public var url: String
    /// In the message, as the original has them there.
    public var username: String
    public var password: String

    public init(url: String, username: String = "", password: String = "") {
        self.url = url
        self.username = username
        self.password = password
    }
}

/// The reason why an auditor cannot work: a message for the operator.
public struct AuditorError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// A file of its own cannot be used.
        case files
        /// Its log was changed.
        case logChanged
        /// Its trusted root is not the one in its log.
        case rootChanged
    }

    public let code: Code
    public let description: String

    init(_ code: Code = .files, _ description: String) {
        self.code = code
        self.description = description
    }
}
