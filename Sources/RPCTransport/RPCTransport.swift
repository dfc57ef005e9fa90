// RPCTransport: gRPC over HTTP/2, server and client side; unary and server-streaming calls.
//
// It knows nothing of immudb. From the wire upwards:
//
//   channel          SwiftNIO's socket, and what the configuration's `channelHook` adds (TLS).
//   HTTP2Connection  one nghttp2 session behind a channel handler: bytes in, frames out. nghttp2
//                    does the framing, HPACK, flow control, and answers floods and protocol
//                    errors itself.
//   ServerConnection, ClientConnection
//                    subclasses that map HTTP/2 streams to calls: headers to `Metadata`, DATA to
//                    length-prefixed messages, trailers to a status.
//   ServerCall, ServerStream, RPCClient
//                    what an application holds: handles without HTTP/2 in them.
//
// The life of a unary call on the server (start to read at `RPCServer`, then `ServerConnection`):
//
//   read ─► nghttp2 callbacks ─► ServerCall (one object a call) ─► ServerLoop.enqueue
//        at the end of the loop's cycle: one batch ─► WorkerPool ─► decode, handler
//        reply, on any thread: serialised in place behind its prefix ─► the loop's Outbox
//        one `execute` for many answers ─► nghttp2 ─► one write for many frames
//
// No actor, task or continuation lies on that way. An answer costs about one object, two buffers
// and its share of two hand-overs between threads.
//
// Who may touch what: a connection and everything in it belong to its event loop; a call's fields
// are handed from thread to thread with the call (see the comment at each `@unchecked Sendable`).
//
// What a handler must not do: crash. Swift cannot contain a trap, so a handler that traps takes the
// process with it. Check, and answer with a status.
//
// `@exclusivity(unchecked)` marks fields that every call touches many times: the run-time check for
// overlapping accesses costs a twentieth of a call. No access to them spans a call to code that
// could touch the same field.
