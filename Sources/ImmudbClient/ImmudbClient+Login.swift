import Foundation
import ImmudbProtocol

extension ImmudbClient {
    /// Asks for a token in exchange for a user's name and password.
    ///
    /// This client goes on as before: connect another one with the token in its `Configuration`.
    ///
    /// - Returns: the token, printable ASCII. It is as good as the password until it expires: keep it
    ///   where nobody else reads it.
    /// - Throws: status Unimplemented if the server has no users; code `.incompatible` if what it
    ///   sends cannot be a token.
    public func login(user: String, password: String) async throws(ClientError) -> String {
        var request = Immudb_Schema_LoginRequest()
        request.user = Data(user.utf8)
        request.password = Data(password.utf8)
        let response: Immudb_Schema_LoginResponse = try await call(ImmuService.login, request)
        let isPrintable = response.token.allSatisfy { (0x21...0x7e).contains($0) }
        guard !response.token.isEmpty, isPrintable else {
            throw ClientError(
                .incompatible, "the server answered the login without a token that can be sent back"
            )
        }
        return String(decoding: response.token, as: UTF8.self)
    }
}
