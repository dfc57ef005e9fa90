import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RPCTransport

/// Receives the body of a request, and counts its bytes before it keeps them.
enum BodyReader {
    /// The copies of a body in memory: its buffer, the text of a value, its bytes, the stored value, and the message
    /// for immudb.
    private static let copyCount = 5
    /// Smaller bodies are not counted, since their connections are.
    private static let uncountedByteCount = ConnectionExecutor.largestByteCount

    nonisolated(nonsending) static func read(
        _ request: Request, _ limits: RequestLimits, _ room: Room
    ) async throws -> ByteBuffer {
        if let text = request.headers[.contentLength], let announced = Int(text),
            announced > limits.maxBodyByteCount
        {
            throw tooLarge(limits)
        }
        do {
            return try await receive(request, limits, room)
        } catch let error as GatewayError {
            throw error
        } catch let error as JSONFault {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            // The framing is wrong, or the client has disconnected.
            var error = GatewayError(.invalidArgument, "the body cannot be received: \(error)")
            error.endsConnection = true
            throw error
        }
    }

    private nonisolated(nonsending) static func receive(
        _ request: Request, _ limits: RequestLimits, _ room: Room
    ) async throws -> ByteBuffer {
        var body = ByteBuffer()
        for try await part in request.body {
            let count = body.readableBytes + part.readableBytes
            guard count <= limits.maxBodyByteCount else { throw tooLarge(limits) }
            if count > uncountedByteCount {
                let more = body.readableBytes > uncountedByteCount ? part.readableBytes : count
                guard room.grow(by: copyCount * more) else { throw noRoom }
            }
            if body.readableBytes == 0 { body = part } else { body.writeImmutableBuffer(part) }
        }
        guard body.readableBytes > uncountedByteCount else { return body }
        await room.connection.executor.leaveLoop()
        let valueCount = try JSONScan.valueCount(body)
        guard valueCount <= limits.maxValueCount else {
            throw GatewayError(
                .invalidArgument,
                "the body has \(valueCount) values and names, more than the \(limits.maxValueCount) of the largest batch"
            )
        }
        guard room.grow(by: valueCount * limits.valueByteCount) else { throw noRoom }
        return body
    }

    private static func tooLarge(_ limits: RequestLimits) -> GatewayError {
        var error = GatewayError(
            .resourceExhausted, "the body exceeds the limit of \(limits.maxBodyByteCount) bytes",
            status: .contentTooLarge)
        error.endsConnection = true
        return error
    }

    private static var noRoom: GatewayError {
        var error = GatewayError(
            .resourceExhausted,
            "the gateway holds too many bytes of requests: try again in a moment")
        error.endsConnection = true
        return error
    }
}
