import NIOCore
import NIOSSL
import NIOTLS

/// Stands between TLS and HTTP/2: checks the result of the handshake, and describes why it failed. Event loop only.
final class TLSHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum Side {
        case server(ServerTLS)
        /// The name for which the server's certificate must be valid.
        case client(ClientTLS, name: String)
    }

    private let side: Side
    private let gate: TLSGate
    private let tls: NIOSSLHandler
    /// Called after the handshake with the peer's certificate, if it has one.
    private let done: (PeerCertificate?) -> Void
    private let failed: (_ reason: () -> String) -> Void
    private var isOver = false
    private var hasFailed = false

    private init(
        _ side: Side, _ gate: TLSGate, _ tls: NIOSSLHandler,
        done: @escaping (PeerCertificate?) -> Void, failed: @escaping (() -> String) -> Void
    ) {
        self.side = side
        self.gate = gate
        self.tls = tls
        self.done = done
        self.failed = failed
    }

    /// Keeps a buffer for the next write that is large enough for most writes of a busy connection.
    private static var configuration: NIOSSLHandler.Configuration {
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = 32 << 10
        return configuration
    }

    /// Puts TLS in front of a server's connection, which is not in the pipeline yet.
    ///
    /// - Parameters:
    ///   - done: called after the handshake with the client's certificate.
    ///   - failed: called with the reason of a failure, if the client has sent anything at all.
    static func serve(
        _ tls: ServerTLS, on channel: any Channel, _ http2: HTTP2Connection, _ turns: LoopTurns,
        done: @escaping (PeerCertificate?) -> Void, failed: @escaping (() -> String) -> Void
    ) throws {
        let gate = TLSGate(turns)
        let handler = NIOSSLServerHandler(context: tls.context, configuration: configuration)
        let handshake = TLSHandshake(.server(tls), gate, handler, done: done, failed: failed)
        try channel.pipeline.syncOperations.addHandlers([gate, handler, handshake])
        http2.cutSocket = { gate.cut() }
    }

    /// Puts TLS in front of a client's connection, which is not in the pipeline yet.
    ///
    /// - Throws: `RPCError` if TLS cannot verify a server of that name.
    static func connect(
        _ tls: ClientTLS, host: String, on channel: any Channel, _ http2: HTTP2Connection
    ) throws {
        let name = tls.serverName ?? host
        do {
            let gate = TLSGate(nil)
            let handler = try NIOSSLClientHandler(
                context: tls.context, serverHostname: try nameToSend(name, channel.remoteAddress),
                configuration: configuration)
            let handshake = TLSHandshake(
                .client(tls, name: name), gate, handler, done: { _ in }, failed: { _ in })
            http2.cutSocket = { gate.cut() }
            // The handshake begins when `handler` is added; its result needs an answer of the server.
            try channel.pipeline.syncOperations.addHandlers([gate, handler, handshake])
        } catch {
            throw RPCError(
                .unavailable, TLSFault.atClient(error, nil, tls, name: name),
                requestFate: .notProcessed)
        }
    }

    /// Returns nil for an address: NIOSSL then verifies the address that the channel is connected to.
    private static func nameToSend(
        _ name: String, _ peer: SocketAddress?
    ) throws(TLSFault) -> String? {
        guard isAddress(name), let address = try? SocketAddress(ipAddress: name, port: 0) else {
            return name
        }
        guard let own = address.ipAddress, let other = peer?.ipAddress, own == other else {
            throw .otherAddress(name: name, address: peer?.ipAddress ?? "nowhere")
        }
        return nil
    }

    // MARK: channel

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated) = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        guard negotiated == "h2" else { return fail(context, TLSFault.noHTTP2) }
        let certificate = tls.peerCertificate
        // When a session is resumed, TLS does not check the validity of the certificate.
        if let certificate, let fault = CertificateFacts(certificate).faultOfTime {
            let owner = if case .server = side { "client" } else { "server" }
            return fail(context, TLSFault.certificate("the \(owner)'s certificate \(fault)"))
        }
        // NIOSSL also accepts a certificate for the address that the channel is connected to.
        if case .client(_, let name) = side, let certificate, !isAddress(name),
            !CertificateFacts(certificate).isFor(hostNamed: name)
        {
            return fail(context, NIOSSLExtraError.failedToValidateHostname)
        }
        isOver = true
        gate.handshakeIsOver()
        if case .server = side { done(certificate.flatMap(PeerCertificate.init)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !hasFailed else { return }
        switch (side, error) {
        case (_, NIOSSLError.uncleanShutdown), (_, NIOSSLError.shutdownFailed):
            // The channel closes; HTTP/2 detects whether something is missing.
            return
        case (.server, _) where isOver:
            context.fireErrorCaught(error)
        default:
            fail(context, error)
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        hasFailed = true
        gate.closeSoon()
        switch side {
        case .server(let tls):
            // A peer that connects and disconnects only checks whether the port is open.
            if gate.receivedByteCount > 0 {
                failed {
                    gate.wasCut
                        ? "the client did not finish the TLS handshake in time"
                        : TLSFault.atServer(error, self.tls.peerCertificate, tls)
                }
            }
            context.fireErrorCaught(error)
        case .client(let tls, let name):
            guard !(error is IOError) else { return context.fireErrorCaught(error) }
            let text = TLSFault.atClient(error, self.tls.peerCertificate, tls, name: name)
            context.fireErrorCaught(RPCError(.unavailable, text))
        }
    }
}

private func isAddress(_ name: String) -> Bool {
    (try? SocketAddress(ipAddress: name, port: 0)) != nil
}
