/// What an immudb server is started with.
public struct ServerOptions: Hashable, Sendable {
    /// Folder of all data: the identifier file and one folder per database.
    public var directory: String
    /// Address to listen on, a name or number.
    public var address: String
    /// 0 takes any free port.
    public var port: Int
    /// Name of the database: a plain folder name inside `directory`.
    public var databaseName: String

    public static let defaultDirectory = "./db"
    public static let defaultAddress = "127.0.0.1"
    public static let defaultPort = 3322
    public static let defaultDatabaseName = "immudb"

    public init(
        directory: String = defaultDirectory, address: String = defaultAddress,
        port: Int = defaultPort, databaseName: String = defaultDatabaseName
    ) {
        self.directory = directory
        self.address = address
        self.port = port
        self.databaseName = databaseName
    }

    /// Folder of the database.
    public var databasePath: String {
        directory.hasSuffix("/") ? directory + databaseName : directory + "/" + databaseName
    }

    /// Finds what no server can be started with.
    ///
    /// - Throws: `ServerStartError` that names the option and the offending word.
    public func validate() throws(ServerStartError) {
        guard !directory.isEmpty, !directory.utf8.contains(0) else {
            throw ServerStartError("invalid data folder \"\(directory)\": give a path with --dir")
        }
        guard (0...65535).contains(port) else {
            throw ServerStartError(
                "invalid port \(port): give a number from 0 to 65535 with --port")
        }
        let isPlain = !databaseName.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
        guard isPlain, !["", ".", ".."].contains(databaseName) else {
            throw ServerStartError(
                "invalid database name \"\(databaseName)\": "
                    + "give the name of a folder, without slashes, with --dbname")
        }
    }

    /// The options as one line of JSON for the log, in the original's names and order.
    var json: String {
        let members = [
            ("Dir", JSON.string(directory)), ("Address", JSON.string(address)),
            ("Port", String(port)), ("DbName", JSON.string(databaseName)),
        ]
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }
}

/// Why a server did not start: a message for the operator, which says what to do where something
/// can be done.
public struct ServerStartError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}

private enum JSON {
    /// A JSON string literal (RFC 8259 section 7).
    static func string(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
