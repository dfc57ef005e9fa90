import NIOCore
import NIOPosix
import POSIX

/// One attempt to connect: resolves the server's name and tries its addresses by RFC 8305, the next one as soon as one
/// fails or has not answered for 250 ms. Event loop only.
///
/// Each address has its own channel, without the handler that makes it a connection of the client.
/// The first channel that connects is the result and gets that handler; the other channels are
/// closed, which cannot affect it.
final class ConnectionAttempt {
    /// An address that was tried.
    private struct Try {
        let address: String
        let channel: any Channel
        /// The reason why the connection failed; nil until it fails.
        var failure: String?
    }

    private let configuration: RPCClient.Configuration
    private let eventLoop: any EventLoop
    private var tries: [Try] = []
    private var isOver = false

    init(_ configuration: RPCClient.Configuration, on eventLoop: any EventLoop) {
        self.configuration = configuration
        self.eventLoop = eventLoop
    }

    /// Calls `done` once with the outcome; never after `cancel`.
    func start(_ done: @escaping (Outcome) -> Void) {
        if let connector = configuration.connector {
            connect(by: connector, done)
        } else {
            connectByNetwork(done)
        }
    }

    private func connect(
        by connector: () throws(RPCError) -> NIOBSDSocket.Handle,
        _ done: @escaping (Outcome) -> Void
    ) {
        let socket: NIOBSDSocket.Handle
        do throws(RPCError) {
            socket = try connector()
        } catch {
            // `done` is never called before `start` has returned.
            return eventLoop.assumeIsolated().execute { self.finish(.failure(error), done) }
        }
        bootstrap.withConnectedSocket(socket)
            .assumeIsolated()
            .whenComplete { result in self.finish(result, done) }
    }

    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: eventLoop)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4096, initial: 16 << 10, maximum: 128 << 10))
    }

    private func connectByNetwork(_ done: @escaping (Outcome) -> Void) {
        let attempt = NIOLoopBound(self, eventLoop: eventLoop)
        var bootstrap =
            bootstrap
            .connectTimeout(configuration.connectTimeout.timeAmount)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try attempt.value.prepare(channel) }
            }
        if let makeResolver = configuration.makeResolver {
            bootstrap = bootstrap.resolver(makeResolver(eventLoop))
        }
        bootstrap.connect(host: configuration.host, port: configuration.port)
            .assumeIsolated()
            .whenComplete { result in self.finish(result, done) }
    }

    enum Outcome {
        /// The channel, and the address of its peer.
        case connected(any Channel, address: String)
        /// The reason, for a message.
        case failed(String)
    }

    /// Closes all channels. `done` is not called afterwards.
    func cancel() {
        isOver = true
        for attempt in tries { attempt.channel.close(promise: nil) }
    }

    private func prepare(_ channel: any Channel) throws {
        guard !isOver else { throw ChannelError.ioOnClosedChannel }
        try configuration.channelHook?(channel)
        try channel.pipeline.syncOperations.addHandler(AddressRecorder(self))
    }

    private func finish(_ result: Result<any Channel, any Error>, _ done: (Outcome) -> Void) {
        if isOver {
            if case .success(let channel) = result { channel.close(promise: nil) }
            return
        }
        isOver = true
        switch result {
        case .success(let channel):
            let address = tries.first { $0.channel === channel }?.address
            done(.connected(channel, address: address ?? configuration.authority))
        case .failure(let error):
            done(.failed(reason(for: error)))
        }
        tries = []
    }

    // MARK: addresses

    fileprivate func begins(_ address: SocketAddress, _ channel: any Channel) -> Int {
        tries.append(Try(address: Self.text(of: address), channel: channel))
        return tries.count - 1
    }

    fileprivate func failed(_ number: Int, _ error: any Error) {
        guard !isOver, tries.indices.contains(number) else { return }
        // When the time is over, NIO closes the remaining channels; they have not failed by themselves.
        if !(error is ChannelError) { tries[number].failure = Self.describe(error) }
    }

    // MARK: words

    private func reason(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError where error.connectionErrors.isEmpty:
            let failures = [error.dnsAAAAError, error.dnsAError].compactMap { $0 }
            guard let failure = failures.first else { return "the name has no address" }
            return Self.describe(failure)
        case let error as NIOConnectionError:
            return list(
                error.connectionErrors.map { (Self.text(of: $0.target), Self.describe($0.error)) })
        case ChannelError.connectTimeout where tries.isEmpty:
            return "the name was not resolved within \(configuration.connectTimeout.words)"
        case ChannelError.connectTimeout:
            return list(
                tries.map { ($0.address, $0.failure ?? configuration.noAnswer) })
        default:
            return Self.describe(error)
        }
    }

    private func list(_ failures: [(address: String, reason: String)]) -> String {
        if failures.count == 1, failures[0].address == configuration.authority {
            return failures[0].reason
        }
        return failures.map { "\($0.address): \($0.reason)" }.joined(separator: "; ")
    }

    /// Describes an error of a socket or of a name's resolution, for a message.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: Errno(rawValue: error.errnoCode).description
        case let error as RPCError: error.message
        case let error as SocketAddressError.UnknownHost:
            "unknown host \(error.host): \(error.errorDescription)"
        default: "\(error)"
        }
    }

    private static func text(of address: SocketAddress) -> String {
        switch address {
        case .v4, .v6:
            guard let ip = address.ipAddress, let port = address.port else { return "\(address)" }
            return hostAndPort(ip, port)
        default: return "\(address)"
        }
    }
}

/// Records which address a channel connects to, and the outcome.
private final class AddressRecorder: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = Never

    private let attempt: ConnectionAttempt

    init(_ attempt: ConnectionAttempt) { self.attempt = attempt }

    func connect(
        context: ChannelHandlerContext, to address: SocketAddress, promise: EventLoopPromise<Void>?
    ) {
        let number = attempt.begins(address, context.channel)
        let connected = context.eventLoop.makePromise(of: Void.self)
        connected.futureResult.assumeIsolated().whenComplete { [attempt] result in
            switch result {
            case .success: context.pipeline.syncOperations.removeHandler(self, promise: nil)
            case .failure(let error): attempt.failed(number, error)
            }
        }
        connected.futureResult.cascade(to: promise)
        context.connect(to: address, promise: connected)
    }
}
