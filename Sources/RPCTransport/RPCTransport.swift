// RPCTransport: gRPC over HTTP/2, server and client side; unary and server-streaming calls.
//
// It knows nothing of immudb. The folders:
//
//   HTTP2/    HTTP2Connection: one nghttp2 session behind a channel handler; bytes in, frames out. nghttp2
//             does the framing, HPACK and flow control. Its delegate gives streams a meaning.
//   Server/   RPCServer, and what a handler holds: ServerCall, ServerStream.
//   Client/   RPCClient, and the answers of streams.
//
// The life of a unary call on the server:
//
//   read ─► nghttp2 ─► ServerConnection: RequestHeaders, IncomingRequest (states of an ActiveCall)
//        complete: the request's bytes move into a ServerCall ─► ServerLoop.enqueue
//        at the end of the loop's cycle: one batch ─► the WorkerPool of its class ─► decode, handler
//        reply, on any thread: serialised in place behind its prefix ─► LoopMailbox
//        one `execute` for many answers ─► ServerConnection.submit ─► nghttp2 ─► one write for many frames
//
// No actor, task or continuation lies on that way.
//
// Who may touch what: a connection and everything in it (ActiveCall, ServerLoop) belong to their
// event loop, and other threads hold them as `NIOLoopBound` only. A ServerCall is what both sides
// share; all that changes in it is locked or atomic. The compiler checks that on the server's side:
// `@unchecked Sendable` are only nghttp2's tables, which never change.
//
// Who may make the server hold how much, and who has to go: `Server/Admission.swift`. What is held is a
// `Reservation`, which gives itself back.
//
// What a handler must not do: crash. Swift cannot contain a trap, so a handler that traps takes the
// process with it. Check, and answer with a status.
