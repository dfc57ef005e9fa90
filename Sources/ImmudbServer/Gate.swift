import ImmudbAccounts
import ImmudbProtocol
import Logging
import RPCTransport

/// Admits or refuses each call before its request is decoded.
///
/// | users | client_id | Login | Health, CurrentRoot | data | administration |
/// | --- | --- | --- | --- | --- | --- |
/// | off | | refused | open | open | administrator's token, this machine |
/// | off | immuadmin | this machine | this machine | administrator's token, this machine | the same |
/// | on | | open | open | a token | administrator's token, this machine |
/// | on | immuadmin | open | open | administrator's token, this machine | the same |
///
/// "This machine" means that a client on this machine makes the call for itself: a call with the metadata
/// `x-forwarded-for` comes from a client behind a gateway or a proxy, which may be anywhere.
struct Gate: Sendable {
    let accounts: Accounts
    /// Whether the server was started with users.
    let isAuthenticating: Bool
    let log: Logger

    /// Returns a method with this gate in front of it.
    ///
    /// - Precondition: the table of permissions has the method.
    func guarding(_ method: RPCMethod) -> RPCMethod {
        guard let permission = MethodPermissions.all[method.path] else {
            preconditionFailure("\(method.path) has no permission")
        }
        let action = Self.actions[method.path]
        let name = method.path.split(separator: "/").last.map { $0.lowercased() } ?? method.path
        return method.intercepted { call throws(RPCError) in
            // The most frequent case: a server without users.
            if permission != .administration, permission != .login, !isAuthenticating,
                call.metadata.isEmpty
            {
                return
            }
            do throws(Refusal) {
                try admit(permission, call.metadata, isLocal: call.isOfLocalCaller)
            } catch {
                log.debug("\(name): \(error.message)", of: call)
                if let action {
                    accounts.noteRefusal(action, from: call.peerAddress, reason: error.message)
                }
                throw RPCError(error.code, error.message)
            }
        }
    }

    /// The name of a method's refused calls in the audit log.
    private static let actions: [String: AuditEntry.Action] = [
        ImmuService.createUser: .createUser, ImmuService.changePassword: .changePassword,
        ImmuService.deleteUser: .deleteUser, AdminService.auditLog: .auditLog,
        AdminService.backup: .backup, AdminService.restore: .restore,
    ]

    /// - Throws: the status of a call that is not admitted.
    func admit(
        _ permission: Permission, _ metadata: Metadata, isLocal: Bool
    ) throws(Refusal) {
        let isByTool = metadata.marksAdministration
        if !isAuthenticating, isByTool, !isLocal {
            throw Refusal(
                .permissionDenied,
                "server has authentication disabled: only local connections are accepted")
        }
        let isAdministration: Bool
        switch permission {
        case .open: return
        case .login:
            guard isAuthenticating || isByTool else {
                throw Refusal(.unavailable, ErrorText.authenticationIsDisabled)
            }
            return
        case .data:
            guard isAuthenticating || isByTool else { return }
            isAdministration = isByTool
        case .administration: isAdministration = true
        }
        let caller = try caller(metadata)
        guard isAdministration else { return }
        guard caller.isAdministrator else {
            throw Refusal(.permissionDenied, "permission denied")
        }
        guard isLocal else {
            throw Refusal(
                .permissionDenied, "server does not accept admin commands from remote clients")
        }
    }

    /// Returns the user who makes a call.
    ///
    /// - Throws: the status of a call without a valid token.
    func caller(_ metadata: Metadata) throws(Refusal) -> Caller {
        guard let header = metadata.firstText(ImmuMetadata.authorization) else {
            throw Refusal(.unauthenticated, "no Authorization header found on request")
        }
        guard let caller = accounts.caller(presenting: header) else {
            throw Refusal(.unauthenticated, "invalid token \(Self.beginning(of: header))")
        }
        return caller
    }

    /// The beginning of a token: enough for its owner to recognize it, too little for anybody to
    /// use it (`v2.public....`). A short token shows less, since it may be something else, such as
    /// a password.
    private static func beginning(of header: String) -> String {
        let token = header.hasPrefix("Bearer ") ? header.dropFirst("Bearer ".count) : header[...]
        return String(token.prefix(min(10, token.count / 4))) + "..."
    }
}

extension Metadata {
    /// Whether the administration tool made the call.
    var marksAdministration: Bool {
        firstText(ImmuMetadata.clientIdentity) == ImmuMetadata.administrationClient
    }

    /// Whether a gateway or a proxy makes the call for somebody else, whatever the value is.
    var isForwarded: Bool { fields.contains { $0.name == ImmuMetadata.forwardedFor } }

    /// Like `first`, without allocating an array, since every call needs this.
    fileprivate func firstText(_ name: String) -> String? {
        for field in fields where field.name == name {
            if case .text(let text) = field.value { return text }
        }
        return nil
    }
}

extension ServerCall {
    /// Whether the caller is on this machine: the client is, and does not call for somebody else.
    var isOfLocalCaller: Bool { isFromThisMachine && !metadata.isForwarded }
}

extension Origin {
    init(_ call: ServerCall) {
        self.init(
            address: call.peerAddress, host: call.peerHost, isLocal: call.isOfLocalCaller,
            lane: call.lane)
    }
}
