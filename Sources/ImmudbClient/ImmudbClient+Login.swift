import Foundation
import ImmudbProtocol

// Users of a server with authentication.

extension ImmudbClient {
    /// Logs in: all later calls are the user's.
    ///
    /// Tokens expire after a time that the server decides; calls then fail with the status `.unauthenticated`, and you
    /// must log in again.
    ///
    /// - Returns: the token, which can be passed to later clients (`Configuration.token`). It is a secret.
    /// - Throws: `ClientError`; code `.refused` for a wrong name or password.
    @discardableResult
    public func login(user: String, password: String) async throws(ClientError) -> String {
        var request = Immudb_Schema_LoginRequest()
        request.user = Data(user.utf8)
        request.password = Data(password.utf8)
        let response: Immudb_Schema_LoginResponse = try await call(ImmuService.login, request)
        guard let token = String(validating: response.token, as: UTF8.self), !token.isEmpty,
            token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw ClientError(.incompatible, "the server answers with a token that is not text")
        }
        connection.use(token: token)
        return token
    }

    /// Forgets the token: later calls have no user. The server is not told.
    public func logout() {
        connection.use(token: nil)
    }
}
