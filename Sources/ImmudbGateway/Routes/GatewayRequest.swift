import HTTPTypes
import ImmudbClient
import NIOCore
import RPCTransport
import SwiftProtobuf

/// A request whose body is complete.
struct GatewayRequest: Sendable {
    let body: ByteBuffer
    /// The decoded last part of the path, if the route has a parameter.
    let parameter: String?
    /// The metadata that is forwarded to immudb.
    let metadata: Metadata
    /// The time limit that the request names; nil if it names none.
    let statedTimeout: Duration?
    let connection: GatewayConnection
    /// The memory that the request holds.
    let room: Room
    let limits: RequestLimits

    var timeout: Duration { statedTimeout ?? limits.callTimeout }

    /// Counts an answer of immudb before it is received: as received, decoded, and as JSON.
    var admission: AnswerAdmission {
        { [connection, room, limits] byteCount in
            if byteCount > ConnectionExecutor.largestByteCount {
                connection.executor.leaveLoopLater()
            }
            return byteCount < limits.countedAnswerByteCount || room.grow(by: 4 * byteCount)
        }
    }

    /// Reads the body.
    nonisolated(nonsending) func message<Message: SwiftProtobuf.Message>(
        _ shape: MessageShape<Message>
    ) async throws -> Message {
        if let message = PlainJSON.read(body, as: shape) { return message }
        // `JSONDecoder` takes up to 0.2 µs per byte.
        if body.readableBytes > ConnectionExecutor.largestDecodedByteCount {
            await connection.executor.leaveLoop()
        }
        return try JSONBody.read(body, as: shape)
    }

    /// Decodes the parameter in the path: padded base64, standard or URL-safe.
    func bytes(_ parameter: Route.Parameter) throws -> [UInt8] {
        let text = self.parameter ?? ""
        guard let bytes = base64Bytes(text) else {
            throw Self.mismatch(parameter, "illegal base64 data")
        }
        return bytes
    }

    func number(_ parameter: Route.Parameter) throws -> UInt64 {
        let text = self.parameter ?? ""
        guard let number = UInt64(text), text.first != "+" else {
            throw Self.mismatch(parameter, "not a whole number from 0 to \(UInt64.max)")
        }
        return number
    }

    private static func mismatch(_ parameter: Route.Parameter, _ detail: String) -> GatewayError {
        GatewayError(
            .invalidArgument, "type mismatch, parameter: \(parameter.name), error: \(detail)")
    }
}
