import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ImmudbProtocol
import Logging
import NIOCore
import RPCTransport

/// Answers every request. Read this file first for the life of a request.
///
/// The path selects a page of the gateway or a route. The body is received whole, within limits. The route's handler
/// calls immudb with the caller's header. Errors become answers in one place, `respond`.
struct GatewayResponder: HTTPResponder {
    let core: GatewayCore
    let pages: Pages

    func respond(to request: Request, context: GatewayContext) async throws -> Response {
        let started = ContinuousClock.now
        if let fields = CrossOrigin.preflight(request.head) {
            return Response(status: .ok, headers: fields)
        }
        let executor = context.connection.executor
        await executor.beginRequest()
        if request.head.path?.utf8.count ?? 0 > ConnectionExecutor.largestPathByteCount {
            await executor.leaveLoop()
        }
        let (path, route) = find(request.head)
        var response: Response
        if case .route(let position, let parameter) = route {
            response = await answer(
                Routes.all[position], parameter, request, context)
            finish(&response, request, position, started)
        } else {
            if case .wrongMethod(let allowed) = route {
                response = .wrongMethod(allowed: allowed)
            } else {
                await executor.leaveLoop()
                response = pages.answer(request.head, path, core)
            }
            finish(&response, request, nil, started)
        }
        return response
    }

    private func finish(
        _ response: inout Response, _ request: Request, _ route: Int?,
        _ started: ContinuousClock.Instant
    ) {
        CrossOrigin.add(to: &response.headers, for: request.head)
        if request.method == .head {
            // The client would take a body for the beginning of the next answer.
            response.headers[.contentLength] = "\(response.body.contentLength ?? 0)"
            response.body = ResponseBody()
        }
        core.metrics.answered(
            route, status: response.status.code, after: .now - started)
    }

    /// Returns the decoded path and its match.
    private func find(_ head: HTTPRequest) -> (path: String, Routes.Match) {
        let target = head.path ?? "/"
        // All paths are ASCII; the time to hash other characters can grow with the square of their number.
        guard target.utf8.allSatisfy({ $0 < 0x80 }) else { return ("", .unknown) }
        guard let path = Self.decodedPath(target), path.utf8.starts(with: Self.prefix.utf8)
        else { return (target, .unknown) }
        guard path.utf8.allSatisfy({ $0 < 0x80 }) else { return ("", .unknown) }
        let rest = Substring(path.utf8.dropFirst(Self.prefix.utf8.count))
        var method = head.method.rawValue
        // A form may use a route of another method, as with the original's library.
        let isForm =
            method == "POST"
            && head.headerFields[.contentType] == "application/x-www-form-urlencoded"
        if isForm, let other = head.headerFields[Self.methodOverride] {
            method = other.utf8.count <= 16 ? other.uppercased() : ""
        }
        return (path, Routes.match(method, rest, mayFallBackToGet: isForm))
    }

    /// Returns the path of a request's target; nil if its encoding is invalid.
    private static func decodedPath(_ target: String) -> String? {
        // By bytes, since each request has a path, and iterating over characters takes ten times as long.
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard path.contains(UInt8(ascii: "%")) else { return String(Substring(path)) }
        return Substring(path).removingPercentEncoding
    }

    private static let prefix = Routes.base + "/"
    private static let methodOverride = HTTPField.Name("X-HTTP-Method-Override")!

    private nonisolated(nonsending) func answer(
        _ route: Route, _ parameter: String?, _ request: Request, _ context: GatewayContext
    ) async -> Response {
        do {
            // Counted by host, since a call continues for a while after its client has
            // disconnected.
            let host = context.connection.host
            let calls = route.isLogin ? core.logins : core.calls
            guard calls.admit(host) else { throw Self.tooManyCalls(route) }
            defer { calls.forget(host) }
            let received = try await receive(route, parameter, request, context)
            let reply = try await run(route, received, context)
            return Self.response(reply, received, context)
        } catch {
            let failure = GatewayError(error, isWrite: route.procedure.appends)
            log(failure, route, context)
            return Self.response(failure, route)
        }
    }

    private nonisolated(nonsending) func receive(
        _ route: Route, _ parameter: String?, _ request: Request, _ context: GatewayContext
    ) async throws -> GatewayRequest {
        let connection = context.connection
        let room = Room(of: connection, in: core.held)
        let body = try await BodyReader.read(request, core.limits, room)
        return GatewayRequest(
            body: body, parameter: parameter,
            metadata: try ForwardedMetadata.of(
                request.head, from: connection.address, limit: core.limits.maxForwardedByteCount),
            statedTimeout: try GRPCTimeout.of(request.head).map {
                min($0, core.limits.maxCallTimeout)
            }, connection: connection, room: room, limits: core.limits)
    }

    private static func tooManyCalls(_ route: Route) -> GatewayError {
        let what = route.isLogin ? "logins" : "calls"
        var error = GatewayError(
            .resourceExhausted, "too many \(what) are waiting for immudb: try again in a moment")
        error.endsConnection = true
        return error
    }

    /// Runs the handler. A long call ends when its client disconnects.
    private nonisolated(nonsending) func run(
        _ route: Route, _ request: GatewayRequest, _ context: GatewayContext
    ) async throws -> Reply {
        guard route.isLong else { return try await route.handler(request, core) }
        context.connection.executor.leaveLoopLater()  // also for lines written later
        let task = Task { try await route.handler(request, core) }
        await context.watch { task.cancel() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func log(_ failure: GatewayError, _ route: Route, _ context: GatewayContext) {
        let line = "\(route.method) \(route.path) of \(context.connection.address ?? "unknown"): "
        guard [.internalError, .dataLoss, .unknown].contains(failure.code) else {
            core.log.debug("\(line)\(failure.message)")
            return
        }
        core.failures.report(route.path, line + failure.message.shortened)
    }

    // MARK: answers

    private static func response(
        _ reply: Reply, _ request: GatewayRequest, _ context: GatewayContext
    ) -> Response {
        var headers = reply.headers
        headers[.contentType] = "application/json"
        switch reply.body {
        case .bytes(let bytes) where bytes.readableBytes < request.limits.countedAnswerByteCount:
            return Response(status: .ok, headers: headers, body: .init(byteBuffer: bytes))
        case .bytes(let bytes):
            // From now on the request holds only the answer.
            request.room.shrink(to: bytes.readableBytes)
            return Response(
                status: .ok, headers: headers, body: .pieces(of: bytes, keeping: request.room))
        case .lines(let write, let cancel):
            return Response(
                status: .ok, headers: headers,
                body: ResponseBody { writer in
                    await context.watch(cancel)
                    do {
                        try await write { line in try await writer.write(line) }
                    } catch let error as RPCError {
                        var line = GatewayError(error).streamBody
                        line.writeStaticString("\n")
                        try await writer.write(line)
                    }
                    try await writer.finish(nil)
                })
        }
    }

    private static func response(_ failure: GatewayError, _ route: Route) -> Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        // The rest of the body is not received.
        if failure.endsConnection { headers[.connection] = "close" }
        let body: ByteBuffer
        if case .lines = route.answer {
            body = failure.streamBody
        } else {
            body = failure.body
        }
        return Response(status: failure.status, headers: headers, body: .init(byteBuffer: body))
    }
}

extension Response {
    /// Returns an answer as text: `Not Found`, `Method Not Allowed`.
    static func plain(_ status: HTTPResponse.Status) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: "text/plain; charset=utf-8", .xContentTypeOptions: "nosniff",
            ],
            body: .init(byteBuffer: ByteBuffer(string: "\(status.reasonPhrase)\n")))
    }

    static func wrongMethod(allowed: String) -> Response {
        var response = plain(.methodNotAllowed)
        response.headers[.allow] = allowed
        return response
    }
}

extension ResponseBody {
    /// Returns a body that is written in pieces, at the client's pace.
    fileprivate static func pieces(of bytes: ByteBuffer, keeping room: Room) -> ResponseBody {
        ResponseBody(contentLength: bytes.readableBytes) { writer in
            defer { withExtendedLifetime(room) {} }
            var rest = bytes
            while let piece = rest.readSlice(length: min(rest.readableBytes, 64 << 10)),
                piece.readableBytes > 0
            {
                try await writer.write(piece)
            }
            try await writer.finish(nil)
        }
    }
}
