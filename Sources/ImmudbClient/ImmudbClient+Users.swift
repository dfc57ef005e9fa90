import Foundation
import ImmudbProtocol
import SwiftProtobuf

// An administrator's calls for the users of a server. The server accepts them only from its own machine, with the
// token of the user `immu`.
//
// As with writes, an error with code `.outcomeUnknown` says that the call may have been carried out, and one with
// another code that it was not.

extension ImmudbClient {
    /// Creates a user, or creates one again who was deleted.
    ///
    /// - Throws: `ClientError`; status `.alreadyExists` if there is one, `.invalidArgument` with the rule if the
    ///   password breaks it.
    public func createUser(_ user: String, password: String) async throws(ClientError) {
        try requireName(user)
        var request = Immudb_Schema_CreateUserRequest()
        request.user = Data(user.utf8)
        request.password = Data(password.utf8)
        let _: Immudb_Schema_CreateUserResponse = try await call(ImmuService.createUser, request)
    }

    /// Changes a user's password. Older tokens of the user are refused from then on.
    ///
    /// - Throws: `ClientError`; code `.notFound` if there is no such user, status `.permissionDenied` if the old
    ///   password is wrong, `.invalidArgument` with the rule if the new one breaks it.
    public func changePassword(
        of user: String, from old: String, to new: String
    ) async throws(ClientError) {
        try requireName(user)
        var request = Immudb_Schema_ChangePasswordRequest()
        request.user = Data(user.utf8)
        request.oldPassword = Data(old.utf8)
        request.newPassword = Data(new.utf8)
        let _: Google_Protobuf_Empty = try await call(ImmuService.changePassword, request)
    }

    /// Deletes a user, whose tokens are refused from then on.
    ///
    /// - Throws: `ClientError`; code `.notFound` if there is no such user.
    public func deleteUser(_ user: String) async throws(ClientError) {
        try requireName(user)
        var request = Immudb_Schema_DeleteUserRequest()
        request.user = Data(user.utf8)
        let _: Google_Protobuf_Empty = try await call(ImmuService.deleteUser, request)
    }

    /// Servers of 0.6 answer to such a name with an internal error.
    private func requireName(_ user: String) throws(ClientError) {
        guard let first = user.utf8.first, first != 0 else {
            throw ClientError(
                .refused, "the name of a user cannot be empty or begin with a zero byte")
        }
    }

    /// Returns the acts of administrators, and attempts: in the order of their times, or the newest first.
    ///
    /// Servers of the original do not have this call: code `.incompatible`.
    public func auditLog(_ query: AuditQuery = AuditQuery()) async throws(ClientError)
        -> AuditSequence
    {
        var request = Immudb_Admin_V1_AuditLogRequest()
        if let since = query.since { request.since = since.microseconds }
        if let until = query.until { request.until = until.microseconds }
        request.user = query.user ?? ""
        request.action = query.action ?? ""
        request.limit = UInt64(clamping: query.limit ?? 0)
        request.newestFirst = query.newestFirst
        return AuditSequence(
            messages: try await stream(AdminService.auditLog, request), server: connection.address)
    }
}

extension Date {
    fileprivate var microseconds: Int64 {
        Int64(clamping: Int((timeIntervalSince1970 * 1_000_000).rounded(.down).clamped))
    }
}

extension Double {
    /// Returns the nearest number that fits into an integer.
    fileprivate var clamped: Double { Swift.max(-9e18, Swift.min(9e18, self)) }
}
