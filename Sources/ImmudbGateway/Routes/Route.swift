import HTTPTypes
import ImmudbProtocol
import NIOCore
import SwiftProtobuf

/// A route of the REST interface: its path, its handler, and its description.
struct Route: Sendable {
    /// The value in a path, and its name in the documents.
    struct Parameter: Sendable {
        let name: String
        let type: FieldType
    }

    enum Answer: Sendable {
        case message(SchemaDescription)
        /// Lines of `{"result":…}`; a failed stream ends with `{"error":…}`.
        case lines(SchemaDescription)

        var schema: SchemaDescription {
            switch self {
            case .message(let schema), .lines(let schema): schema
            }
        }
    }

    typealias Handler =
        nonisolated(nonsending) @Sendable (GatewayRequest, GatewayCore) async throws -> Reply

    let method: HTTPRequest.Method
    /// The path below ``Routes/base``, without the parameter.
    let path: String
    let parameter: Parameter?
    /// The remote procedure that the route calls.
    let procedure: ImmuService.Method
    let body: SchemaDescription?
    let answer: Answer
    let summary: String
    /// Whether the gateway verifies the answer.
    let isVerified: Bool
    let handler: Handler

    /// Whether a call may take long. Such a call is cancelled when its client disconnects.
    var isLong: Bool {
        switch procedure.answer {
        case .entries, .entryStream: true
        case .plain: procedure.path == ImmuService.count
        case .path, .proof, .provenEntry: false
        }
    }

    let isLogin: Bool

    /// The path as the documents show it: `/v1/immurestproxy/item/{key}`.
    var template: String {
        "\(Routes.base)/\(path)" + (parameter.map { "/{\($0.name)}" } ?? "")
    }

    init(
        _ method: HTTPRequest.Method, _ path: String, parameter: Parameter? = nil,
        _ procedure: String, body: SchemaDescription? = nil, answer: Answer,
        isVerified: Bool = false, _ summary: String, _ handler: @escaping Handler
    ) {
        guard let procedure = ImmuService.methods.first(where: { $0.path == procedure }) else {
            preconditionFailure("\(procedure) is no remote procedure")
        }
        self.method = method
        self.path = path
        self.parameter = parameter
        self.procedure = procedure
        isLogin = procedure.path == ImmuService.login
        self.body = body
        self.answer = answer
        self.summary = summary
        self.isVerified = isVerified
        self.handler = handler
    }
}

/// The answer of a route.
struct Reply: Sendable {
    enum Body: Sendable {
        case bytes(ByteBuffer)
        /// Lines that are written as they arrive. `write` writes all of them; an error that it throws becomes the
        /// last line. `cancel` ends it early.
        case lines(
            write: @Sendable (_ line: (ByteBuffer) async throws -> Void) async throws -> Void,
            cancel: @Sendable () -> Void)
    }

    let body: Body
    var headers = HTTPFields()

    /// An answer of one of the gateway's own handlers.
    init(_ write: (inout JSONText) -> Void) {
        var text = JSONText()
        text.object(write)
        body = .bytes(text.buffer)
    }

    init(_ body: Body, _ headers: HTTPFields) {
        self.body = body
        self.headers = headers
    }
}
