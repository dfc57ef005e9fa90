import Foundation
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf
import Testing

// Calls about users for tests.

extension TestServer {
    /// The metadata that marks a call of the administration tool.
    static let tool: Metadata = [ImmuMetadata.clientIdentity: ImmuMetadata.administrationClient]

    /// Creates the administrator, and returns the metadata of the administrator's calls. Only once
    /// in a test.
    func administrator() async throws -> Metadata {
        let password = try await firstLogin()
        return try await self.header("immu", password, Self.tool)
    }

    /// Creates the administrator, and returns the password.
    func firstLogin() async throws -> String {
        let error = try await refusal(
            ImmuService.login, loginRequest("immu", ""), metadata: Self.tool)
        #expect(error.code == .unknown)
        let text = try #require(
            error.message.wholeMatch(
                of: /FirstAdminLogin\n---\nusername: immu\npassword: ([A-Za-z0-9!?]{32})\n---\n/))
        return String(text.1)
    }

    func login(
        _ user: String, _ password: String, _ metadata: Metadata = [:]
    ) async throws -> String {
        let response: RPCResponse<Immudb_Schema_LoginResponse> = try await client.unary(
            ImmuService.login, loginRequest(user, password), metadata: metadata)
        return String(decoding: response.message.token, as: UTF8.self)
    }

    /// Logs a user in, and returns the metadata of the user's calls.
    func header(
        _ user: String, _ password: String, _ metadata: Metadata = [:]
    ) async throws -> Metadata {
        ["authorization": "Bearer \(try await login(user, password, metadata))"]
    }

    func createUser(_ user: String, _ password: String, by header: Metadata) async throws {
        let _: RPCResponse<Immudb_Schema_CreateUserResponse> = try await client.unary(
            ImmuService.createUser, createUserRequest(user, password), metadata: header)
    }
}

func loginRequest(_ user: String, _ password: String) -> Immudb_Schema_LoginRequest {
    .with {
        $0.user = Data(user.utf8)
        $0.password = Data(password.utf8)
    }
}

func createUserRequest(_ user: String, _ password: String) -> Immudb_Schema_CreateUserRequest {
    .with {
        $0.user = Data(user.utf8)
        $0.password = Data(password.utf8)
    }
}

func changePasswordRequest(
    _ user: String, _ old: String, _ new: String
) -> Immudb_Schema_ChangePasswordRequest {
    .with {
        $0.user = Data(user.utf8)
        $0.oldPassword = Data(old.utf8)
        $0.newPassword = Data(new.utf8)
    }
}

func deleteUserRequest(_ user: String) -> Immudb_Schema_DeleteUserRequest {
    .with { $0.user = Data(user.utf8) }
}
